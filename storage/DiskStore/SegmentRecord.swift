import Core

/// The header of one record in a segment file, version 1.
///
/// A segment is records one after the other, without gaps. All numbers are little-endian.
///
///     offset  bytes
///          0      4  magic, the characters "FSR1"
///          4      1  version: 1
///          5      1  coding of the stored bytes: 0 as they are, 1 LZ4 block
///          6      1  state: 0 live, 1 dead, 2 dead and its room given back
///          7      1  zero
///          8      4  logical length: bytes of the content, at most 65,536
///         12      4  stored length: bytes that follow the header
///         16     32  SHA-256 of the content
///         48      4  XXH32 of the stored bytes
///         52      4  XXH32 of the bytes 0 to 51 with a state of 0
///         56         the stored bytes
///
/// The state is outside the checksum, so that a record dies by a write of one byte, which cannot be torn. The header of a
/// dead record may span the dead records that came after it: then its stored length goes up to the next live one, and
/// nothing else of it has a meaning. What follows the last whole record is the rest of a write that the end of the process
/// interrupted, and dead space.
struct SegmentRecord: Equatable, Sendable {
    static let headerSize = 56
    static let largestContent = 64 << 10
    /// What a whole record can be long, header included.
    static let possibleLengths = headerSize...(headerSize + largestContent)

    private static let magic: UInt32 = 0x3152_5346
    private static let version: UInt8 = 1

    /// Where in a record its state is.
    static let stateOffset: Int64 = 6

    enum Coding: UInt8, Sendable {
        case plain = 0
        case compressed = 1
    }

    enum State: UInt8, Sendable {
        case live = 0
        case dead = 1
        case givenBack = 2
    }

    var coding: Coding
    var state: State
    var logicalSize: Int
    var storedSize: Int
    var digest: SHA256Digest
    var storedChecksum: UInt32

    var isDead: Bool { state != .live }
    /// Header and stored bytes.
    var length: Int { Self.headerSize + storedSize }

    /// Reads a header; `nil` when these bytes are none.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.headerSize, bytes.uint32(at: 0) == Self.magic, bytes[4] == Self.version,
            bytes.uint32(at: 52) == Self.checksum(bytes), let coding = Coding(rawValue: bytes[5]),
            let state = State(rawValue: bytes[6]),
            let digest = SHA256Digest(bytes: [UInt8](bytes[16..<48]))
        else { return nil }
        self.coding = coding
        self.state = state
        logicalSize = Int(bytes.uint32(at: 8))
        storedSize = Int(bytes.uint32(at: 12))
        self.digest = digest
        storedChecksum = bytes.uint32(at: 48)
    }

    private init(coding: Coding, logicalSize: Int, storedSize: Int, digest: SHA256Digest, storedChecksum: UInt32) {
        self.coding = coding
        state = .live
        self.logicalSize = logicalSize
        self.storedSize = storedSize
        self.digest = digest
        self.storedChecksum = storedChecksum
    }

    /// Writes the header into the first 56 bytes of a buffer.
    func write(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.setUInt32(Self.magic, at: 0)
        bytes[4] = Self.version
        bytes[5] = coding.rawValue
        bytes[6] = state.rawValue
        bytes[7] = 0
        bytes.setUInt32(UInt32(logicalSize), at: 8)
        bytes.setUInt32(UInt32(storedSize), at: 12)
        bytes.part(16..<48).copyBytes(from: digest.bytes)
        bytes.setUInt32(storedChecksum, at: 48)
        bytes.setUInt32(Self.checksum(UnsafeRawBufferPointer(bytes)), at: 52)
    }

    private static func checksum(_ header: UnsafeRawBufferPointer) -> UInt32 {
        withUnsafeTemporaryAllocation(byteCount: 52, alignment: 8) { copy in
            copy.copyMemory(from: header.part(0..<52))
            copy[Int(stateOffset)] = 0
            return XXHash32.checksum(UnsafeRawBufferPointer(copy))
        }
    }

    /// The header's 56 bytes.
    var header: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.headerSize) { buffer, count in
            write(into: UnsafeMutableRawBufferPointer(buffer))
            count = Self.headerSize
        }
    }

    /// Makes a whole record.
    ///
    /// - Parameters:
    ///   - content: At most 64 KiB.
    ///   - digest: Its SHA-256.
    ///   - acceleration: For LZ4; `nil` stores the content as it is. Compressed is what becomes 12 % smaller.
    /// - Returns: Header and stored bytes.
    static func encode(_ content: [UInt8], digest: SHA256Digest, acceleration: Int32?) -> [UInt8] {
        precondition(content.count <= largestContent, "too large for a segment")
        return [UInt8](unsafeUninitializedCapacity: headerSize + content.count) { buffer, count in
            let room = UnsafeMutableRawBufferPointer(buffer)
            let stored = content.withUnsafeBytes { content in
                if let acceleration, content.count >= 128 {
                    let limit = content.count - (content.count * 12 + 99) / 100
                    let target = room.part(headerSize..<headerSize + limit)
                    if let size = LZ4Block.compress(content, into: target, acceleration: acceleration) {
                        return (size: size, coding: Coding.compressed)
                    }
                }
                room.part(headerSize..<headerSize + content.count).copyMemory(from: content)
                return (size: content.count, coding: .plain)
            }
            let storedBytes = UnsafeRawBufferPointer(room).part(headerSize..<headerSize + stored.size)
            SegmentRecord(
                coding: stored.coding, logicalSize: content.count, storedSize: stored.size, digest: digest,
                storedChecksum: XXHash32.checksum(storedBytes)
            ).write(into: room)
            count = headerSize + stored.size
        }
    }

    /// Why there is no content in a place.
    enum Absence: Error, Equatable {
        /// Dead, given back, or somebody else's place by now.
        case gone
        case corrupt(String)
    }

    /// Takes the content out of what was read at a record's place, checking all of it.
    static func content(of record: [UInt8], length: Int, blob digest: SHA256Digest, size: Int64) throws(Absence)
        -> [UInt8]
    {
        guard let header = record.withUnsafeBytes({ SegmentRecord($0) }) else {
            // A header that was given back reads as zeros.
            guard record.count >= headerSize, record[..<headerSize].allSatisfy({ $0 == 0 }) else {
                throw .corrupt("there is no record")
            }
            throw .gone
        }
        guard !header.isDead, header.digest == digest else { throw .gone }
        guard header.length == length, record.count == length, Int64(header.logicalSize) == size else {
            throw .corrupt("\(header.logicalSize) bytes in a record of \(record.count), not \(size) in \(length)")
        }
        let content: [UInt8]? = record.withUnsafeBytes { record in
            let stored = record.part(headerSize..<length)
            guard XXHash32.checksum(stored) == header.storedChecksum else { return nil }
            guard header.coding == .compressed else { return [UInt8](stored) }
            var isWhole = false
            let content = [UInt8](unsafeUninitializedCapacity: header.logicalSize) { buffer, count in
                isWhole = LZ4Block.decompress(
                    stored, into: UnsafeMutableRawBufferPointer(buffer).part(0..<header.logicalSize))
                count = isWhole ? header.logicalSize : 0
            }
            return isWhole ? content : nil
        }
        guard let content else { throw .corrupt("the checksum does not fit") }
        return content
    }
}
