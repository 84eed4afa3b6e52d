/// SipHash-1-3 with a key of its own for each database file.
///
/// Keys of the cache are chosen by builds: with a hash that anybody can compute, one could make thousands of URLs that
/// share an index entry. `Hasher` cannot be used, since its seed is another one in every process.
///
/// - SeeAlso: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF".
public struct SipHash: Sendable {
    private var v0, v1, v2, v3: UInt64
    @usableFromInline var tail: UInt64 = 0
    @usableFromInline var count = 0

    /// Begins a hash under a key.
    public init(key: (UInt64, UInt64)) {
        v0 = key.0 ^ 0x736f_6d65_7073_6575
        v1 = key.1 ^ 0x646f_7261_6e64_6f6d
        v2 = key.0 ^ 0x6c79_6765_6e65_7261
        v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    /// Adds bytes.
    @inlinable public mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            tail |= UInt64(byte) << UInt64((count & 7) * 8)
            count += 1
            if count & 7 == 0 { compress() }
        }
    }

    /// The hash of everything added.
    public consuming func finish() -> UInt64 {
        tail |= UInt64(truncatingIfNeeded: count) << 56
        compress()
        v2 ^= 0xff
        for _ in 0..<3 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }

    @usableFromInline mutating func compress() {
        v3 ^= tail
        round()
        v0 ^= tail
        tail = 0
    }

    private mutating func round() {
        func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
        v0 &+= v1
        v1 = rotate(v1, 13) ^ v0
        v0 = rotate(v0, 32)
        v2 &+= v3
        v3 = rotate(v3, 16) ^ v2
        v0 &+= v3
        v3 = rotate(v3, 21) ^ v0
        v2 &+= v1
        v1 = rotate(v1, 17) ^ v2
        v2 = rotate(v2, 32)
    }
}
