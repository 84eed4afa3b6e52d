import Cache
import Control
import DiskStore
import Proxy
import Relay
import Sessions

extension Setting {
    /// All settings, in the order of the reference.
    static let all: [Setting] = parts.flatMap { $0 }

    private static var parts: [[Setting]] {
        [listening, state, log, control, sessions, upstream, cache, record, timeouts, limits]
    }

    private static let hours = Duration.seconds(3_600)

    /// What the sections are about, for the reference.
    static let sections: [(name: String, summary: String)] = [
        ("", "The service as a whole."),
        ("listen", "Where the service listens."),
        ("authority", "The certificate authority whose certificates the proxy's clients see."),
        ("log", "The log."),
        ("control", "The control API."),
        ("sessions", "How long sessions live, and what they leave behind."),
        ("upstream", "Proxies between the service and the origins."),
        ("cache", "What is kept for reuse."),
        ("record", "The record of sessions."),
        ("timeouts", "How long things may take."),
        ("limits", "How much of things there may be."),
    ]

    private static var listening: [Setting] {
        var all: [Setting] = []
        all.append(
            Setting(
                "listen.proxy-address", \.proxyAddress, .orAuto(.address, "all addresses of the machine"),
                "Address of the proxy.", flag: "--bind"))
        all.append(
            Setting(
                "listen.proxy-port", \.proxyPort, .count(0...65_535), "Port of the proxy; 0 for any free one.",
                flag: "--proxy-port"))
        all.append(
            Setting(
                "listen.control-address", \.controlAddress, .orAuto(.address, "all addresses of the machine"),
                "Address of the control API.", flag: "--bind"))
        all.append(
            Setting(
                "listen.control-port", \.controlPort, .count(0...65_535),
                "Port of the control API; 0 for any free one.", flag: "--control-port"))
        return all
    }

    private static var state: [Setting] {
        var all: [Setting] = []
        all.append(
            Setting(
                "spool", \.stateFolder,
                .orAuto(.path, "/var/lib/fetch for root, else $XDG_STATE_HOME/fetch-service"),
                "State folder: the sessions' files, the record, and the cache unless it has a folder of its own.",
                flag: "--spool"))
        all.append(
            Setting(
                "control-socket", \.controlSocket,
                .orAuto(.path, "where $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR or /run has room, else the state folder"),
                "Local socket for fetchctl, which takes requests of this user and root without credentials.",
                flag: "--control-socket"))
        all.append(
            Setting(
                "permissive-mode", \.sessions.allowsPermissive, .flag, "Whether permissive sessions may be opened.",
                flag: "--permissive-mode", isLive: true))
        all.append(
            Setting(
                "strict-api", \.control.isStrict, .flag,
                "Whether unknown keys, unknown policies and too long lifetimes in `POST /session` and `create-session` "
                    + "are refused, not only told or logged."))
        all.append(
            Setting(
                "strict-delivery", \.strictDelivery, .choice,
                "When bytes of a large body go to clients of strict sessions: before the verdict where the client "
                    + "compares the whole with a digest that it has (and never the end), or not before the verdict."))
        all.append(
            Setting(
                "idle-shutdown", \.idleShutdown, .duration(.zero...hours * 24 * 365),
                "The service ends after so long without activity and sessions, and sessions end with it; 0 means never.",
                flag: "--idle-shutdown"))
        all.append(
            Setting(
                "stop-timeout", \.stopTimeout, .duration(.zero...hours),
                "How long transfers may go on after SIGTERM.", flag: "--stop-timeout", isLive: true))
        all.append(
            Setting(
                "takeover-timeout", \.takeoverTimeout, .orAuto(.duration(.zero...hours), "stop-timeout and 10s"),
                "How long a service that was handed its listening sockets waits for its predecessor to end."))
        all.append(
            Setting(
                "loops", \.loops, .orAuto(.count(1...1_024), "one for each processor"), "Event loops of the proxy.",
                flag: "--loops"))
        all.append(
            Setting(
                "authority.certificate", \.certificate, .orAuto(.path, "an authority of our own is made"),
                "Certificate of the authority (PEM).", flag: "--cert"))
        all.append(
            Setting(
                "authority.key", \.key, .orAuto(.path, "an authority of our own is made"),
                "Private key of that certificate (PEM).", flag: "--key"))
        return all
    }

