/// Tells the strings of a JSON text from what is around them, byte by byte.
public struct JSONStringTracker: Sendable {
    private var isInString = false
    private var isEscaped = false

    /// Makes a tracker for the start of a text.
    public init() {}

    /// Looks at the next byte of the text.
    ///
    /// - Parameter byte: It.
    /// - Returns: Whether it belongs to a string; the quote that begins one does not, the one that ends it does.
    public mutating func isInString(_ byte: UInt8) -> Bool {
        guard isInString else {
            isInString = byte == UInt8(ascii: "\"")
            return false
        }
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isInString = false
        }
        return true
    }
}
