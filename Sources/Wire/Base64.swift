/// Base64 with the standard alphabet (RFC 4648, section 4).
package enum Base64 {
    /// Decodes strictly: padding is required, nothing may stand around it, unused bits are zero.
    package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(text.count / 4 * 3)
        var index = 0
        while index < text.count {
            let isLast = index + 4 == text.count
            var padding = 0
            if isLast, text[index + 3] == ASCII.equals { padding = text[index + 2] == ASCII.equals ? 2 : 1 }
            var word: UInt32 = 0
            for place in 0..<4 - padding {
                guard let value = value(text[index + place]) else { return nil }
                word |= UInt32(value) << UInt32(18 - 6 * place)
            }
            out.append(UInt8(truncatingIfNeeded: word >> 16))
            if padding < 2 { out.append(UInt8(truncatingIfNeeded: word >> 8)) }
            if padding < 1 { out.append(UInt8(truncatingIfNeeded: word)) }
            if padding == 2, word & 0xFFFF != 0 { return nil }
            if padding == 1, word & 0xFF != 0 { return nil }
            index += 4
        }
        return out
    }

    /// Decodes with or without padding, whatever the unused bits are, as structured fields demand (RFC 9651, section 4.2.7).
    static func decodeLeniently(_ text: Span<UInt8>) -> [UInt8]? {
        var end = text.count
        while end > 0, text.count - end < 2, text[end - 1] == ASCII.equals { end -= 1 }
        guard end % 4 != 1, end == text.count || text.count % 4 == 0 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(end / 4 * 3 + 2)
        var (word, bits) = (UInt32(0), 0)
        for index in 0..<end {
            guard let value = value(text[index]) else { return nil }
            word = word << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                out.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
            }
        }
        return out
    }

    /// Decodes a text; see ``decode(_:)-(Span<UInt8>)``.
    package static func decode(_ text: String) -> [UInt8]? { decode(text.utf8Span.span) }

    /// Encodes with padding.
    package static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var word = UInt32(bytes[index]) << 16
            if count > 1 { word |= UInt32(bytes[index + 1]) << 8 }
            if count > 2 { word |= UInt32(bytes[index + 2]) }
            for place in 0..<4 {
                out.append(place <= count ? digit(UInt8(word >> UInt32(18 - 6 * place) & 63)) : ASCII.equals)
            }
            index += 3
        }
        return String(copying: out.span)
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x41...0x5A: byte - 0x41
        case 0x61...0x7A: byte - 0x61 + 26
        case 0x30...0x39: byte - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x61 + value - 26
        case 52..<62: 0x30 + value - 52
        case 62: 0x2B
        default: 0x2F
        }
    }
}
