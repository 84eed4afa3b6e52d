import Core
import Cryptography

/// Bytes that look like nothing and repeat only after a prime number of them.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    let pattern = (0..<min(count, 65_521)).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 32)
    }
    var all: [UInt8] = []
    all.reserveCapacity(count)
    while all.count < count { all += pattern.prefix(count - all.count) }
    return all
}

func sha256(_ bytes: [UInt8]) -> SHA256Digest { SHA256Hasher.digest(bytes) }

/// The checksum of gzip and zip (ISO 3309).
func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = .max
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
}

extension [UInt8] {
    mutating func append(little value: some FixedWidthInteger) {
        var value = value
        for _ in 0..<(value.bitWidth / 8) {
            append(UInt8(truncatingIfNeeded: value))
            value >>= 8
        }
    }
}

/// One gzip member without compression (RFC 1951, section 3.2.4; RFC 1952, section 2.3).
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
    var start = 0
    repeat {
        let end = min(start + 65_535, bytes.count)
        out.append(end == bytes.count ? 1 : 0)
        out.append(little: UInt16(end - start))
        out.append(little: ~UInt16(end - start))
        out += bytes[start..<end]
        start = end
    } while start < bytes.count
    out.append(little: crc32(bytes))
    out.append(little: UInt32(bytes.count))
    return out
}

/// A zip archive whose members are stored as they are.
func zip(_ members: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    var out: [UInt8] = []
    var directory: [UInt8] = []
    for (name, bytes) in members {
        let offset = UInt32(out.count)
        // Version 2.0, no flags, stored, a fixed date.
        var common: [UInt8] = [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x58]
        common.append(little: crc32(bytes))
        common.append(little: UInt32(bytes.count))
        common.append(little: UInt32(bytes.count))
        common.append(little: UInt16(name.utf8.count))
        common.append(little: UInt16(0))
        out += [0x50, 0x4b, 3, 4] + common + Array(name.utf8) + bytes
        directory += [0x50, 0x4b, 1, 2, 20, 3] + common
        directory += [UInt8](repeating: 0, count: 6)
        // A plain file, rw-r--r--.
        directory.append(little: UInt32(0o100644 << 16))
        directory.append(little: offset)
        directory += name.utf8
    }
    let start = UInt32(out.count)
    out += directory + [0x50, 0x4b, 5, 6, 0, 0, 0, 0]
    out.append(little: UInt16(members.count))
    out.append(little: UInt16(members.count))
    out.append(little: UInt32(directory.count))
    out.append(little: start)
    out.append(little: UInt16(0))
    return out
}
