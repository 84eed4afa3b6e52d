import Control
import Core
import Platform
import Proxy
import Sessions

/// Where a value was given; what comes later goes before what comes earlier.
enum SettingOrigin: Sendable, Equatable, CustomStringConvertible {
    case builtIn
    case file(String, line: Int?)
    case variable(String)
    case flag(String)

    var description: String {
        switch self {
        case .builtIn: "default"
        case .file(let path, let line): path + (line.map { ":\($0)" } ?? "")
        case .variable(let name), .flag(let name): name
        }
    }
}

/// A value that somebody gave a setting.
struct GivenSetting: Sendable, Equatable {
    var key: String
    var value: GivenValue
    var origin: SettingOrigin

    /// The values in the environment.
    static func all(in environment: [String: String]) -> [GivenSetting] {
        Setting.all.compactMap { setting in
            // An empty variable is one that is not there, as with most tools.
            let names = [setting.variable] + setting.otherVariables
            guard let name = names.first(where: { environment[$0]?.isEmpty == false }) else { return nil }
            return GivenSetting(key: setting.key, value: .text(environment[name] ?? ""), origin: .variable(name))
        }
    }
}

/// The settings in force, where each comes from, and what was wrong on the way.
struct ResolvedSettings: Sendable {
    private(set) var settings = ServiceSettings()
    private(set) var origins: [String: SettingOrigin] = [:]
    private(set) var faults: [ConfigurationFault] = []

    /// The defaults.
    init() {}

    /// What holds when the file, the environment and the flags say this: flags before environment before file.
    init(file: SettingsFile, environment: [String: String], flags: [GivenSetting]) {
        faults = file.faults
        apply(file.given)
        apply(GivenSetting.all(in: environment))
        apply(flags)
        check()
        // Sockets that were handed over count instead.
        if environment["LISTEN_FDS"] == nil { checkListeners() }
    }

    /// Where the value of a key comes from.
    func origin(of key: String) -> SettingOrigin { origins[key] ?? .builtIn }

    /// Notes what nobody chose and the service found out.
    mutating func found(_ change: (inout ServiceSettings) -> Void) { change(&settings) }

    /// Reads values over those that are there; a value that cannot be used changes nothing and is a fault.
    mutating func apply(_ given: [GivenSetting]) {
        for value in given {
            guard let setting = Setting.named(value.key) else {
                faults.append(ConfigurationFault(at: value.origin, Self.unknown(value.key)))
                continue
            }
            do throws(SettingProblem) {
                try setting.assign(&settings, value.value)
                origins[setting.key] = value.origin
            } catch {
                // A variable or a flag of its own says which key is meant.
                let isNamed = if case .file = value.origin { false } else { value.origin != .flag("--set") }
                faults.append(
                    ConfigurationFault(at: value.origin, isNamed ? "\(error)" : "\(setting.key): \(error)"))
            }
        }
    }

    /// What is wrong with a key that no setting has.
    static func unknown(_ key: String) -> String {
        let shown = escapedForDisplay(key, limit: 80)
        if Setting.all.contains(where: { $0.section == key }) {
            return "'\(shown)' is a section; write its keys below it, indented"
        }
        let advice = Setting.nearest(to: key).map { "did you mean '\($0)'?" }
        return "unknown key '\(shown)'; \(advice ?? "fetch-service --check-config lists all keys")"
    }

    private mutating func complain(_ key: String, _ what: String) {
        faults.append(ConfigurationFault(at: origin(of: key), "\(key): \(what)"))
    }

    /// Of two that do not fit together, one that somebody chose.
    private func chosen(_ one: String, _ other: String) -> String { origins[one] == nil ? other : one }

    /// Whether the two listeners would need the same port of the same address.
    private mutating func checkListeners() {
        let (proxy, control) = (settings.proxyAddress, settings.controlAddress)
        guard settings.proxyPort == settings.controlPort, settings.proxyPort != 0 else { return }
        func addresses(_ text: String?) -> SocketAddress? { text.flatMap { SocketAddress(ip: $0, port: 0) } }
        if let proxy = addresses(proxy), let control = addresses(control), proxy != control {
            // Of two different ones of a kind, one must stand for all of that kind.
            let everywhere: Set = [SocketAddress.any4(port: 0), .any6(port: 0)]
            guard proxy.isIPv6 == control.isIPv6, !everywhere.isDisjoint(with: [proxy, control]) else { return }
        }
        complain(
            chosen("listen.control-port", "listen.proxy-port"),
            "the proxy and the control API cannot both have port \(settings.proxyPort) of the same address; change one "
                + "of the two")
    }

    /// What single values do not show.
    private mutating func check() {
        if settings.sessions.defaultTimeout > settings.sessions.maximumTimeout {
            complain(
                chosen("sessions.default-lifetime", "sessions.longest-lifetime"),
                "the default lifetime is longer than the longest; change one of the two")
        }
        if settings.control.loginDelay > settings.control.longestLoginDelay {
            complain(
                chosen("control.login-delay", "control.longest-login-delay"),
                "the first delay is longer than the longest; change one of the two")
        }
        if settings.proxy.recordWait > settings.proxy.mostRecordWait {
            complain(
                chosen("record.wait", "record.longest-wait"),
                "record.wait is longer than record.longest-wait; change one of the two")
        }
    }
}
