import ArgumentParser
import Core
import Glibc

/// `fetchctl env`.
struct EnvCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Open a session and print the variables that use it, for a shell.",
        usage: "eval \"$(fetchctl env [OPTION …])\"",
        discussion: """
            The variables are those that fetchctl run gives to its command, and FETCH_SESSION and FETCH_SESSION_TOKEN. \
            When you are done:

              fetchctl revoke "$FETCH_SESSION" "$FETCH_SESSION_TOKEN"
              fetchctl report "$FETCH_SESSION"
              fetchctl end "$FETCH_SESSION"
            """)

    @OptionGroup var service: ServiceOptions
    @OptionGroup var session: SessionOptions
    @Flag(help: "Print the variables as one object of JSON; null removes one.") var json = false

    func run() throws {
        let locator = service.locator
        let opened = try OpenSession.open(
            with: locator, policy: session.policy, timeout: session.timeout)
        do {
            let access = opened.access(bypass: session.noProxy)
            let folder = SessionFolder(of: opened.id, environment: locator.environment)
            try folder.make()
            let files = try SessionFiles.write(
                to: folder, service: opened.service, access: access, environment: locator.environment)
            let changes = SessionVariables.changes(
                access, files: files, inherited: locator.environment, hidingService: false)
            if json {
                Output.write(json: Self.object(changes, opened: opened))
            } else {
                Output.write(Self.text(changes, opened: opened), to: STDOUT_FILENO)
            }
        } catch {
            opened.abandon(environment: locator.environment)
            throw error
        }
        Output.write(Self.hint(for: opened.id), to: STDERR_FILENO)
    }

    /// The lines for the shell.
    static func text(_ changes: [EnvironmentChange], opened: OpenSession) -> String {
        (changes + own(opened)).map { ShellWord.line(for: $0) + "\n" }.joined()
    }

    /// The variables as JSON.
    static func object(_ changes: [EnvironmentChange], opened: OpenSession) -> JSONValue {
        let members = (changes + own(opened)).map { ($0.name, $0.value.map(JSONValue.string) ?? .null) }
        return .object(Dictionary(members, uniquingKeysWith: { $1 }))
    }

    private static func own(_ opened: OpenSession) -> [EnvironmentChange] {
        [EnvironmentChange("FETCH_SESSION", opened.id.text), EnvironmentChange("FETCH_SESSION_TOKEN", opened.token)]
    }

    /// What the person needs to know afterwards; without the token, since this may end in a log.
    static func hint(for id: SessionID) -> String {
        """
        fetchctl: session \(id) is open. When you are done:
          fetchctl revoke "$FETCH_SESSION" "$FETCH_SESSION_TOKEN"
          fetchctl report "$FETCH_SESSION"
          fetchctl end "$FETCH_SESSION"

        """
    }
}
