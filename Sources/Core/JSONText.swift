/// Writes strings as JSON (RFC 8259, section 7); `<`, `>` and `&` stay as they are.
package enum JSONText {
    /// The string in quotes.
    package static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        appendQuoted(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the string in quotes as UTF-8.
    package static func appendQuoted(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        defer { bytes.append(UInt8(ascii: "\"")) }
        let span = text.utf8Span.span
        if isPlain(span) {
            append(span, to: &bytes)
            return
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0a: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case 0x0d: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
            case 0x09: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            case 0..<0x20, 0x7f:
                bytes += "\\u00\(Hex.encode([byte]))".utf8
            default: bytes.append(byte)
            }
        }
    }

    /// Appends ASCII in quotes when nothing in it needs an escape; `false` for anything else, of which nothing is appended.
    package static func appendQuoted(ascii text: Span<UInt8>, to bytes: inout [UInt8]) -> Bool {
        for index in text.indices where text[index] >= 0x80 { return false }
        guard isPlain(text) else { return false }
        bytes.append(UInt8(ascii: "\""))
        append(text, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        return true
    }

    private static func append(_ text: Span<UInt8>, to bytes: inout [UInt8]) {
        // The pointer is used within this call only, to have one copy instead of a loop.
        unsafe text.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    /// Whether nothing in the text needs an escape.
    private static func isPlain(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices {
            let byte = bytes[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7f { return false }
        }
        return true
    }
}
