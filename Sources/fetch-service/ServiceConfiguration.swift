import Core
import Glibc
import Platform

/// What the service is to do: the options and the environment, checked and with their defaults.
struct ServiceConfiguration {
    var options: ServiceOptions
    var environment: [String: String]
    /// The state folder.
    var spool: String
    /// The folder with `acl.yaml` and `inspectors.yaml`.
    var configFolder: String
    /// Certificate and key, or `nil` for an authority of our own.
    var authorityFiles: (certificate: String, key: String)?
    /// `user:password` from the environment.
    var credentials: AdminCredentials?

    init(_ options: ServiceOptions, environment: [String: String], user: uid_t = geteuid()) throws(StartFailure) {
        self.options = options
        self.environment = environment
        let isSnap = environment["SNAP_NAME"] == "fetch-service" && environment["SNAP"] != nil
        spool = try Self.spool(options, environment, isSnap: isSnap, user: user)
        configFolder = options.config ?? (isSnap ? environment["SNAP_DATA"].map { $0 + "/conf" } : nil) ?? "/etc/fetch"
        switch (options.cert, options.key) {
        case (let certificate?, let key?): authorityFiles = (certificate, key)
        case (nil, nil): authorityFiles = nil
        default:
            throw .service("cannot create service: certificates: give both --cert and --key, or neither of them")
        }
        if let text = environment["FETCH_SERVICE_AUTH"] {
            guard let given = AdminCredentials(text) else {
                throw .service(
                    "cannot create service: FETCH_SERVICE_AUTH must be user:password, neither of them empty; "
                        + "unset it to have credentials made")
            }
            credentials = given
        }
    }

    private static func spool(
        _ options: ServiceOptions, _ environment: [String: String], isSnap: Bool, user: uid_t
    ) throws(StartFailure) -> String {
        func absolute(_ name: String) -> String? {
            // The XDG base directory specification: a relative path is invalid and ignored.
            environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        if let spool = options.spool {
            guard !spool.isEmpty else { throw .service("cannot start service: --spool is empty") }
            var path = spool
            while path.count > 1, path.hasSuffix("/") { path.removeLast() }
            return path
        }
        if isSnap, let common = absolute("SNAP_COMMON") { return common + "/spool" }
        if user == 0 { return "/var/lib/fetch" }
        if let state = absolute("XDG_STATE_HOME") { return state + "/fetch-service" }
        if let home = absolute("HOME") { return home + "/.local/state/fetch-service" }
        throw .service(
            "cannot start service: no folder for the state: give --spool, or set HOME or XDG_STATE_HOME to an "
                + "absolute path")
    }

    /// The names under which the control API may be reached: those given and the machine's own.
    var controlNames: Set<String> {
        var names = Set(options.controlName)
        var buffer = [CChar](repeating: 0, count: 256)
        if gethostname(&buffer, buffer.count - 1) == 0 {
            let name = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            names.insert(name)
            names.insert(String(name.prefix { $0 != "." }))
        }
        return names
    }
}