    private static var log: [Setting] {
        var all: [Setting] = []
        all.append(
            Setting(
                "log.file", \.logFile, .orAuto(.path, "standard error"), "File that the log is appended to.",
                flag: "--log-file", isLive: true))
        all.append(
            Setting(
                "log.format", \.logFormat, .choice, "Lines of text, or one JSON object per line.",
                flag: "--log-format", isLive: true))
        all.append(
            Setting(
                "log.verbosity", \.verbosity, .choice, "The least that is logged.", flag: "--verbosity", isLive: true))
        return all
    }

    private static var control: [Setting] {
        var all: [Setting] = []
        all.append(
            Setting(
                "control.names", \.controlNames, .words,
                "Further host names under which the control API may be reached, besides addresses and this host's name.",
                flag: "--control-name"))
        all.append(
            Setting(
                "control.credentials-file", \.credentialsFile, .orAuto(.path, "credentials are made"),
                "File that holds `user:password` of the administrator; FETCH_SERVICE_AUTH goes before it."))
        all.append(
            Setting(
                "control.request-timeout", \.control.readTimeout, .duration(.seconds(1)...hours),
                "How long a client may take for a request."))
        all.append(
            Setting(
                "control.largest-request", \.control.largestBody, .bytes(1_024...(1 << 30)),
                "The largest request body."))
        all.append(
            Setting(
                "control.connections", \.control.mostConnections, .count(1...100_000),
                "Connections at a time; more are closed at once."))
        all.append(
            Setting(
                "control.inspection-wait", \.control.inspectionWait, .duration(.zero...hours),
                "How long a report waits for inspections."))
        all.append(
            Setting(
                "control.login-delay", \.control.loginDelay, .duration(.zero ... .seconds(60)),
                "The answer to the first failed login of an address, or revocation with a wrong token, comes so much later, "
                    + "then twice that, and so on."))
        all.append(
            Setting(
                "control.longest-login-delay", \.control.longestLoginDelay, .duration(.zero ... .seconds(60)),
                "The answer to a failed login or a wrong token never comes later than this."))
        all.append(
            Setting(
                "control.status", \.control.statusDetail, .choice,
                "How much `/status` tells everybody: the live sessions with their ids, or only how many there are."))
        all.append(
            Setting(
                "control.admin-from", \.control.administrators, .networks,
                "Networks from which one may administer, with the right credentials; everywhere when none is named."))
        all.append(
            Setting(
                "control.listeners", \.control.mostListeners, .count(1...10_000),
                "Listeners to live streams of sessions at a time."))
        return all
    }

    private static var sessions: [Setting] {
        var all: [Setting] = []
        all.append(
            Setting(
                "sessions.default-lifetime", \.sessions.defaultLifetime, .duration(.seconds(1)...hours * 24 * 365),
                "Lifetime of a session that asks for none.", isLive: true))
        all.append(
            Setting(
                "sessions.longest-lifetime", \.sessions.longestLifetime, .duration(.seconds(1)...hours * 24 * 365),
                "The longest lifetime; longer wishes are cut to it.", isLive: true))
        all.append(
            Setting(
                "sessions.keep-files", \.sessions.filesLast,
                .orAuto(.duration(.seconds(60)...hours * 24 * 3_650), "until somebody deletes the session's resources"),
                "How long the files of a finished session stay.", isLive: true))
        return all
    }

    private static var upstream: [Setting] {
        var all: [Setting] = []
        all.append(
            Setting(
                "upstream.http", \.upstreamHTTP, .orAuto(.upstreamProxy, "none"),
                "Proxy that leads to http origins, such as http://user:password@proxy.example:3128.",
                otherVariables: ["http_proxy", "HTTP_PROXY"]))
        all.append(
            Setting(
                "upstream.https", \.upstreamHTTPS, .orAuto(.upstreamProxy, "none"),
                "Proxy that leads to https origins.", otherVariables: ["https_proxy", "HTTPS_PROXY"]))
        all.append(
            Setting(
                "upstream.no-proxy", \.upstreamBypass, .orAuto(.text, "none"),
                "Hosts that are reached directly, with commas between them.", otherVariables: ["no_proxy", "NO_PROXY"]))
        all.append(
            Setting(
                "upstream.resolve", \.upstreamResolver, .choice,
                "Who finds the addresses of origins behind an upstream proxy: the service, which checks them, or the "
                    + "proxy; then only literal addresses are checked."))
        return all
    }

