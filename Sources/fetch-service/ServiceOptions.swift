import ArgumentParser
import Platform

/// The command line of `fetch-service`.
struct ServiceOptions: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch-service",
        abstract: "A forward proxy that records, caches and examines what builds download.",
        discussion: """
            Without any option it serves everywhere on the ports 9988 (proxy) and 9999 (control API), keeps its state \
            in /var/lib/fetch (root) or $XDG_STATE_HOME/fetch-service, makes a certificate authority of its own, and \
            makes administrator's credentials unless FETCH_SERVICE_AUTH holds user:password.

            Upstream proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY. SIGHUP reopens the log and reads \
            acl.yaml again.
            """,
        version: "fetch \(ServiceVersion.text)")

    /// How much is logged.
    enum Verbosity: String, ExpressibleByArgument, CaseIterable {
        case debug, info, warning, error
    }

    @Option(name: [.long, .customShort("p")], help: "Port of the proxy; 0 for any free one.")
    var proxyPort: UInt16 = 9988

    @Option(help: "Port of the control API; 0 for any free one.")
    var controlPort: UInt16 = 9999

    @Option(help: ArgumentHelp("Address to listen at, for both ports; all by default.", valueName: "address"))
    var bind: String?

    @Option(
        help: ArgumentHelp(
            "Another host name under which the control API may be reached, besides addresses and this host's name; "
                + "may be repeated.", valueName: "name"))
    var controlName: [String] = []

    @Option(help: ArgumentHelp("Folder with acl.yaml and inspectors.yaml.", valueName: "dir"))
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

    @Flag(help: "Allow permissive sessions.")
    var permissiveMode = false

    @Option(help: "How much is logged.")
    var verbosity = Verbosity.info

    @Option(help: ArgumentHelp("Append the log to this file instead of standard error.", valueName: "file"))
    var logFile: String?

    @Option(
        help: ArgumentHelp(
            "Exit after so long without activity and sessions; sessions then end with the service. 0 means never.",
            valueName: "seconds"))
    var idleShutdown: UInt32 = 0

    @Option(help: ArgumentHelp("How long transfers may go on after SIGTERM.", valueName: "seconds"))
    var stopTimeout = 0.8

    @Option(help: ArgumentHelp("Most bytes that the cache keeps, such as 500M or 20G.", valueName: "bytes"))
    var cacheSize: ByteAmount?

    @Option(help: ArgumentHelp("Event loops of the proxy; one per processor by default.", valueName: "n"))
    var loops: Int?

    @Flag(help: "Accepted for compatibility; there is no profiler.")
    var profile = false

    @Option(help: "Accepted for compatibility.")
    var profilePort: UInt16 = 6060

    /// The options that take no value.
    private static let flags: Set<String> = ["--permissive-mode", "--profile", "--version", "--help", "-h"]

    /// Leaves out what the contract ignores: everything from `--` or the first argument that is no option on.
    static func withoutSurplus(_ arguments: [String]) -> [String] {
        var index = 0
        while index < arguments.count, arguments[index].hasPrefix("-"), !["-", "--"].contains(arguments[index]) {
            let hasOwnValue = arguments[index].contains("=") || flags.contains(arguments[index])
            index += hasOwnValue ? 1 : 2
        }
        return Array(arguments.prefix(index))
    }

    func validate() throws {
        guard (0...3600).contains(stopTimeout) else {
            throw ValidationError("--stop-timeout must be 0 to 3600 seconds")
        }
        guard (1...1024).contains(loops ?? 1) else { throw ValidationError("--loops must be 1 to 1024") }
        if let bind, SocketAddress(ip: bind, port: 0) == nil {
            throw ValidationError("--bind takes an IPv4 or IPv6 address, such as 127.0.0.1 or ::1")
        }
    }
}
