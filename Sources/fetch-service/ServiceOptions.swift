import ArgumentParser

/// The command line of `fetch-service`.
struct ServiceOptions: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch-service",
        abstract: "A forward proxy that records, caches and examines what builds download.",
        discussion: """
            Without any option it serves everywhere on the ports 9988 (proxy) and 9999 (control API), keeps its state \
            in /var/lib/fetch (root) or $XDG_STATE_HOME/fetch-service, makes a certificate authority of its own, and \
            makes administrator's credentials unless FETCH_SERVICE_AUTH holds user:password.

            Whatever can be chosen at all can be chosen in service.yaml and by environment variables, too \
            (docs/configuration.md); flags go before the environment, which goes before the file. Upstream proxies are \
            taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

            SIGHUP reopens the log and reads acl.yaml, inspectors.yaml and service.yaml again.
            """,
        version: "fetch \(ServiceVersion.text)")

    // What has a setting is read by it (``Setting``), so that a flag means what the same word means in the file.

    @Option(
        name: [.long, .customShort("p")],
        help: ArgumentHelp("Port of the proxy, 9988 by default; 0 for any free one.", valueName: "port"))
    var proxyPort: String?

    @Option(help: ArgumentHelp("Port of the control API, 9999 by default; 0 for any free one.", valueName: "port"))
    var controlPort: String?

    @Option(help: ArgumentHelp("Address to listen at, for both ports; all by default.", valueName: "address"))
    var bind: String?

    @Option(
        help: ArgumentHelp(
            "Another host name under which the control API may be reached, besides addresses and this host's name; "
                + "may be repeated.", valueName: "name"))
    var controlName: [String] = []

    @Option(help: ArgumentHelp("Folder with service.yaml, acl.yaml and inspectors.yaml.", valueName: "dir"))
    var config: String?

    @Option(help: ArgumentHelp("State folder; holds the sessions' files, the record and the cache.", valueName: "dir"))
    var spool: String?

    @Option(
        help: ArgumentHelp(
            "Certificate of the authority that signs what clients of the proxy see (PEM); needs --key.",
            valueName: "file"))
    var cert: String?

    @Option(help: ArgumentHelp("Private key of that certificate (PEM).", valueName: "file"))
    var key: String?

    @Option(
        help: ArgumentHelp(
            "Path of the local socket for fetchctl. Default: fetchctl.socket in $RUNTIME_DIRECTORY, else in "
                + "fetch-service below $XDG_RUNTIME_DIR or /run, else in the state folder.", valueName: "file"))
    var controlSocket: String?

    @Flag(help: "Allow permissive sessions.")
    var permissiveMode = false

    @Option(help: ArgumentHelp("How much is logged: debug, info (default), warning or error.", valueName: "level"))
    var verbosity: String?

    @Option(help: ArgumentHelp("Append the log to this file instead of standard error.", valueName: "file"))
    var logFile: String?

    @Option(help: ArgumentHelp("Form of the log's lines: text (default) or json.", valueName: "form"))
    var logFormat: String?

    @Option(
        help: ArgumentHelp(
            "Exit after so long without activity and sessions; sessions then end with the service. 0 means never.",
            valueName: "seconds"))
    var idleShutdown: String?

    @Option(help: ArgumentHelp("How long transfers may go on after SIGTERM; 0.8 by default.", valueName: "seconds"))
    var stopTimeout: String?

    @Option(help: ArgumentHelp("Most bytes that the cache keeps, such as 500M or 20G.", valueName: "bytes"))
    var cacheSize: String?

    @Option(help: ArgumentHelp("Event loops of the proxy; one per processor by default.", valueName: "n"))
    var loops: String?

    @Option(
        help: ArgumentHelp(
            "Any setting of docs/configuration.md, such as limits.connections=2000; may be repeated.",
            valueName: "key=value"))
    var set: [String] = []

    @Flag(
        help: ArgumentHelp(
            "Report every mistake in the configuration with its line (exit status 1), or print the settings in force and "
                + "where each comes from (exit status 0); nothing is started."))
    var checkConfig = false

    @Flag(help: "With --check-config: print what it finds as one line of JSON on standard output.")
    var json = false

    @Flag(help: ArgumentHelp("Print docs/configuration.md.", visibility: .private))
    var settingsReference = false

    @Flag(help: "Accepted for compatibility; there is no profiler.")
    var profile = false

    @Option(help: "Accepted for compatibility.")
    var profilePort: UInt16 = 6060

    /// The options that take no value.
    private static let flags: Set<String> = [
        "--permissive-mode", "--check-config", "--json", "--settings-reference", "--profile", "--version", "--help",
        "-h",
    ]

    /// Leaves out what the contract ignores: everything from `--` or the first argument that is no option on.
    static func withoutSurplus(_ arguments: [String]) -> [String] {
        var index = 0
        while index < arguments.count, arguments[index].hasPrefix("-"), !["-", "--"].contains(arguments[index]) {
            let hasOwnValue = arguments[index].contains("=") || flags.contains(arguments[index])
            index += hasOwnValue ? 1 : 2
        }
        return Array(arguments.prefix(index))
    }

    /// What the flags give the settings.
    var given: [GivenSetting] {
        let words: [(flag: String, value: String?)] = [
            ("--proxy-port", proxyPort), ("--control-port", controlPort), ("--bind", bind), ("--spool", spool),
            ("--control-socket", controlSocket),
            ("--cert", cert), ("--key", key), ("--permissive-mode", permissiveMode ? "true" : nil),
            ("--verbosity", verbosity), ("--log-file", logFile), ("--log-format", logFormat),
            ("--idle-shutdown", idleShutdown), ("--stop-timeout", stopTimeout), ("--cache-size", cacheSize),
            ("--loops", loops),
        ]
        var values: [(flag: String, value: GivenValue)] = []
        for case (let flag, let word?) in words { values.append((flag, .text(word))) }
        if !controlName.isEmpty { values.append(("--control-name", .list(controlName))) }
        let named = values.flatMap { flag, value in
            // One flag may stand for several settings.
            Setting.all.filter { $0.flag == flag }.map {
                GivenSetting(key: $0.key, value: value, origin: .flag(flag))
            }
        }
        let others = set.map { text in
            let sign = text.firstIndex(of: "=") ?? text.endIndex
            return GivenSetting(
                key: String(text[..<sign]), value: .text(String(text[sign...].dropFirst())), origin: .flag("--set"))
        }
        return named + others
    }

    func validate() throws {
        if json, !checkConfig { throw ValidationError("--json goes with --check-config") }
        if let word = set.first(where: { !$0.contains("=") }) {
            throw ValidationError("--set takes key=value, and '\(word)' has no '='")
        }
        if let config {
            do throws(SettingProblem) {
                _ = try SettingType<String>.path.read(.text(config))
            } catch {
                throw ValidationError("--config: \(error)")
            }
        }
        var settings = ResolvedSettings()
        settings.apply(given)
        if !settings.faults.isEmpty {
            throw ValidationError("\(ConfigurationFaults(faults: settings.faults))")
        }
    }
}