    private static var cache: [Setting] {
        var all: [Setting] = []
        let memory = SettingType<Int>.bytes(0...(1 << 40))
        all.append(
            Setting(
                "cache.folder", \.cacheFolder, .orAuto(.path, "within the state folder"),
                "Folder of the cache, which can be thrown away while the service does not run."))
        all.append(
            Setting(
                "cache.size", \.cache.sizeCap, .bytes((1 << 20)...(1 << 50)), "Most bytes that the cache keeps.",
                flag: "--cache-size", isLive: true))
        all.append(
            Setting(
                "cache.min-free", \.disk.minFree,
                .orAuto(.bytes(0...(1 << 50)), "256M or 2 % of the file system, whichever is smaller"),
                "Bytes that stay free on the file system; below it nothing more is cached."))
        all.append(
            Setting("cache.compress", \.disk.compresses, .flag, "Whether bodies are compressed where it pays."))
        all.append(Setting("cache.memory", \.cache.bodyMemory, memory, "Memory for small bodies."))
        all.append(Setting("cache.head-memory", \.cache.headMemory, memory, "Memory for heads and keys."))
        all.append(
            Setting(
                "cache.largest-in-memory", \.cache.largestBodyInMemory, .bytes(0...(16 << 20)),
                "The largest body that is kept in memory once it is asked for again."))
        all.append(
            Setting(
                "cache.decoded-memory", \.disk.decodedMemory, memory,
                "Memory for decoded parts of compressed bodies that are popular; at most a sixteenth of what the process "
                    + "may have."))
        all.append(
            Setting(
                "cache.mapped-files", \.disk.mappedFiles, memory,
                "Bytes of popular files that are mapped; at most a quarter of the memory that the process may have."))
        all.append(
            Setting(
                "cache.scrub-rate", \.scrubber.bytesPerSecond, .bytes(1_024...(1 << 40)),
                "Bytes per second that are read to compare stored bodies with their digests."))
        all.append(
            Setting(
                "cache.scrub-interval", \.scrubber.interval, .duration(.zero...hours * 24 * 365),
                "From the end of a pass over all stored bodies to the next."))
        return all
    }

    private static var record: [Setting] {
        var all: [Setting] = []
        all.append(
            Setting(
                "record-durability", \.recordDurability, .choice,
                "What a recorded exchange survives: the end of the process, or that of the machine (each group of "
                    + "exchanges is synchronised to the disk, and answers wait for it)."))
        all.append(
            Setting(
                "record.wait", \.proxy.recordWait, .duration(.milliseconds(100)...hours),
                "How long a commit may wait before new requests are refused with 503."))
        all.append(
            Setting(
                "record.longest-wait", \.proxy.mostRecordWait, .duration(.milliseconds(100)...hours),
                "How long an answer is held for its record before it ends truncated."))
        return all
    }

    private static var timeouts: [Setting] {
        var all: [Setting] = []
        let time = SettingType<Duration>.duration(.milliseconds(10)...hours * 24)
        all.append(
            Setting(
                "timeouts.request-head", \.proxy.headTimeout, time,
                "From the first byte of a client's request to the end of its head."))
        all.append(
            Setting("timeouts.idle", \.proxy.idleTimeout, time, "How long a client's connection may be unused."))
        all.append(
            Setting("timeouts.handshake", \.proxy.handshakeTimeout, time, "From CONNECT to the end of the handshake."))
        all.append(
            Setting(
                "timeouts.stall", \.proxy.stallTimeout, time,
                "How long a client may neither send nor take anything in the middle of an exchange."))
        all.append(
            Setting(
                "timeouts.slow-reader", \.proxy.slowReaders.window, time,
                "Time with a full socket over which a client must take limits.slow-reader-rate."))
        all.append(
            Setting(
                "timeouts.inspection-wait", \.proxy.inspectionWait, time,
                "How long a permissive session's answer waits for its inspection."))
        all.append(
            Setting(
                "timeouts.trickle", \.proxy.trickleInterval, time,
                "Between single bytes of what is held, while a large body waits for its verdict."))
        all.append(
            Setting(
                "timeouts.continue", \.proxy.continueWait, time,
                "How long an origin may keep a client waiting that asked whether to send its body."))
        all.append(
            Setting(
                "timeouts.orphan", \.proxy.orphans.longest, time, "How long a download without readers may go on."))
        all.append(
            Setting(
                "timeouts.origin-connect", \.proxy.relay.connectTimeout, time,
                "Resolving an origin's name and connecting to it."))
        all.append(
            Setting("timeouts.origin-handshake", \.proxy.relay.tlsTimeout, time, "The TLS handshake with an origin."))
        all.append(
            Setting(
                "timeouts.origin-head", \.proxy.relay.headTimeout, time,
                "From the end of a request to the complete head of the origin's answer."))
        all.append(
            Setting(
                "timeouts.origin-idle", \.proxy.relay.idleTimeout, time,
                "Between two pieces of a body, from or to an origin."))
        all.append(
            Setting(
                "timeouts.origin-unused", \.proxy.relay.pooledIdleTimeout, time,
                "How long an unused connection to an origin is kept."))
        return all
    }

