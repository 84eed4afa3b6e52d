import Core
import Glibc

/// Work on the cache that the service does in the background while we wait for it.
struct CacheWork {
    /// Between two looks.
    private static let interval = Duration.milliseconds(200)

    let path: String
    let control: ControlClient
    let locator: ServiceLocator

    /// Begins the work, or joins it, and waits for its end.
    ///
    /// - Parameters:
    ///   - body: What is asked for.
    ///   - waits: Whether to wait; else how far it is now is given.
    ///   - describe: Says in a line how far it is, for a terminal.
    /// - Returns: What the service says of it.
    /// - Throws: ``ControlError``; the service goes on with the work.
    func run(body: JSONValue?, waits: Bool, describe: (JSONValue) -> String) throws(ControlError) -> JSONValue {
        var state = try control.json("POST", path, body: body)
        let isShown = isatty(STDERR_FILENO) == 1 && locator.environment["TERM"] != "dumb"
        defer { if isShown { Output.write("\r\u{1b}[K", to: STDERR_FILENO) } }
        while waits, state["state"]?.text == "running" {
            if isShown {
                let width = (TerminalStyle.size(of: STDERR_FILENO)?.columns ?? 80) - 1
                Output.write("\r\u{1b}[K" + DisplayWidth.cut(describe(state), to: width), to: STDERR_FILENO)
            }
            usleep(useconds_t(Self.interval.components.attoseconds / 1_000_000_000_000))
            state = try control.json("GET", path)
        }
        return state
    }
}
