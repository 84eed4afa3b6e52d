import ArgumentParser
import Glibc
import Platform

/// The exit statuses of `fetchctl`, and which error gives which.
enum ExitStatus {
    static let success: Int32 = 0
    static let failure: Int32 = 1
    /// The command line is wrong, or the service does not allow what it asks for.
    static let usage: Int32 = 2
    /// `run` itself failed: before COMMAND, or after it succeeded.
    static let ownFailure: Int32 = 125
    /// COMMAND is there and cannot be run.
    static let notExecutable: Int32 = 126
    /// There is no such COMMAND.
    static let notFound: Int32 = 127

    /// What the help says about them; `docs/fetchctl.md` has the same.
    static let table = """
        Exit status:
          0    it is done
          1    it failed, as standard error says: no service, or it refused,
               or cache verify found something wrong,
               or restore could not take in a session
          2    the command line is wrong, or the service does not take the policy
          125  run itself failed, before COMMAND or after it had succeeded
          126  COMMAND cannot be run
          127  there is no such COMMAND
          n    of run: that of COMMAND, 128 + s when signal s ended it;
               of top: 128 + s when signal s ended it;
               of config check: that of fetch-service
        """

    /// The status for an error that ended a subcommand.
    static func of(_ error: any Error) -> Int32 {
        switch error {
        case is PolicyRefused: usage
        case let error as CommandNotStarted: error.exitStatus
        case is RunFailure: ownFailure
        default: failure
        }
    }
}

/// The service does not open sessions of this policy.
struct PolicyRefused: Error, CustomStringConvertible {
    let description =
        "the service takes no permissive sessions; start it with --permissive-mode, or use --policy strict"
}

/// COMMAND could not be started.
struct CommandNotStarted: Error, CustomStringConvertible {
    var command: String
    var code: CInt

    var exitStatus: Int32 { code == ENOENT ? ExitStatus.notFound : ExitStatus.notExecutable }

    var description: String { "cannot run \(Shown.text(command)): \(SystemError.text(of: code))" }
}

/// `run` could not do its part.
struct RunFailure: Error, CustomStringConvertible {
    var cause: any Error

    var description: String { "\(cause)" }
}
