/// Writes structured fields, exactly as RFC 9651, section 4.1, says.
package enum StructuredSerialiser {
    /// A list; an empty text for an empty list, whose field is then left out.
    package static func list(_ members: [StructuredMember]) throws(StructuredFieldError) -> String {
        var out: [UInt8] = []
        for (index, member) in members.enumerated() {
            if index > 0 { out.append(copying: ", ".utf8Span.span) }
            try append(member, to: &out)
        }
        return String(copying: out.span)
    }

    /// A dictionary; an empty text for an empty one, whose field is then left out.
    package static func dictionary(_ dictionary: StructuredDictionary) throws(StructuredFieldError) -> String {
        var out: [UInt8] = []
        for (index, entry) in dictionary.entries.enumerated() {
            if index > 0 { out.append(copying: ", ".utf8Span.span) }
            try append(key: entry.key, to: &out)
            if case .item(let item) = entry.member, item.value == .boolean(true) {
                try append(item.parameters, to: &out)
            } else {
                out.append(ASCII.equals)
                try append(entry.member, to: &out)
            }
        }
        return String(copying: out.span)
    }

    /// A lone item.
    package static func item(_ item: StructuredItem) throws(StructuredFieldError) -> String {
        var out: [UInt8] = []
        try append(item, to: &out)
        return String(copying: out.span)
    }

    private static func append(_ member: StructuredMember, to out: inout [UInt8]) throws(StructuredFieldError) {
        switch member {
        case .item(let item): try append(item, to: &out)
        case .innerList(let items, let parameters):
            out.append(0x28)
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(ASCII.space) }
                try append(item, to: &out)
            }
            out.append(0x29)
            try append(parameters, to: &out)
        }
    }

    private static func append(_ item: StructuredItem, to out: inout [UInt8]) throws(StructuredFieldError) {
        try append(item.value, to: &out)
        try append(item.parameters, to: &out)
    }

    private static func append(_ parameters: StructuredParameters, to out: inout [UInt8]) throws(StructuredFieldError) {
        for pair in parameters.pairs {
            out.append(ASCII.semicolon)
            try append(key: pair.key, to: &out)
            guard pair.value != .boolean(true) else { continue }
            out.append(ASCII.equals)
            try append(pair.value, to: &out)
        }
    }

    private static func append(key: String, to out: inout [UInt8]) throws(StructuredFieldError) {
        guard !key.isEmpty,
            key.utf8.enumerated().allSatisfy({ StructuredParser.isKey($0.element, isFirst: $0.offset == 0) })
        else { throw StructuredFieldError(reason: "this is no key") }
        out.append(copying: key.utf8Span.span)
    }

    private static func append(_ value: BareItem, to out: inout [UInt8]) throws(StructuredFieldError) {
        switch value {
        case .integer(let number): try append(integer: number, to: &out)
        case .decimal(let thousandths):
            guard thousandths.magnitude < 1_000_000_000_000_000 else {
                throw StructuredFieldError(reason: "a decimal has more than 12 digits before its point")
            }
            if thousandths < 0 { out.append(0x2D) }
            out.append(decimal: Int64(thousandths.magnitude / 1000))
            out.append(ASCII.dot)
            var digits = thousandths.magnitude % 1000
            var scale: UInt64 = 100
            repeat {
                out.append(ASCII.zero + UInt8(digits / scale))
                digits %= scale
                scale /= 10
            } while digits > 0
        case .string(let text):
            guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw StructuredFieldError(reason: "a string is not visible ASCII")
            }
            append(quoted: text, to: &out)
        case .token(let text):
            guard isToken(text) else { throw StructuredFieldError(reason: "this is no token") }
            out.append(copying: text.utf8Span.span)
        case .bytes(let bytes):
            out.append(ASCII.colon)
            out.append(copying: Base64.encode(bytes).utf8Span.span)
            out.append(ASCII.colon)
        case .boolean(let flag):
            out.append(ASCII.question)
            out.append(flag ? 0x31 : ASCII.zero)
        case .date(let seconds):
            out.append(ASCII.at)
            try append(integer: seconds, to: &out)
        case .displayString(let text):
            out.append(ASCII.percent)
            out.append(ASCII.quote)
            for byte in text.utf8 {
                if byte == ASCII.percent || byte == ASCII.quote || !(0x20...0x7E).contains(byte) {
                    out.append(ASCII.percent)
                    out.append(ASCII.lowercased(ASCII.hexDigit(byte >> 4)))
                    out.append(ASCII.lowercased(ASCII.hexDigit(byte & 15)))
                } else {
                    out.append(byte)
                }
            }
            out.append(ASCII.quote)
        }
    }

    private static func append(integer: Int64, to out: inout [UInt8]) throws(StructuredFieldError) {
        guard integer.magnitude < 1_000_000_000_000_000 else {
            throw StructuredFieldError(reason: "an integer has more than 15 digits")
        }
        out.append(decimal: integer)
    }

    /// Whether the text can be written as a token.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.enumerated().allSatisfy { StructuredParser.isToken($0.element, isFirst: $0.offset == 0) }
    }

    /// Appends a string in quotes; bytes that no string holds become question marks.
    static func append(quoted text: String, to out: inout [UInt8]) {
        out.append(ASCII.quote)
        for byte in text.utf8 {
            if byte == ASCII.quote || byte == ASCII.backslash { out.append(ASCII.backslash) }
            out.append((0x20...0x7E).contains(byte) ? byte : ASCII.question)
        }
        out.append(ASCII.quote)
    }
}
