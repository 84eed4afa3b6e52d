import Cache
import Control
import DiskStore
import Proxy
import Relay
import SQLiteCatalog
import Sessions

/// Everything that the operator may choose, with the defaults; ``Setting/all`` gives each a key.
struct ServiceSettings: Sendable {
    /// The form of log lines.
    enum LogFormat: String, CaseIterable, Sendable {
        case text, json
    }

    /// How much is logged.
    enum Verbosity: String, CaseIterable, Sendable {
        case debug, info, warning, error
    }

    /// Who finds the addresses of origins behind an upstream proxy.
    enum Resolver: String, CaseIterable, Sendable {
        /// We do, and check them.
        case service
        /// The upstream proxy does; only literal addresses are checked.
        case proxy
    }

    /// When bytes of a large body go to clients of strict sessions.
    enum StrictDelivery: String, CaseIterable, Sendable {
        /// Before the verdict only where the client compares the whole with a digest that it has, and never the end.
        case verified
        /// Not before the verdict.
        case hold
    }

    /// Where the proxy and the control API listen; `nil` for all addresses.
    var proxyAddress: String?
    var proxyPort: UInt16 = 9988
    var controlAddress: String?
    var controlPort: UInt16 = 9999
    /// Further names under which the control API may be reached.
    var controlNames: [String] = []
    /// A file with `user:password`; `FETCH_SERVICE_AUTH` goes before it.
    var credentialsFile: String?

    /// The state folder; `nil` until the configuration has found it.
    var stateFolder: String?
    /// Path of the local socket; `nil` for the usual places.
    var controlSocket: String?
    /// Where the cache is; `nil` for the state folder.
    var cacheFolder: String?
    /// The authority's certificate and key; `nil` for our own.
    var certificate: String?
    var key: String?

    var allowsPermissive = false
    var strictDelivery = StrictDelivery.verified
    var recordDurability = Durability.process
    var idleShutdown = Duration.zero
    var stopTimeout = Duration.milliseconds(800)
    /// How long the lock of the state folder is waited for by who was handed its sockets; `nil`: ``stopTimeout`` and 10 s.
    var takeoverTimeout: Duration?
    /// Event loops; `nil` for one per processor.
    var loops: Int?

    var logFile: String?
    var logFormat = LogFormat.text
    var verbosity = Verbosity.info

    var upstreamHTTP: String?
    var upstreamHTTPS: String?
    var upstreamBypass: String?
    var upstreamResolver = Resolver.service

    var proxy = ProxySettings()
    var sessions = SessionSettings()
    /// Its user, password, names and path are filled in at the start.
    var control = ControlSettings(user: "", password: "", spoolPath: "")
    var cache = ResponseCache.Settings()
    var disk = DiskStoreSettings()
    var scrubber = Scrubber.Settings()

    /// Whether others must not read what the settings are written in.
    var holdsPasswords: Bool { [upstreamHTTP, upstreamHTTPS].contains { $0?.contains("@") == true } }

    /// How long the lock of the state folder is waited for.
    var lockPatience: Duration { takeoverTimeout ?? stopTimeout + .seconds(10) }
}

extension SessionSettings {
    /// Lifetime of a session that asks for none.
    var defaultLifetime: Duration {
        get { .seconds(defaultTimeout) }
        set { defaultTimeout = newValue.components.seconds }
    }

    /// The longest lifetime.
    var longestLifetime: Duration {
        get { .seconds(maximumTimeout) }
        set { maximumTimeout = newValue.components.seconds }
    }
}
