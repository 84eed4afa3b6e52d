/// The 32-bit xxHash with seed 0, the checksum of the LZ4 frame format; guards against rot, not against forgery.
///
/// - SeeAlso: "xxHash fast digest algorithm", version 0.1.1, the part on XXH32.
package enum XXHash32 {
    private static let prime1: UInt32 = 0x9E37_79B1
    private static let prime2: UInt32 = 0x85EB_CA77
    private static let prime3: UInt32 = 0xC2B2_AE3D
    private static let prime4: UInt32 = 0x27D4_EB2F
    private static let prime5: UInt32 = 0x1656_67B1

    /// The checksum of some bytes.
    package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        func word(_ offset: Int) -> UInt32 {
            UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        var offset = 0
        var hash: UInt32
        if bytes.count >= 16 {
            var lane1 = prime1 &+ prime2
            var lane2 = prime2
            var lane3: UInt32 = 0
            var lane4 = 0 &- prime1
            while offset + 16 <= bytes.count {
                lane1 = round(lane1, word(offset))
                lane2 = round(lane2, word(offset + 4))
                lane3 = round(lane3, word(offset + 8))
                lane4 = round(lane4, word(offset + 12))
                offset += 16
            }
            hash = rotate(lane1, 1) &+ rotate(lane2, 7) &+ rotate(lane3, 12) &+ rotate(lane4, 18)
        } else {
            hash = prime5
        }
        hash &+= UInt32(truncatingIfNeeded: bytes.count)
        while offset + 4 <= bytes.count {
            hash = rotate(hash &+ word(offset) &* prime3, 17) &* prime4
            offset += 4
        }
        while offset < bytes.count {
            hash = rotate(hash &+ UInt32(unsafe bytes[offset]) &* prime5, 11) &* prime1
            offset += 1
        }
        hash = (hash ^ hash >> 15) &* prime2
        hash = (hash ^ hash >> 13) &* prime3
        return hash ^ hash >> 16
    }

    @inline(__always)
    private static func round(_ lane: UInt32, _ word: UInt32) -> UInt32 {
        rotate(lane &+ word &* prime2, 13) &* prime1
    }

    @inline(__always)
    private static func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }
}
