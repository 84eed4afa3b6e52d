import ArgumentParser
import Core
import Glibc

/// `fetchctl run`.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a command with its downloads recorded and cached.",
        usage: "fetchctl run [--policy strict|permissive] [--permissive] [--report FILE] [OPTION …] -- COMMAND …",
        discussion: """
            COMMAND gets every proxy and certificate variable that common programs read. When it ends, its session is \
            closed and a table of what it downloaded is printed on standard error, so that its own standard output \
            stays clean. A terminal gets colours (unless NO_COLOR is set) and shortened columns, a pipe everything.

            VERDICT says Approved, Rejected (some inspector objects), or Unvouched: nobody objects, nobody stands in for it, \
            and a strict session would refuse it.

            An existing NO_PROXY would let downloads go unrecorded, so it is replaced by localhost, which the service \
            does not serve; see --no-proxy.

            The exit status is COMMAND's (128 + n when signal n killed it); 127 or 126 when it could not be started; \
            2 when the command line is wrong or the service refuses the policy; 125 when fetchctl failed before \
            COMMAND, or after it had succeeded.
            """)

    @OptionGroup var service: ServiceOptions
    @OptionGroup var session: SessionOptions

    @Option(
        help: ArgumentHelp(
            "Also write the session's complete report (JSON) to this file, replacing it in one step.",
            valueName: "file"))
    var report: String?

    @Flag(help: "Print the summary as one line of JSON instead of the table.")
    var json = false

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("What to run.", valueName: "command"))
    var command: [String] = []

    /// COMMAND without the `--` before it.
    var words: [String] { Array(command.first == "--" ? command.dropFirst() : command[...]) }

    func validate() throws {
        // Everything that the parser does not know arrives here, help included.
        if ["-h", "--help"].contains(command.first) { throw CleanExit.helpRequest(self) }
        if command.first != "--", let first = command.first, first.hasPrefix("-") {
            throw ValidationError("Unknown option '\(Shown.text(first))' before COMMAND.")
        }
        if words.isEmpty { throw ValidationError("Say what to run: fetchctl run -- COMMAND …") }
    }

    func run() throws {
        let run = Run(
            locator: service.locator, policy: session.policy, timeout: session.timeout, bypass: session.noProxy,
            reportPath: report, isJSON: json, words: RawArguments.last(words))
        throw ExitCode(try run.run())
    }
}
