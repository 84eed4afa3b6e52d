import Core

/// Text from outside on its way to a terminal.
enum Shown {
    /// Harmless on one line, and not longer than `limit` characters.
    static func text(_ text: String, limit: Int = 1024) -> String { escapedForDisplay(text, limit: limit) }

    /// Without spaces at the end.
    static func trimmedEnd(_ text: String) -> String {
        var rest = text[...]
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }

    /// Without white space at both ends.
    static func trimmed(_ text: String) -> String {
        var rest = text[...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
