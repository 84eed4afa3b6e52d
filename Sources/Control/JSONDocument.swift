internal import Core

/// Why bytes are no JSON.
struct JSONSyntaxError: Error, Sendable, CustomStringConvertible {
    let description: String
}

/// A JSON value (RFC 8259) as it came: numbers keep their text, members their order and their bytes.
///
/// Read by hand because the contract wants what ready-made decoders do not give: bytes behind the first value are
/// ignored, unknown members are named in the log, and `inspectors-configuration` goes on as it was sent.
indirect enum JSONDocument: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case list([JSONDocument])
    case object([Member])

    /// One member of an object.
    struct Member: Sendable, Equatable {
        var name: String
        var value: JSONDocument
        /// The value as it was sent.
        var source: [UInt8]
    }

    /// Reads the first value; what comes behind it is ignored.
    init(firstIn bytes: [UInt8]) throws(JSONSyntaxError) {
        var reader = JSONReader(bytes: bytes)
        self = try reader.value(depth: 0)
    }

    /// What the value is, in an error text.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .list: "a list"
        case .object: "an object"
        }
    }
}

private struct JSONReader {
    let bytes: [UInt8]
    var position = 0

    /// Our own bodies are three deep.
    private static let deepest = 64

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONDocument {
        guard depth < Self.deepest else { throw JSONSyntaxError(description: "JSON is nested too deeply") }
        switch try peek() {
        case UInt8(ascii: "{"): return .object(try members(depth: depth))
        case UInt8(ascii: "["): return .list(try elements(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func members(depth: Int) throws(JSONSyntaxError) -> [JSONDocument.Member] {
        position += 1
        var members: [JSONDocument.Member] = []
        if try skip(UInt8(ascii: "}")) { return members }
        while true {
            guard try peek() == UInt8(ascii: "\"") else { throw unexpected("a member's name in quotes") }
            let name = try string()
            guard try skip(UInt8(ascii: ":")) else { throw unexpected("a colon") }
            _ = try peek()
            let start = position
            let value = try value(depth: depth + 1)
            members.append(.init(name: name, value: value, source: Array(bytes[start..<position])))
            if try skip(UInt8(ascii: "}")) { return members }
            guard try skip(UInt8(ascii: ",")) else { throw unexpected("a comma or the end of the object") }
        }
    }

    private mutating func elements(depth: Int) throws(JSONSyntaxError) -> [JSONDocument] {
        position += 1
        var elements: [JSONDocument] = []
        if try skip(UInt8(ascii: "]")) { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            if try skip(UInt8(ascii: "]")) { return elements }
            guard try skip(UInt8(ascii: ",")) else { throw unexpected("a comma or the end of the list") }
        }
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        let start = position
        position += 1
        var content: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw JSONSyntaxError(description: "the string at byte \(start) is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): try escape(into: &content)
            case 0..<0x20: throw JSONSyntaxError(description: "control character in the string at byte \(start)")
            default: content.append(byte)
            }
        }
        throw Self.end
    }

    private mutating func escape(into content: inout [UInt8]) throws(JSONSyntaxError) {
        guard position < bytes.count else { throw Self.end }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0c)
        case UInt8(ascii: "n"): content.append(0x0a)
        case UInt8(ascii: "r"): content.append(0x0d)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexUnit()
            if (0xd800..<0xdc00).contains(code), position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                let low = try hexUnit()
                guard (0xdc00..<0xe000).contains(low) else { throw unexpected("the second half of a surrogate pair") }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw unexpected("a whole surrogate pair") }
            content += Array(String(Character(scalar)).utf8)
        default: throw JSONSyntaxError(description: "unknown escape in a string before byte \(position)")
        }
    }

    private mutating func hexUnit() throws(JSONSyntaxError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw Self.end }
        let digits = bytes[position..<position + 4]
        guard let pair = Hex.decode(String(decoding: digits, as: UTF8.self)), pair.count == 2 else {
            throw unexpected("four hex digits")
        }
        position += 4
        return UInt32(pair[0]) << 8 | UInt32(pair[1])
    }

    private mutating func number() throws(JSONSyntaxError) -> String {
        let start = position
        func isDigit(_ index: Int) -> Bool { index < bytes.count && (0x30...0x39).contains(bytes[index]) }
        func digits() throws(JSONSyntaxError) {
            guard isDigit(position) else {
                if position >= bytes.count { throw Self.end }
                throw unexpected("a value")
            }
            while isDigit(position) { position += 1 }
        }
        func isNext(_ choices: String) -> Bool { position < bytes.count && choices.utf8.contains(bytes[position]) }
        if isNext("-") { position += 1 }
        if isNext("0") { position += 1 } else { try digits() }
        if isNext(".") {
            position += 1
            try digits()
        }
        if isNext("eE") {
            position += 1
            if isNext("+-") { position += 1 }
            try digits()
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func word(_ text: String, _ value: JSONDocument) throws(JSONSyntaxError) -> JSONDocument {
        for byte in text.utf8 {
            guard position < bytes.count else { throw Self.end }
            guard bytes[position] == byte else { throw unexpected("'\(text)'") }
            position += 1
        }
        return value
    }

    /// The next byte behind white space, not taken.
    private mutating func peek() throws(JSONSyntaxError) -> UInt8 {
        while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
        guard position < bytes.count else { throw Self.end }
        return bytes[position]
    }

    /// Takes the next byte if it is `byte`.
    private mutating func skip(_ byte: UInt8) throws(JSONSyntaxError) -> Bool {
        guard try peek() == byte else { return false }
        position += 1
        return true
    }

    private func unexpected(_ wanted: String) -> JSONSyntaxError {
        JSONSyntaxError(description: "byte \(position) of the JSON text: expected \(wanted)")
    }

    private static var end: JSONSyntaxError { JSONSyntaxError(description: "unexpected end of the JSON text (EOF)") }
}
