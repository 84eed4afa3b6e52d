/// Reads structured fields, exactly as RFC 9651, section 4.2, says.
///
/// Bounded by what every parser must take: 1024 members of a list or a dictionary, 256 items of an inner list, 256
/// parameters, 64 bytes of a key; what has more is an error.
package struct StructuredParser {
    package static let memberLimit = 1024
    package static let innerLimit = 256
    package static let parameterLimit = 256
    package static let keyLimit = 64

    private let bytes: [UInt8]
    private var cursor = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The lines of a field as one list; empty without the field.
    package static func list(_ fields: Fields, _ name: String) throws(StructuredFieldError) -> [StructuredMember] {
        try list(joined(fields, name))
    }

    /// The lines of a field as one dictionary; empty without the field.
    package static func dictionary(_ fields: Fields, _ name: String) throws(StructuredFieldError)
        -> StructuredDictionary
    {
        try dictionary(joined(fields, name))
    }

    /// A list.
    package static func list(_ bytes: [UInt8]) throws(StructuredFieldError) -> [StructuredMember] {
        var parser = StructuredParser(bytes)
        var members: [StructuredMember] = []
        parser.skipSpaces()
        while !parser.isAtEnd {
            guard members.count < memberLimit else { throw fault("a list has more than \(memberLimit) members") }
            members.append(try parser.member())
            try parser.separator()
        }
        return members
    }

    /// A dictionary; of a key that comes twice the last member counts, in the place of the first.
    package static func dictionary(_ bytes: [UInt8]) throws(StructuredFieldError) -> StructuredDictionary {
        var parser = StructuredParser(bytes)
        var out = StructuredDictionary()
        var members = 0
        parser.skipSpaces()
        while !parser.isAtEnd {
            members += 1
            guard members <= memberLimit else { throw fault("a dictionary has more than \(memberLimit) members") }
            let key = try parser.key()
            if parser.skip(ASCII.equals) {
                out[key] = try parser.member()
            } else {
                out[key] = .item(StructuredItem(.boolean(true), parameters: try parser.parameters()))
            }
            try parser.separator()
        }
        return out
    }

    /// A lone item.
    package static func item(_ bytes: [UInt8]) throws(StructuredFieldError) -> StructuredItem {
        var parser = StructuredParser(bytes)
        parser.skipSpaces()
        let item = try parser.item()
        parser.skipSpaces()
        guard parser.isAtEnd else { throw fault("something follows the item") }
        return item
    }

    private static func joined(_ fields: Fields, _ name: String) -> [UInt8] {
        var out: [UInt8] = []
        var isFirst = true
        fields.forEachRaw { candidate, value in
            guard ASCII.equalIgnoringCase(candidate, name.utf8Span.span) else { return }
            if !isFirst { out.append(copying: ", ".utf8Span.span) }
            isFirst = false
            out.append(copying: value)
        }
        return out
    }

    private static func fault(_ reason: String) -> StructuredFieldError { StructuredFieldError(reason: reason) }

    // MARK: - Composed values

    private mutating func member() throws(StructuredFieldError) -> StructuredMember {
        guard skip(0x28) else { return .item(try item()) }
        var items: [StructuredItem] = []
        while true {
            skipSpaces()
            if skip(0x29) { return .innerList(items, parameters: try parameters()) }
            guard items.count < Self.innerLimit else {
                throw Self.fault("an inner list has more than \(Self.innerLimit) items")
            }
            items.append(try item())
            guard peek == ASCII.space || peek == 0x29 else { throw Self.fault("an inner list has no end") }
        }
    }

    /// What stands between two members, or the end.
    private mutating func separator() throws(StructuredFieldError) {
        skipBlanks()
        guard !isAtEnd else { return }
        guard skip(ASCII.comma) else { throw Self.fault("members are not separated by a comma") }
        skipBlanks()
        guard !isAtEnd else { throw Self.fault("a comma stands at the end") }
    }

    private mutating func item() throws(StructuredFieldError) -> StructuredItem {
        let value = try bareItem()
        return StructuredItem(value, parameters: try parameters())
    }

    private mutating func parameters() throws(StructuredFieldError) -> StructuredParameters {
        var out = StructuredParameters()
        var count = 0
        while skip(ASCII.semicolon) {
            count += 1
            guard count <= Self.parameterLimit else {
                throw Self.fault("a value has more than \(Self.parameterLimit) parameters")
            }
            skipSpaces()
            let key = try key()
            out[key] = skip(ASCII.equals) ? try bareItem() : .boolean(true)
        }
        return out
    }

    private mutating func key() throws(StructuredFieldError) -> String {
        let start = cursor
        while let byte = peek, StructuredParser.isKey(byte, isFirst: cursor == start) { cursor += 1 }
        guard cursor > start, cursor - start <= Self.keyLimit else { throw Self.fault("a key is missing or too long") }
        return text(start..<cursor)
    }

    static func isKey(_ byte: UInt8, isFirst: Bool) -> Bool {
        if (0x61...0x7A).contains(byte) || byte == 0x2A { return true }
        return !isFirst && (ASCII.isDigit(byte) || byte == 0x5F || byte == 0x2D || byte == ASCII.dot)
    }

    static func isToken(_ byte: UInt8, isFirst: Bool) -> Bool {
        if ASCII.isLetter(byte) || byte == 0x2A { return true }
        return !isFirst && (ASCII.isToken(byte) || byte == ASCII.colon || byte == ASCII.slash)
    }

    // MARK: - Bare items

    private mutating func bareItem() throws(StructuredFieldError) -> BareItem {
        guard let byte = peek else { throw Self.fault("a value is missing") }
        switch byte {
        case ASCII.quote: return .string(try string())
        case ASCII.colon: return .bytes(try byteSequence())
        case ASCII.question:
            cursor += 1
            if skip(0x31) { return .boolean(true) }
            guard skip(ASCII.zero) else { throw Self.fault("a boolean is neither ?0 nor ?1") }
            return .boolean(false)
        case ASCII.at:
            cursor += 1
            guard case .integer(let seconds) = try number() else { throw Self.fault("a date is no integer") }
            return .date(seconds)
        case ASCII.percent: return .displayString(try displayString())
        case 0x2D, 0x30...0x39: return try number()
        default:
            let start = cursor
            while let byte = peek, StructuredParser.isToken(byte, isFirst: cursor == start) { cursor += 1 }
            guard cursor > start else { throw Self.fault("a value begins with a forbidden byte") }
            return .token(text(start..<cursor))
        }
    }

    private mutating func number() throws(StructuredFieldError) -> BareItem {
        let sign: Int64 = skip(0x2D) ? -1 : 1
        let start = cursor
        while let byte = peek, ASCII.isDigit(byte) { cursor += 1 }
        let whole = cursor - start
        guard (1...15).contains(whole), let value = ASCII.decimal(bytes.span.extracting(start..<cursor)) else {
            throw Self.fault("a number has no digits or too many")
        }
        guard skip(ASCII.dot) else { return .integer(sign * value) }
        let point = cursor
        while let byte = peek, ASCII.isDigit(byte) { cursor += 1 }
        let places = cursor - point
        guard whole <= 12, (1...3).contains(places),
            let fraction = ASCII.decimal(bytes.span.extracting(point..<cursor))
        else { throw Self.fault("a decimal has too many digits, or none after its point") }
        let scale: Int64 = places == 1 ? 100 : places == 2 ? 10 : 1
        return .decimal(thousandths: sign * (value * 1000 + fraction * scale))
    }

    private mutating func string() throws(StructuredFieldError) -> String {
        cursor += 1
        var out: [UInt8] = []
        while let byte = peek {
            cursor += 1
            switch byte {
            case ASCII.quote: return String(copying: out.span)
            case ASCII.backslash:
                guard let escaped = peek, escaped == ASCII.quote || escaped == ASCII.backslash else {
                    throw Self.fault("a string has an unknown escape")
                }
                cursor += 1
                out.append(escaped)
            case 0x20...0x7E: out.append(byte)
            default: throw Self.fault("a string contains a forbidden byte")
            }
        }
        throw Self.fault("a string has no end")
    }

    private mutating func byteSequence() throws(StructuredFieldError) -> [UInt8] {
        cursor += 1
        let start = cursor
        while let byte = peek, byte != ASCII.colon { cursor += 1 }
        guard !isAtEnd, let decoded = Base64.decodeLeniently(bytes.span.extracting(start..<cursor)) else {
            throw Self.fault("a byte sequence has no end or is no base64")
        }
        cursor += 1
        return decoded
    }

    private mutating func displayString() throws(StructuredFieldError) -> String {
        cursor += 1
        guard skip(ASCII.quote) else { throw Self.fault("a display string does not begin with a quote") }
        var out: [UInt8] = []
        while let byte = peek {
            cursor += 1
            switch byte {
            case ASCII.quote:
                guard let text = String(validating: out, as: UTF8.self) else {
                    throw Self.fault("a display string is no UTF-8")
                }
                return text
            case ASCII.percent:
                guard cursor + 1 < bytes.count, let high = Self.lowerHex(bytes[cursor]),
                    let low = Self.lowerHex(bytes[cursor + 1])
                else { throw Self.fault("a display string has a malformed escape") }
                out.append(high << 4 | low)
                cursor += 2
            case 0x20...0x7E: out.append(byte)
            default: throw Self.fault("a display string contains a forbidden byte")
            }
        }
        throw Self.fault("a display string has no end")
    }

    private static func lowerHex(_ byte: UInt8) -> UInt8? {
        (0x41...0x46).contains(byte) ? nil : ASCII.hexValue(byte)
    }

    // MARK: - Bytes

    private var isAtEnd: Bool { cursor == bytes.count }

    private var peek: UInt8? { cursor < bytes.count ? bytes[cursor] : nil }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        cursor += 1
        return true
    }

    private mutating func skipSpaces() {
        while peek == ASCII.space { cursor += 1 }
    }

    private mutating func skipBlanks() {
        while let byte = peek, ASCII.isBlank(byte) { cursor += 1 }
    }

    private func text(_ range: Range<Int>) -> String { String(copying: bytes.span.extracting(range)) }
}
