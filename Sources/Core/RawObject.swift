/// A JSON object as bytes, cut into its members without reading their values.
///
/// For passing JSON on as it is: the record's, which we wrote ourselves, or that of a request that was parsed before.
package struct RawObject: Sendable {
    private let bytes: [UInt8]
    private var members: [(name: Range<Int>, value: Range<Int>)] = []

    /// Cuts an object; bytes that are none have no members.
    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var members: [(name: Range<Int>, value: Range<Int>)] = []
        var position = Self.skipBlanks(bytes, 0)
        guard position < bytes.count, bytes[position] == UInt8(ascii: "{") else { return }
        position += 1
        while true {
            position = Self.skipBlanks(bytes, position)
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\""),
                let nameEnd = Self.endOfString(bytes, position)
            else { break }
            let name = position + 1..<nameEnd - 1
            position = Self.skipBlanks(bytes, nameEnd)
            guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else { return }
            let start = Self.skipBlanks(bytes, position + 1)
            guard let end = Self.endOfValue(bytes, start) else { return }
            members.append((name, start..<end))
            position = Self.skipBlanks(bytes, end)
            guard position < bytes.count, bytes[position] == UInt8(ascii: ",") else { break }
            position += 1
        }
        guard position < bytes.count, bytes[position] == UInt8(ascii: "}"),
            Self.skipBlanks(bytes, position + 1) == bytes.count
        else { return }
        self.members = members
    }

    /// The bytes of a member's value, or `nil`.
    package subscript(name: String) -> ArraySlice<UInt8>? { range(of: name).map { bytes[$0] } }

    /// Where a member's value stands, or `nil`.
    package func range(of name: String) -> Range<Int>? {
        members.first { bytes[$0.name].elementsEqual(name.utf8) }?.value
    }

    /// How many members have the name, as it is written without escapes.
    package func count(of name: String) -> Int { members.count { bytes[$0.name].elementsEqual(name.utf8) } }

    /// The object with another value of a member that it has.
    package func replacing(_ name: String, with value: [UInt8]) -> [UInt8] {
        guard let range = range(of: name) else { return bytes }
        return bytes[..<range.lowerBound] + value + bytes[range.upperBound...]
    }

    private static func skipBlanks(_ bytes: [UInt8], _ start: Int) -> Int {
        var position = start
        while position < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[position]) { position += 1 }
        return position
    }

    /// The position behind the closing quote.
    private static func endOfString(_ bytes: [UInt8], _ start: Int) -> Int? {
        var position = start + 1
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\"") { return position + 1 }
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    /// The position behind a value: brackets are counted, strings passed over.
    private static func endOfValue(_ bytes: [UInt8], _ start: Int) -> Int? {
        var depth = 0
        var position = start
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                guard let end = endOfString(bytes, position) else { return nil }
                position = end
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return position > start ? position : nil }
                depth -= 1
                position += 1
            case UInt8(ascii: ","):
                if depth == 0 { return position > start ? position : nil }
                position += 1
            default: position += 1
            }
        }
        return nil
    }
}
