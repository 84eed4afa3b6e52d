/// A SHA-256 digest, the address of a blob.
///
/// - SeeAlso: FIPS 180-4.
public struct SHA256Digest: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The 32 bytes as four big-endian words, so that copying and comparing need no allocation.
    private let word0: UInt64
    private let word1: UInt64
    private let word2: UInt64
    private let word3: UInt64

    /// Makes a digest from its four big-endian words, most significant first.
    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        (word0, word1, word2, word3) = words
    }

    /// The four big-endian words, most significant first.
    public var words: (UInt64, UInt64, UInt64, UInt64) { (word0, word1, word2, word3) }

    /// Makes a digest from its 32 bytes; `nil` for any other count.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        func word(_ start: Int) -> UInt64 {
            bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.init(words: (word(0), word(8), word(16), word(24)))
    }

    /// Makes a digest from 64 lower-case or upper-case hex digits; `nil` for anything else.
    public init?(hex: some StringProtocol) {
        guard let bytes = Hex.decode(hex) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 32 bytes, most significant first.
    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(32)
        append(to: &result)
        return result
    }

    /// Adds the 32 bytes to others, most significant first.
    public func append(to bytes: inout [UInt8]) {
        func add(_ word: UInt64) {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        add(word0)
        add(word1)
        add(word2)
        add(word3)
    }

    /// The digest as 64 lower-case hex digits.
    public var hex: String {
        unsafe String(unsafeUninitializedCapacity: 64) { text in
            var place = 0
            func put(_ word: UInt64) {
                for shift in stride(from: UInt64(60), through: 0, by: -4) {
                    unsafe text[place] = Hex.digit(UInt8(truncatingIfNeeded: word >> shift) & 15)
                    place += 1
                }
            }
            put(word0)
            put(word1)
            put(word2)
            put(word3)
            return place
        }
    }

    /// The same as ``hex``.
    public var description: String { hex }

    /// Orders digests as their bytes.
    public static func < (left: Self, right: Self) -> Bool {
        (left.word0, left.word1, left.word2, left.word3) < (right.word0, right.word1, right.word2, right.word3)
    }
}
