import ArgumentParser
import Core
import Glibc
import Platform

/// `fetchctl top`.
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Watch sessions and transfers in a terminal.",
        discussion: """
            Arrows or j and k select a session, Enter shows it alone, s sorts by something else, q quits. Without a terminal, \
            what there is now is printed once.
            """)

    @OptionGroup var service: ServiceOptions
    @Flag(help: "Print what there is now as JSON, once.") var json = false

    func run() throws {
        let locator = service.locator
        let control = try locator.findRunning().control
        if json {
            let (sessions, transfers) = (try control.sessions(), try control.transfers())
            return Output.write(json: ["sessions": .list(sessions), "transfers": .list(transfers)])
        }
        let style = TerminalStyle(of: STDOUT_FILENO, environment: locator.environment)
        let keyboard =
            isatty(STDIN_FILENO) == 1 ? nil : try? SharedDescriptor(adopting: Kernel.open("/dev/tty", O_RDWR))
        let input = keyboard?.raw ?? STDIN_FILENO
        guard style.width != nil, locator.environment["TERM"].map({ !["", "dumb"].contains($0) }) ?? false,
            let screen = FullScreen(input: input, output: STDOUT_FILENO)
        else {
            var model = TopModel()
            model.take(try TopFeed.snapshot(of: control).get())
            let lines = TopScreen(model: model, place: control.endpoint.description, style: style).report
            return Output.write(lines.map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
        }
        // Asked before the screen is taken, so that an error stands where it can be read.
        _ = try control.sessions()
        let watch = TopWatch(
            screen: screen, control: control, hasColour: style.hasColour)
        let signal = watch.run()
        withExtendedLifetime(keyboard) {}
        if let signal { throw ExitCode(128 + signal) }
    }
}
