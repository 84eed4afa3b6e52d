import ArgumentParser
import Glibc
import Platform

/// `fetchctl config`.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Look at configuration files.", subcommands: [ConfigCheckCommand.self])
}

/// `fetchctl config check`.
struct ConfigCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the files of a configuration folder and tell every mistake with its line.",
        discussion: """
            The checking is done by the fetch-service beside fetchctl, else by the first in PATH, whose output and exit \
            status are passed on: 0 when all is well. With --json it is an object on standard output, whose mistakes have \
            file, line and text.
            """)

    @Flag(help: "Print the mistakes, or what is in force, as JSON.") var json = false
    @Argument(help: ArgumentHelp("The folder. Default: the service's.", valueName: "dir")) var folder: String?

    func run() throws {
        let environment = ProcessEnvironment.current()
        let program: String
        do {
            program = try ServiceLauncher.program(environment: environment)
        } catch {
            throw ServiceError("there is no fetch-service beside fetchctl or in PATH to check it with; install it")
        }
        let words = [program, "--check-config"] + (json ? ["--json"] : []) + (folder.map { ["--config", $0] } ?? [])
        // In our place: what it says and how it ends need no passing on.
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        execv(program, arguments)
        let code = errno
        for argument in arguments { free(argument) }
        throw ServiceError("cannot run \(Shown.text(program)): \(SystemError.text(of: code))")
    }
}
