import Core
import Glibc
import Platform

/// What the service is to do: flags, environment and `service.yaml`, checked and with their defaults.
struct ServiceConfiguration: Sendable {
    /// Why the service must not start.
    struct Problem: Sendable, CustomStringConvertible {
        var topic: String
        var fault: ConfigurationFault

        /// As the log is told.
        var description: String { "\(topic): \(fault)" }

        static func starting(_ fault: ConfigurationFault) -> Problem {
            Problem(topic: "cannot start service", fault: fault)
        }

        static func creating(_ what: String) -> Problem {
            Problem(topic: "cannot create service", fault: ConfigurationFault(at: nil, what))
        }
    }

    /// What is in force, and where it comes from.
    private(set) var resolved: ResolvedSettings
    private let flags: [GivenSetting]
    /// The environment as it was at the start.
    let environment: [String: String]
    /// The folder with `service.yaml`, `acl.yaml` and `inspectors.yaml`.
    let configFolder: String
    /// Whether somebody named that folder, rather than the default.
    let isConfigFolderNamed: Bool
    /// `user:password` from the environment.
    private(set) var credentials: AdminCredentials?
    /// What is wrong; the service must not start then.
    private(set) var problems: [Problem] = []

    /// What does not prevent a start, and is told all the same.
    var warnings: [String] { ServiceVariables.warnings(in: environment) }

    /// Reads everything; what cannot be used is left at its default and told in ``problems``.
    init(reading options: ServiceOptions, environment: [String: String], user: uid_t = geteuid()) {
        self.environment = environment
        flags = options.given
        let isSnap = environment["SNAP_NAME"] == "fetch-service" && environment["SNAP"] != nil
        isConfigFolderNamed = options.config != nil
        configFolder = options.config ?? (isSnap ? environment["SNAP_DATA"].map { $0 + "/conf" } : nil) ?? "/etc/fetch"
        resolved = ResolvedSettings(
            file: SettingsFile(folder: configFolder), environment: environment, flags: flags)
        problems = resolved.faults.map(Problem.starting)
        if (settings.certificate == nil) != (settings.key == nil) {
            problems.append(
                .creating(
                    "certificates: give both --cert and --key (or authority.certificate and authority.key), or neither "
                        + "of them"))
        }
        if let text = environment["FETCH_SERVICE_AUTH"], !text.isEmpty {
            credentials = AdminCredentials(text)
            if credentials == nil {
                problems.append(
                    .creating(
                        "FETCH_SERVICE_AUTH must be user:password, neither of them empty; unset it to have credentials "
                            + "made"))
            }
        }
        if let folder = Self.stateFolder(settings.stateFolder, environment, isSnap: isSnap, user: user) {
            resolved.found { $0.stateFolder = folder }
        } else {
            problems.append(
                .starting(
                    ConfigurationFault(
                        at: nil,
                        "no folder for the state: give --spool, or set HOME or XDG_STATE_HOME to an absolute path")))
        }
        problems = problems.ordered(by: \.fault)
    }

    /// Reads everything.
    ///
    /// - Throws: ``StartFailure`` that names all problems.
    init(_ options: ServiceOptions, environment: [String: String], user: uid_t = geteuid()) throws(StartFailure) {
        self.init(reading: options, environment: environment, user: user)
        try check()
    }

    /// Throws when there are problems.
    func check() throws(StartFailure) {
        let lines = problems.map(\.description)
        guard let first = lines.first else { return }
        throw StartFailure(status: 1, description: first, others: Array(lines.dropFirst()))
    }

    var settings: ServiceSettings { resolved.settings }

    /// The state folder.
    var spool: String { settings.stateFolder ?? "" }

    /// Certificate and key, or `nil` for an authority of our own.
    var authorityFiles: (certificate: String, key: String)? {
        guard let certificate = settings.certificate, let key = settings.key else { return nil }
        return (certificate, key)
    }

    /// What holds with another `service.yaml`; flags and environment are those of the start.
    ///
    /// - Throws: ``ConfigurationFaults`` when something in it cannot be used.
    func settings(with file: SettingsFile) throws(ConfigurationFaults) -> ServiceSettings {
        var other = ResolvedSettings(file: file, environment: environment, flags: flags)
        guard other.faults.isEmpty else { throw ConfigurationFaults(faults: other.faults) }
        if other.settings.stateFolder == nil { other.found { $0.stateFolder = spool } }
        return other.settings
    }

    private static func stateFolder(
        _ chosen: String?, _ environment: [String: String], isSnap: Bool, user: uid_t
    ) -> String? {
        func absolute(_ name: String) -> String? {
            // The XDG base directory specification: a relative path is invalid and ignored.
            environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        if var path = chosen {
            while path.count > 1, path.hasSuffix("/") { path.removeLast() }
            return path
        }
        if isSnap, let common = absolute("SNAP_COMMON") { return common + "/spool" }
        if user == 0 { return "/var/lib/fetch" }
        if let state = absolute("XDG_STATE_HOME") { return state + "/fetch-service" }
        return absolute("HOME").map { $0 + "/.local/state/fetch-service" }
    }

    /// The upstream proxies, by the variables that name them.
    var upstreamVariables: [String: String] {
        var variables: [String: String] = [:]
        variables["http_proxy"] = settings.upstreamHTTP
        variables["https_proxy"] = settings.upstreamHTTPS
        variables["no_proxy"] = settings.upstreamBypass
        return variables
    }

    /// The names under which the control API may be reached: those given and the machine's own.
    var controlNames: Set<String> {
        var names = Set(settings.controlNames)
        var buffer = [CChar](repeating: 0, count: 256)
        if gethostname(&buffer, buffer.count - 1) == 0 {
            let name = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            names.insert(name)
            names.insert(String(name.prefix { $0 != "." }))
        }
        return names
    }
}
