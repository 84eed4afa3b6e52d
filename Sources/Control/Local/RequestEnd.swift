internal import Core

/// Finds where the JSON value at the start of a stream ends, so that a client need not close its side.
///
/// It looks at brackets and strings only; whether what is between them is JSON, the parser says.
struct RequestEnd {
    private var depth = 0
    private var strings = JSONStringTracker()
    private var hasBegun = false

    /// Looks at the next bytes.
    ///
    /// - Returns: Whether the value is complete, or cannot become one.
    mutating func isReached(by bytes: some Sequence<UInt8>) -> Bool {
        for byte in bytes {
            if strings.isInString(byte) { continue }
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth <= 0 { return true }
            default: break
            }
            // A request is an object; anything else is an error that need not be waited for.
            if !hasBegun, byte != UInt8(ascii: "{") { return true }
            hasBegun = true
        }
        return false
    }
}
