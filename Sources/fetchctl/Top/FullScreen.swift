import Core
import Glibc
import Platform

/// A terminal that shows whole screens and gives single keys, until it is given back as it was.
///
/// Given back at every end that a program can notice: its own, a signal, a trap. There is one at a time.
final class FullScreen {
    /// The other screen, no cursor, no wrapping at the end of lines.
    private static let begin = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l"
    private static let end = "\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l"

    private let input: CInt
    private let output: CInt
    private let before: termios
    private var isOurs = false

    /// Notes how the terminal is; ``enter()`` takes it.
    ///
    /// - Returns: `nil` when one of them is no terminal.
    init?(input: CInt, output: CInt) {
        var mode = termios()
        guard isatty(output) == 1, tcgetattr(input, &mode) == 0 else { return nil }
        self.input = input
        self.output = output
        before = mode
    }

    /// Takes the terminal: keys come one by one and are not shown.
    ///
    /// Those that send signals still do.
    func enter() {
        TerminalRescue.arm(input: input, output: output, mode: before, text: Self.end)
        var mode = before
        mode.c_lflag &= ~tcflag_t(ICANON | ECHO)
        tcsetattr(input, TCSAFLUSH, &mode)
        Output.write(Self.begin, to: output)
        isOurs = true
    }

    /// Gives the terminal back; harmless when it is not ours.
    func leave() {
        guard isOurs else { return }
        isOurs = false
        var mode = before
        Output.write(Self.end, to: output)
        tcsetattr(input, TCSAFLUSH, &mode)
        TerminalRescue.disarm()
    }

    /// Rows and columns now.
    var size: (rows: Int, columns: Int) { TerminalStyle.size(of: output) ?? (24, 80) }

    /// Shows lines from the top, in one write; what was there before goes.
    func show(_ lines: [String]) {
        // Each line is cleared first: behind the last column, that column would be cleared.
        let text = lines.map { "\u{1b}[2K" + $0 }.joined(separator: "\r\n")
        Output.write("\u{1b}[H" + text + "\u{1b}[J", to: output)
    }

    /// Waits for keys; none when none came in time.
    func keys(within limit: Duration) -> [UInt8] {
        var entry = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, CInt(clamping: limit.wholeNanoseconds / 1_000_000)) > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: 256)
        guard case .count(let count) = bytes.withUnsafeMutableBytes({ Kernel.read(input, into: $0) }) else { return [] }
        return Array(bytes[..<count])
    }

    deinit { leave() }
}

/// Gives the terminal back when the program traps: from a signal handler, so nothing but plain memory and system calls.
private enum TerminalRescue {
    private static let fatal = [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE]

    // Written before the handlers are there and not changed while they are.
    nonisolated(unsafe) private static var input: CInt = -1
    nonisolated(unsafe) private static var output: CInt = -1
    nonisolated(unsafe) private static var mode = termios()
    nonisolated(unsafe) private static var text: UnsafeMutableRawBufferPointer?

    static func arm(input: CInt, output: CInt, mode: termios, text: String) {
        let bytes = Array(text.utf8)
        let copy = self.text ?? .allocate(byteCount: bytes.count, alignment: 1)
        copy.copyBytes(from: bytes)
        (self.input, self.output, self.mode, self.text) = (input, output, mode, copy)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { signal in
            TerminalRescue.restore()
            // Held back until here is left, then with its usual effect.
            _ = raise(signal)
        }
        action.sa_flags = CInt(bitPattern: UInt32(SA_RESETHAND))
        for signal in fatal { sigaction(signal, &action, nil) }
    }

    static func disarm() { for signal in fatal { _ = Glibc.signal(signal, SIG_DFL) } }

    private static func restore() {
        guard let text else { return }
        _ = Glibc.write(output, text.baseAddress, text.count)
        tcsetattr(input, TCSANOW, &mode)
    }
}
