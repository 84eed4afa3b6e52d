import ArgumentParser
import Glibc

/// The program.
@main
struct Fetchctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetchctl",
        abstract: "Record what a build downloads, and fetch it from a cache the next time.",
        discussion: """
            fetchctl run -- COMMAND does it all: it finds or starts the service, gives COMMAND a session, and shows \
            what was downloaded. The other subcommands are its steps, for use by hand.

            The service is the one of --url (or FETCH_SERVICE_URL, with the credentials of FETCH_SERVICE_AUTH), else \
            the one that runs for this user, found through service.json in its state folder. create-session, \
            list-artifacts, update-config, update-cert, backup, restore and version speak to the service of this machine \
            over its local socket, which needs no credentials and takes requests of the service's user and of root.

            \(ExitStatus.table)
            """,
        subcommands: [
            RunCommand.self, EnvCommand.self, RevokeCommand.self, ReportCommand.self, EndCommand.self,
            SessionsCommand.self, TopCommand.self, CacheCommand.self, ConfigCommand.self, CreateSessionCommand.self,
            ListArtifactsCommand.self, UpdateConfigCommand.self, UpdateCertCommand.self, BackupCommand.self,
            RestoreCommand.self, CompletionCommand.self, VersionCommand.self,
        ])

    @Flag(help: "Print the version, and that of the service of this machine if there is one.")
    var version = false

    func run() throws {
        guard version else { throw CleanExit.helpRequest(self) }
        Output.write("fetchctl \(ProgramVersion.text)\n", to: STDOUT_FILENO)
        let client = try? LocalLocator(environment: .current(), user: geteuid(), named: nil).client()
        guard let service = try? client?.ask("version") else { return }
        Output.write("fetch-service \(Shown.text(service))\n", to: STDOUT_FILENO)
    }

    /// Parses the command line and runs the subcommand; every error is shown in one place, here.
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            finish(with: error)
        }
    }

    private static func finish(with error: any Error) -> Never {
        if let status = error as? ExitCode { Glibc.exit(status.rawValue) }
        // Help, the version, and what the parser found wrong.
        let isParsers = error is CleanExit || exitCode(for: error) != .failure
        if isParsers {
            let isAsked = exitCode(for: error) == .success
            let text = fullMessage(for: error)
            if !text.isEmpty { Output.write(text + "\n", to: isAsked ? STDOUT_FILENO : STDERR_FILENO) }
            Glibc.exit(isAsked ? ExitStatus.success : ExitStatus.usage)
        }
        Output.complain("\(error)")
        Glibc.exit(ExitStatus.of(error))
    }
}
