import Glibc

/// What the reader of our output is: a terminal of some width, with colours or not, or something else.
struct TerminalStyle: Sendable, Equatable {
    /// Columns of the terminal; `nil` for a pipe or file, where nothing is shortened.
    var width: Int?
    var hasColour: Bool

    static let plain = TerminalStyle(width: nil, hasColour: false)

    init(width: Int?, hasColour: Bool) {
        self.width = width
        self.hasColour = hasColour
    }

    /// Looks at a descriptor; `NO_COLOR` (when it is not empty) and `TERM=dumb` switch colours off.
    init(of descriptor: CInt, environment: ProcessEnvironment) {
        guard isatty(descriptor) == 1 else {
            self = .plain
            return
        }
        width = Self.size(of: descriptor)?.columns ?? 80
        let refuses = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        hasColour = !refuses && environment["TERM"] != "dumb"
    }

    /// Rows and columns of a terminal, `nil` when it does not say.
    static func size(of descriptor: CInt) -> (rows: Int, columns: Int)? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    /// A look of text.
    enum Look: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case reverse = "7"
    }

    /// The text in that look, where there are colours.
    func styled(_ text: String, _ look: Look?) -> String {
        guard hasColour, let look, !text.isEmpty else { return text }
        return "\u{1b}[\(look.rawValue)m\(text)\u{1b}[0m"
    }
}
