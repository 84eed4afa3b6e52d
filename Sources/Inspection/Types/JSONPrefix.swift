/// Whether bytes are JSON, or the beginning of JSON that was cut off.
///
/// A state machine with a stack of open brackets; it makes no values.
struct JSONPrefix {
    private enum Expectation { case value, valueOrEnd, nameOrEnd, name, colon, commaOrEnd, nothing }

    private var open: [UInt8] = []
    private var expected = Expectation.value

    /// Whether the bytes are JSON; with `isWhole` they must be complete.
    static func accepts(_ text: ArraySlice<UInt8>, isWhole: Bool) -> Bool {
        var prefix = JSONPrefix()
        return prefix.run(text, isWhole: isWhole)
    }

    private mutating func run(_ text: ArraySlice<UInt8>, isWhole: Bool) -> Bool {
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if [0x20, 0x0a, 0x0d, 0x09].contains(byte) {
                index += 1
                continue
            }
            let end: Int?
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard opens(byte) else { return false }
                end = index + 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard closes(byte) else { return false }
                end = index + 1
            case UInt8(ascii: ","):
                guard expected == .commaOrEnd else { return false }
                expected = open.last == UInt8(ascii: "{") ? .name : .value
                end = index + 1
            case UInt8(ascii: ":"):
                guard expected == .colon else { return false }
                expected = .value
                end = index + 1
            case UInt8(ascii: "\""):
                guard takesString() else { return false }
                end = Self.endOfString(text, from: index + 1)
            default:
                guard expected == .value || expected == .valueOrEnd else { return false }
                let word = text[index...].prefix { !Self.isDelimiter($0) }
                let isCut = word.endIndex == text.endIndex && !isWhole
                guard isCut || Self.isScalar(word) else { return false }
                valueEnded()
                end = word.endIndex
            }
            guard let end else { return !isWhole }
            index = end
        }
        return !isWhole || expected == .nothing
    }

    private mutating func opens(_ bracket: UInt8) -> Bool {
        guard expected == .value || expected == .valueOrEnd, open.count < 1024 else { return false }
        open.append(bracket)
        expected = bracket == UInt8(ascii: "{") ? .nameOrEnd : .valueOrEnd
        return true
    }

    private mutating func closes(_ bracket: UInt8) -> Bool {
        let isEnd = expected == .commaOrEnd || expected == .nameOrEnd || expected == .valueOrEnd
        guard isEnd, let last = open.popLast(), last + 2 == bracket else { return false }
        valueEnded()
        return true
    }

    private mutating func takesString() -> Bool {
        switch expected {
        case .name, .nameOrEnd: expected = .colon
        case .value, .valueOrEnd: valueEnded()
        case .colon, .commaOrEnd, .nothing: return false
        }
        return true
    }

    private mutating func valueEnded() { expected = open.isEmpty ? .nothing : .commaOrEnd }

    /// The index behind the closing quote, or `nil` when the text ends before it.
    private static func endOfString(_ text: ArraySlice<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "\"") { return index + 1 }
            index += text[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    private static func isDelimiter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x0a, 0x0d, 0x09, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ":"),
            UInt8(ascii: "\""):
            true
        default: false
        }
    }

    private static func isScalar(_ word: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: word, as: UTF8.self)
        if text == "true" || text == "false" || text == "null" { return true }
        guard let first = word.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else { return false }
        return word.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) } && Double(text) != nil
    }
}
