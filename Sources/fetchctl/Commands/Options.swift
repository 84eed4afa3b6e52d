import ArgumentParser
import Core
import Glibc

/// Which service to use.
struct ServiceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Control API of the service. Default: FETCH_SERVICE_URL, else this user's own service.", valueName: "url"))
    var url: String?

    @Option(
        help: ArgumentHelp(
            "Proxy of the service of --url. Default: FETCH_SERVICE_PROXY, else what the service says.",
            valueName: "url"))
    var proxy: String?

    @Option(
        help: ArgumentHelp(
            "CA certificate of the service of --url, in PEM. Default: FETCH_SERVICE_CA.", valueName: "file"))
    var ca: String?

    /// Finds the service in this process's environment.
    var locator: ServiceLocator {
        ServiceLocator(
            environment: .current(), user: geteuid(), wishes: .init(url: url, proxy: proxy, authority: ca))
    }
}

/// What the session shall be like.
struct SessionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "strict refuses what no inspector vouches for; permissive (the default) lets it pass and says so.",
            valueName: "policy"),
        transform: ArgumentText.policy)
    var policy = SessionPolicy.permissive

    @Flag(help: "The same as --policy permissive.")
    var permissive = false

    @Option(help: ArgumentHelp("Lifetime of the session. Default: the service's.", valueName: "seconds"))
    var timeout: Int?

    @Option(
        help: ArgumentHelp(
            "Hosts that are reached directly, unrecorded; replaces NO_PROXY. '' sends all through the service.",
            valueName: "hosts"))
    var noProxy = SessionAccess.usualBypass

    func validate() throws {
        if permissive, policy == .strict { throw ValidationError("--permissive contradicts --policy strict.") }
        if let timeout, timeout < 1 { throw ValidationError("--timeout must be at least 1 second.") }
        guard noProxy.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
            throw ValidationError("--no-proxy must be a list of hosts with commas between them.")
        }
    }
}

/// Reads options and arguments of types that the parser does not know.
enum ArgumentText {
    static func policy(_ text: String) throws -> SessionPolicy {
        guard let policy = SessionPolicy(rawValue: text) else {
            throw ValidationError("A policy is 'strict' or 'permissive', not '\(Shown.text(text))'.")
        }
        return policy
    }

    static func session(_ text: String) throws -> SessionID {
        guard let id = SessionID(text) else {
            throw ValidationError("A session's id has letters and digits only, unlike '\(Shown.text(text))'.")
        }
        return id
    }
}
