import Core
import Glibc

/// A line at the bottom of the terminal while COMMAND runs, out of the way of its output.
///
/// The last row is taken out of the scrolling region (DECSTBM), as apt does for its progress, so that COMMAND's lines
/// neither mix with ours nor push it up. Nothing is drawn while a full-screen or interactive program has the terminal:
/// when it is not in its usual mode, or another process group is in the foreground.
struct ProgressLine {
    /// A command that ends sooner is not worth a line.
    static let delay = Duration.seconds(2)
    /// Between two looks at the service.
    static let interval = Duration.seconds(1)

    private let descriptor: CInt
    private let style: TerminalStyle
    /// Rows of the terminal when the region was set; `nil` while none is.
    private var rows: Int?

    /// - Returns: `nil` when the descriptor is no terminal that could show a line.
    init?(on descriptor: CInt, environment: ProcessEnvironment) {
        guard isatty(descriptor) == 1, let term = environment["TERM"], term != "dumb", !term.isEmpty else { return nil }
        self.descriptor = descriptor
        style = TerminalStyle(of: descriptor, environment: environment)
    }

    /// Shows the text, unless somebody else has the terminal now.
    mutating func show(elapsed: Duration, exchanges: Int?) {
        guard let size = TerminalStyle.size(of: descriptor), size.rows > 2, isOurs else { return }
        var output = ""
        if rows != size.rows {
            output += Self.reserve(rows: size.rows)
            rows = size.rows
        }
        let text = DisplayWidth.cut(Self.text(elapsed: elapsed, exchanges: exchanges), to: size.columns - 1)
        output += Self.drawn(style.styled(text, .dim), row: size.rows)
        write(output)
    }

    /// Gives the row back and clears it; harmless when nothing was shown.
    mutating func erase() {
        guard let rows else { return }
        write(Self.released(rows: rows))
        self.rows = nil
    }

    static func text(elapsed: Duration, exchanges: Int?) -> String {
        let seconds = elapsed.components.seconds
        let time = seconds < 60 ? "\(seconds) s" : Quantity.time(nanoseconds: seconds * 1_000_000_000)
        return "fetchctl: \(time)" + (exchanges.map { ", \(counted($0, "request"))" } ?? "")
    }

    /// Takes the last row out of the scrolling region; the cursor keeps its column, and moves up if it was in that row.
    ///
    /// IND and not a line feed, which the terminal driver would make a carriage return too.
    static func reserve(rows: Int) -> String { "\u{1b}D\u{1b}7\u{1b}[1;\(rows - 1)r\u{1b}8\u{1b}[1A" }

    /// Writes into a row and puts the cursor back.
    static func drawn(_ text: String, row: Int) -> String { "\u{1b}7\u{1b}[\(row);1H\u{1b}[2K\(text)\u{1b}8" }

    /// Lets all rows scroll again and clears the last one.
    static func released(rows: Int) -> String {
        "\u{1b}7\u{1b}[\(rows);1H\u{1b}[2K\u{1b}[1;\(rows)r\u{1b}8"
    }

    private var isOurs: Bool {
        var mode = termios()
        guard tcgetattr(descriptor, &mode) == 0 else { return false }
        return mode.c_lflag & tcflag_t(ICANON) != 0 && mode.c_lflag & tcflag_t(ECHO) != 0
            && tcgetpgrp(descriptor) == getpgrp()
    }

    private func write(_ text: String) {
        // A terminal that went away is noticed by COMMAND.
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
