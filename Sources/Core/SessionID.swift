/// The public name of a session.
///
/// It is part of URLs and of paths in the state folder, so nothing but lower-case letters and digits gets in.
public struct SessionID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The id as it stands in URLs, reports and folder names.
    public let text: String

    /// Takes 1 to 64 characters of `a–z0–9`; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 64, Self.isPlain(text) else { return nil }
        self.text = String(text)
    }

    /// Whether a text has nothing but `a–z0–9`, whatever its length; not when it is empty.
    public static func isPlain(_ text: some StringProtocol) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }

    /// The same as ``text``.
    public var description: String { text }

    /// Orders ids as text.
    public static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

/// What a session does with requests and artifacts that no inspector vouches for.
public enum SessionPolicy: String, Hashable, Sendable, Codable {
    /// Refuse them.
    case strict
    /// Let them pass and say so in the report.
    case permissive
}