    private static var limits: [Setting] {
        var all: [Setting] = []
        let many = SettingType<Int>.count(1...10_000_000)
        let size = SettingType<Int64>.bytes((1 << 10)...(1 << 50))
        all.append(
            Setting(
                "limits.connections", \.proxy.mostConnections, many,
                "Client connections; further ones wait. Less where the process may have few descriptors."))
        all.append(
            Setting(
                "limits.unauthenticated-connections", \.proxy.mostUnauthenticatedPerAddress, many,
                "Connections of one address that have not been authenticated."))
        all.append(
            Setting(
                "limits.session-connections", \.proxy.mostConnectionsPerSession, many, "Connections of one session."))
        all.append(
            Setting(
                "limits.session-requests", \.proxy.mostExchangesPerSession, .count(1...1_000_000_000_000),
                "Requests of one session since the service started."))
        all.append(
            Setting(
                "limits.session-downloads", \.proxy.mostFillsPerSession, many,
                "Downloads under way that one session began."))
        all.append(
            Setting(
                "limits.session-download-bytes", \.proxy.mostStagedPerSession, size,
                "Bytes of those downloads; one alone may be larger."))
        all.append(
            Setting(
                "limits.session-hosts-per-minute", \.proxy.mostNewHostsPerMinute, many,
                "Hosts per minute for which a session has a certificate minted."))
        all.append(
            Setting(
                "limits.session-inspection-time", \.proxy.mostInspectionTimePerSession,
                .duration(.seconds(1)...hours * 24 * 365), "Time that inspecting one session's artifacts may take."))
        all.append(
            Setting(
                "limits.request-head", \.proxy.headLimit, .bytes(1_024...(1 << 20)), "Bytes of a request's head."))
        all.append(
            Setting("limits.body", \.proxy.largestBody, size, "Bytes of a body, in either direction."))
        all.append(
            Setting(
                "limits.body-for-secret", \.proxy.largestBodyForSecret, .bytes(1_024...(1 << 20)),
                "Bytes of a request's body into which a secret is put; a larger one goes as it came."))
        all.append(
            Setting(
                "limits.expansion", \.proxy.largestExpansion, .count(1...1_000_000),
                "Bytes of a body after undoing gzip, per byte before."))
        all.append(
            Setting(
                "limits.fill-for-range", \.proxy.largestFillForRange, .bytes(0...(1 << 50)),
                "Bytes of a body that is fetched whole because a part of it was asked for."))
        all.append(
            Setting(
                "limits.resumptions", \.proxy.mostResumptions, .count(0...1_000),
                "How often a download goes on after its connection broke."))
        all.append(
            Setting(
                "limits.orphan-bytes", \.proxy.orphans.mostBytes, .bytes(0...(1 << 50)),
                "Bytes that a download without readers may still fetch."))
        all.append(
            Setting(
                "limits.orphan-rate", \.proxy.orphans.leastRate, .bytes(0...(1 << 40)),
                "Bytes per second that a download without readers must make."))
        all.append(
            Setting(
                "limits.slow-reader-rate", \.proxy.slowReaders.leastRate, .bytes(0...(1 << 40)),
                "Bytes per second that a client must take."))
        all.append(
            Setting(
                "limits.leaf-certificates", \.proxy.leafCapacity, .count(1...1_000_000),
                "Minted certificates that are kept."))
        all.append(
            Setting(
                "limits.origin-connections", \.proxy.relay.idlePerKey, .count(0...100_000),
                "Unused connections kept to one origin, per loop."))
        all.append(
            Setting(
                "limits.origin-connections-in-all", \.proxy.relay.idleTotal, .count(0...100_000),
                "Unused connections kept to all origins, per loop."))
        return all
    }
}

extension SettingType where Value == String {
    /// A proxy's URL; its password is masked where it is shown.
    static var upstreamProxy: Self {
        Self("URL", limits: "", advice: "write http://host:port, or http://user:password@host:port", isSecret: true) {
            text in
            (try? UpstreamProxies(environment: ["http_proxy": text])) == nil ? nil : text
        } write: { text in
            guard let at = text.lastIndex(of: "@") else { return text }
            return "http://***@\(text[text.index(after: at)...])"
        }
    }
}
