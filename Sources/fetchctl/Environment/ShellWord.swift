/// Words for a POSIX shell.
enum ShellWord {
    /// The text in single quotes, so that the shell takes every character as it is.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    /// A line that makes a change in the shell that reads it; the name must be a variable's.
    static func line(for change: EnvironmentChange) -> String {
        guard let value = change.value else { return "unset \(change.name)" }
        return "export \(change.name)=\(quoted(value))"
    }
}
