internal import Core

/// Indents compact JSON by tabs, piece by piece.
struct JSONIndenter {
    private var depth = 0
    private var strings = JSONStringTracker()
    /// An opening bracket stands at the end of what was written: an empty pair stays on one line.
    private var hasOpened = false

    /// The next piece, indented.
    mutating func indented(_ piece: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(piece.count + piece.count / 4)
        for byte in piece {
            if strings.isInString(byte) {
                result.append(byte)
                continue
            }
            switch byte {
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if !hasOpened { breakLine(&result) }
                hasOpened = false
                result.append(byte)
            case UInt8(ascii: ","):
                result.append(byte)
                breakLine(&result)
            case UInt8(ascii: ":"): result += [byte, UInt8(ascii: " ")]
            default:
                if hasOpened { breakLine(&result) }
                hasOpened = false
                result.append(byte)
                if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                    depth += 1
                    hasOpened = true
                }
            }
        }
        return result
    }

    private func breakLine(_ result: inout [UInt8]) {
        result.append(UInt8(ascii: "\n"))
        result += [UInt8](repeating: UInt8(ascii: "\t"), count: max(0, depth))
    }
}
