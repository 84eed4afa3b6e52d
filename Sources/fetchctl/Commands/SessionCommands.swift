import ArgumentParser
import Core
import Glibc

/// `fetchctl revoke`.
struct RevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Take a session's token away, so that its report becomes available.")

    @OptionGroup var service: ServiceOptions
    @Argument(help: "The session.", transform: ArgumentText.session) var id: SessionID
    @Argument(help: "Its token.") var token: String
    @Flag(help: "Print what the service says of the session, as JSON.") var json = false

    func run() throws {
        let control = try service.locator.findRunning().control
        let answer: [UInt8]
        do {
            answer = try control.revoke(id, token: token)
        } catch {
            guard error.kind == .answered(400) else { throw error.explained(for: id) }
            throw ServiceError(
                "\(error.reason): it is not the one that was printed when session \(id) was opened")
        }
        if json { Output.write(json: (try? JSONValue(parsing: answer)) ?? .object([:])) }
    }
}

/// `fetchctl report`.
struct ReportCommand: ParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Show what a session downloaded, once its token is revoked.")

    @OptionGroup var service: ServiceOptions
    @Option(help: "A table, or the complete report as the service gives it.") var format = Format.table
    @Flag(help: "The same as --format json.") var json = false
    @Argument(help: "The session.", transform: ArgumentText.session) var id: SessionID

    func run() throws {
        let locator = service.locator
        let control = try locator.findRunning().control
        do {
            if json || format == .json {
                try control.copyReport(of: id, to: STDOUT_FILENO)
                Output.write("\n", to: STDOUT_FILENO)
                return
            }
            let file = try ReportFile.unnamed(environment: locator.environment)
            try control.copyReport(of: id, to: file.descriptor)
            let style = TerminalStyle(of: STDOUT_FILENO, environment: locator.environment)
            let lines = SummaryText(summary: try file.summary(), style: style).lines
            Output.write(lines.map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
        } catch let error as ControlError {
            guard error.kind == .answered(400) else { throw error.explained(for: id) }
            throw ServiceError("\(error.reason); revoke it first: fetchctl revoke \(id) TOKEN")
        }
    }
}

/// `fetchctl end`.
struct EndCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end", abstract: "End a session and delete its files and its report.")

    @OptionGroup var service: ServiceOptions
    @Argument(help: "The session.", transform: ArgumentText.session) var id: SessionID
    @Flag(help: "Print JSON when it is done.") var json = false

    func run() throws {
        let locator = service.locator
        let control = try locator.findRunning().control
        do {
            try control.end(id)
        } catch {
            throw error.explained(for: id)
        }
        try control.deleteResources(id)
        SessionFolder(of: id, environment: locator.environment).remove()
        if json { Output.write(json: ["session-id": .string(id.text), "result": "ok"]) }
    }
}

extension ControlError {
    /// What to tell a person who named a session that the service does not know; any other error stays.
    fileprivate func explained(for id: SessionID) -> any Error {
        kind == .answered(404) ? ServiceError(UnknownSession.text(id)) : self
    }
}

/// What is said where there is no such session.
enum UnknownSession {
    static func text(_ id: SessionID) -> String {
        "there is no session \(id): it has ended, or never was; fetchctl sessions lists those that are alive"
    }
}
