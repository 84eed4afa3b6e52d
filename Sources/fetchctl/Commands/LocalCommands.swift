import ArgumentParser
import Core
import Glibc
import Wire

/// Which service of this machine to use.
struct LocalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Local socket of the service. Default: FETCH_SERVICE_SOCKET, else that of this user's service, else that of "
                + "this machine's.", valueName: "file"))
    var controlSocket: String?

    @Flag(help: "Print JSON instead of text.")
    var json = false

    /// Finds the socket in this process's environment.
    func client() throws -> LocalClient {
        try LocalLocator(environment: .current(), user: geteuid(), named: controlSocket).client()
    }

    /// Prints what was done, for a person or as an object.
    func tell(_ text: String, _ members: [String: JSONValue]) {
        if json {
            Output.write(json: .object(members))
        } else {
            Output.write(Shown.text(text) + "\n", to: STDOUT_FILENO)
        }
    }
}

/// `fetchctl version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the versions of fetchctl and of the running service.",
        discussion: "Fails when no service of this machine can be reached.")

    @OptionGroup var local: LocalOptions

    func run() throws {
        var service: String?
        var failure: (any Error)?
        do { service = try local.client().ask("version") } catch { failure = error }
        if local.json {
            Output.write(
                json: [
                    "fetchctl": .string(ProgramVersion.text), "fetch-service": service.map(JSONValue.string) ?? .null,
                ])
        } else {
            Output.write("fetchctl \(ProgramVersion.text)\n", to: STDOUT_FILENO)
            if let service { Output.write("fetch-service \(Shown.text(service))\n", to: STDOUT_FILENO) }
        }
        if let failure { throw failure }
    }
}

/// `fetchctl create-session`.
struct CreateSessionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create-session",
        abstract: "Open a session at the service of this machine, with an id and a token of your choice.",
        discussion: """
            What is not given is made by the service. An id that is in use is replaced by a fresh one; an id of a session \
            that has ended is refused, since ids are never used again. A service without --permissive-mode makes the \
            session strict, and says so.
            """)

    @OptionGroup var local: LocalOptions
    @Option(help: ArgumentHelp("Its id: letters a-z and digits.", valueName: "id"), transform: ArgumentText.session)
    var sessionID: SessionID?
    @Option(help: "Its token: letters, digits and -._~.")
    var token: String?
    @Option(help: ArgumentHelp("Its lifetime. Default: the service's.", valueName: "seconds"))
    var timeout: UInt32?
    @Flag(help: "Let pass what no inspector vouches for.")
    var permissive = false
    @Argument(help: ArgumentHelp("An inspectors.yaml for this session; - reads standard input.", valueName: "file"))
    var file: String?

    func run() throws {
        var payload: [String: JSONValue] = ["mode": .string(permissive ? "permissive" : "strict")]
        if let sessionID { payload["session-id"] = .string(sessionID.text) }
        if let token { payload["token"] = .string(token) }
        if let timeout { payload["timeout"] = .integer(Int64(timeout)) }
        if let file {
            payload["inspectors-configuration"] = .string(Base64.encode(try InputFile.bytes(of: file)))
        }
        let request = String(decoding: JSONValue.object(payload).json, as: UTF8.self)
        let message = try local.client().ask("create-session", payload: request)
        guard local.json else { return Output.write(Shown.text(message) + "\n", to: STDOUT_FILENO) }
        guard let created = try? /session ([a-z0-9]+):(\S*) created \((strict|permissive)\)/.wholeMatch(in: message)
        else { throw LocalError(kind: .malformed, reason: Shown.text(message)) }
        Output.write(json: [
            "session-id": .string(String(created.1)), "token": .string(String(created.2)),
            "policy": .string(String(created.3)),
        ])
    }
}

/// `fetchctl list-artifacts`.
struct ListArtifactsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list-artifacts",
        abstract: "Print what a session has downloaded so far, as JSON, also while it is active.")

    @OptionGroup var local: LocalOptions
    @Option(help: ArgumentHelp("The session.", valueName: "id"), transform: ArgumentText.session)
    var sessionID: SessionID

    func run() throws {
        let list: String
        do {
            list = try local.client().ask("list-artifacts", payload: sessionID.text)
        } catch let error as LocalError where error.kind == .refused && error.reason == "session does not exist" {
            throw ServiceError(UnknownSession.text(sessionID))
        }
        Output.write(escapedForDisplay(json: list) + "\n", to: STDOUT_FILENO)
    }
}

/// `fetchctl update-config`.
struct UpdateConfigCommand: ParsableCommand {
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case acl
        case inspectors
        case service
    }

    static let configuration = CommandConfiguration(
        commandName: "update-config",
        abstract: "Replace a configuration file of the running service, and what it does at once.",
        discussion: "A file with a mistake changes nothing.")

    @OptionGroup var local: LocalOptions
    @Option(help: "Which file it is. Default: what its name says, as acl.yaml does.")
    var type: Kind?
    @Flag(help: "Check the file and change nothing.")
    var validateOnly = false
    @Argument(help: ArgumentHelp("The new file; - reads standard input.", valueName: "file"))
    var file: String

    /// The type that was given, or that of the file's name.
    private var kind: Kind? {
        type ?? Kind.allCases.first { file == "\($0.rawValue).yaml" || file.hasSuffix("/\($0.rawValue).yaml") }
    }

    func validate() throws {
        guard kind != nil else { throw ValidationError("Say which file it is: --type acl, inspectors or service.") }
    }

    func run() throws {
        guard let kind else { return }
        let text = try InputFile.text(of: file)
        let message = try local.client().ask(
            "update-config", type: kind.rawValue, validateOnly: validateOnly, payload: text)
        let whole = "\(kind.rawValue) \(message)"
        local.tell(whole, ["result": "ok", "type": .string(kind.rawValue), "message": .string(whole)])
    }
}

/// `fetchctl update-cert`.
struct UpdateCertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update-cert",
        abstract: "Replace the certificate authority with which the running service signs.",
        discussion: "Sessions go on; their clients have to trust the new certificate from then on.")

    @OptionGroup var local: LocalOptions
    @Flag(help: "Check the file and change nothing.")
    var validateOnly = false
    @Argument(help: ArgumentHelp("Certificate and private key, in PEM; - reads standard input.", valueName: "file"))
    var file: String

    func run() throws {
        let message = try local.client().ask(
            "update-cert", validateOnly: validateOnly, payload: try InputFile.text(of: file))
        local.tell(message, ["result": "ok", "message": .string(message)])
    }
}
