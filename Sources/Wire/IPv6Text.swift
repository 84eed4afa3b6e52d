/// Reads and writes the text of IPv6 addresses (RFC 4291, section 2.2; RFC 5952).
enum IPv6Text {
    /// The eight groups, or nil for what is no address; zone identifiers are none.
    static func parse(_ text: Span<UInt8>) -> [UInt16]? {
        var groups: [UInt16] = []
        var gap: Int?
        var cursor = 0
        if text.count >= 2, text[0] == ASCII.colon, text[1] == ASCII.colon {
            gap = 0
            cursor = 2
        }
        while cursor < text.count {
            let start = cursor
            var value: UInt32 = 0
            while cursor < text.count, cursor - start < 5, let digit = ASCII.hexValue(text[cursor]) {
                value = value << 4 | UInt32(digit)
                cursor += 1
            }
            if cursor < text.count, text[cursor] == ASCII.dot {
                guard let quad = dottedQuad(text.extracting(start..<text.count)) else { return nil }
                groups += [UInt16(quad >> 16), UInt16(quad & 0xFFFF)]
                break
            }
            guard (1...4).contains(cursor - start) else { return nil }
            groups.append(UInt16(value))
            if cursor == text.count { break }
            guard groups.count < 8, text[cursor] == ASCII.colon else { return nil }
            cursor += 1
            guard cursor < text.count else { return nil }
            if text[cursor] == ASCII.colon {
                guard gap == nil else { return nil }
                gap = groups.count
                cursor += 1
            }
        }
        guard let gap else { return groups.count == 8 ? groups : nil }
        guard groups.count < 8 else { return nil }
        groups.insert(contentsOf: Array(repeating: 0, count: 8 - groups.count), at: gap)
        return groups
    }

    /// The shortest text: lower case, the first longest run of two or more zero groups as `::`.
    static func format(_ groups: [UInt16]) -> String {
        var best = 0..<0
        var run = 0..<0
        for index in groups.indices {
            run = groups[index] != 0 ? index + 1..<index + 1 : run.lowerBound..<index + 1
            if run.count > best.count { best = run }
        }
        let hex = groups.map { String($0, radix: 16) }
        guard best.count > 1 else { return hex.joined(separator: ":") }
        return hex[..<best.lowerBound].joined(separator: ":") + "::" + hex[best.upperBound...].joined(separator: ":")
    }

    /// Whether the text is four decimal numbers up to 255 without leading zeros.
    static func isDottedQuad(_ text: Span<UInt8>) -> Bool { dottedQuad(text) != nil }

    private static func dottedQuad(_ text: Span<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        var parts = 0
        var start = 0
        for index in 0...text.count where index == text.count || text[index] == ASCII.dot {
            let part = text.extracting(start..<index)
            guard parts < 4, part.count <= 3, let number = ASCII.decimal(part), number <= 255,
                part.count == 1 || part[0] != ASCII.zero
            else { return nil }
            value = value << 8 | UInt32(number)
            parts += 1
            start = index + 1
        }
        return parts == 4 ? value : nil
    }
}
