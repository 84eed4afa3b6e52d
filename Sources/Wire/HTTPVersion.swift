/// The versions of HTTP that stand in a head; a higher minor version of 1 is read as 1.1 (RFC 9110, section 2.5).
package enum HTTPVersion: Sendable, Hashable {
    case http10
    case http11

    /// As it stands in a start line.
    package var text: String {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        }
    }

    /// The length of a version in a start line.
    static let length = 8

    /// Reads the eight bytes at `index`.
    ///
    /// - Returns: nil when no version stands there; `.some(nil)` for a major version other than 1.
    static func parse(_ bytes: Span<UInt8>, at index: Int) -> HTTPVersion?? {
        guard index + length <= bytes.count,
            bytes[index] == 0x48, bytes[index + 1] == 0x54, bytes[index + 2] == 0x54, bytes[index + 3] == 0x50,
            bytes[index + 4] == ASCII.slash, ASCII.isDigit(bytes[index + 5]), bytes[index + 6] == ASCII.dot,
            ASCII.isDigit(bytes[index + 7])
        else { return nil }
        guard bytes[index + 5] == 0x31 else { return .some(nil) }
        return bytes[index + 7] == ASCII.zero ? .http10 : .http11
    }
}
