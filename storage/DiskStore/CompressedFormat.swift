import Core
import Storage
import System

/// A compressed blob on disk: an LZ4 frame that any LZ4 program reads, followed by an index in a skippable frame.
///
/// All numbers are little-endian. The frame (LZ4 frame format, version 1.6.x):
///
///     bytes
///         4  magic 0x184D2204
///         1  flags 0x78: version 1, independent blocks, block checksums, content size, no content checksum
///         1  block maximum 0x50: 256 KiB
///         8  content size
///         1  second byte of XXH32 of the ten bytes before
///            blocks, each: 4 bytes size (highest bit: not compressed), the bytes, 4 bytes XXH32 of them
///         4  end mark 0
///
/// Every block but the last holds exactly 256 KiB of content. The index, version 1:
///
///         4  magic 0x184D2A5E, a skippable frame
///         4  length of what follows
///         8  the characters "FSINDEX1"
///         8  content size
///        32  SHA-256 of the content
///     4 × n  the size word of every block
///         4  XXH32 of the above, from "FSINDEX1" on
///         4  the same length again, for finding the beginning from the end of the file
struct CompressedIndex: Equatable, Sendable {
    static let blockSize = 256 << 10
    static let uncompressedBit: UInt32 = 1 << 31
    private static let headerSize = 15
    /// Bytes of the index besides the words, counted from "FSINDEX1" on.
    private static let fixedSize = 56
    private static let tailSize = 64 << 10

    let contentSize: Int64
    let digest: SHA256Digest
    /// The size word of every block.
    let words: [UInt32]
    /// Where every block begins in the file, its size word included, and where the end mark is.
    let offsets: [Int64]

    init(contentSize: Int64, digest: SHA256Digest, words: [UInt32]) {
        self.contentSize = contentSize
        self.digest = digest
        self.words = words
        var offset = Int64(Self.headerSize)
        offsets =
            words.map { word in
                defer { offset += Int64(Self.storedSize(word)) + 8 }
                return offset
            } + [offset]
    }

    /// Bytes of a block in the file, without size word and checksum.
    static func storedSize(_ word: UInt32) -> Int { Int(word & ~uncompressedBit) }

    /// Bytes of content in a block.
    func contentSize(ofBlock index: Int) -> Int {
        Int(min(Int64(Self.blockSize), contentSize - Int64(index) * Int64(Self.blockSize)))
    }

    static func blockCount(_ contentSize: Int64) -> Int { Int((contentSize + Int64(blockSize) - 1) / Int64(blockSize)) }

    /// The beginning of the file.
    static func frameHeader(contentSize: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendUInt32(0x184D_2204)
        bytes += [0x78, 0x50]
        bytes.appendUInt64(UInt64(contentSize))
        let checksum = bytes.withUnsafeBytes { XXHash32.checksum($0.part(4..<14)) }
        bytes.append(UInt8(truncatingIfNeeded: checksum >> 8))
        return bytes
    }

    /// One block as it stands in the file.
    static func encodeBlock(_ content: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: content.count + 8) { buffer, count in
            let room = UnsafeMutableRawBufferPointer(buffer)
            var word: UInt32
            // LZ4 has to save at least a byte, or the content stands there as it is.
            if let size = LZ4Block.compress(content, into: room.part(4..<content.count + 3)) {
                word = UInt32(size)
            } else {
                room.part(4..<content.count + 4).copyMemory(from: content)
                word = UInt32(content.count) | uncompressedBit
            }
            let end = 4 + storedSize(word)
            room.setUInt32(word, at: 0)
            room.setUInt32(XXHash32.checksum(UnsafeRawBufferPointer(room).part(4..<end)), at: end)
            count = end + 4
        }
    }

    /// What follows the last block: end mark and index.
    var trailer: [UInt8] {
        var index: [UInt8] = Array("FSINDEX1".utf8)
        index.appendUInt64(UInt64(contentSize))
        index += digest.bytes
        for word in words { index.appendUInt32(word) }
        index.appendUInt32(index.withUnsafeBytes { XXHash32.checksum($0) })
        let length = UInt32(index.count + 4)
        var bytes: [UInt8] = []
        bytes.appendUInt32(0)
        bytes.appendUInt32(0x184D_2A5E)
        bytes.appendUInt32(length)
        bytes += index
        bytes.appendUInt32(length)
        return bytes
    }

    /// Reads the index at the end of a file; `nil` when it is not a whole file of ours.
    static func read(_ file: SharedDescriptor, _ files: FileCalls) throws(SystemError) -> CompressedIndex? {
        let fileSize = try files.status(file).size
        guard fileSize >= Int64(headerSize + 12 + fixedSize) else { return nil }
        var tail = try files.read(
            file, count: Int(min(fileSize, Int64(tailSize))), at: max(0, fileSize - Int64(tailSize)))
        guard tail.count >= 4 else { return nil }
        let length = tail.withUnsafeBytes { Int($0.uint32(at: $0.count - 4)) }
        guard length >= fixedSize, Int64(length) <= fileSize else { return nil }
        if length > tail.count { tail = try files.read(file, count: length, at: fileSize - Int64(length)) }
        guard length <= tail.count, let index = tail.withUnsafeBytes({ parse($0.part($0.count - length..<$0.count)) })
        else { return nil }
        // End mark, magic and length of the skippable frame take 12 bytes.
        guard let end = index.offsets.last, end + 12 + Int64(length) == fileSize else { return nil }
        return index
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> CompressedIndex? {
        guard bytes.prefix(8).elementsEqual("FSINDEX1".utf8), (bytes.count - fixedSize).isMultiple(of: 4),
            bytes.uint32(at: bytes.count - 8) == XXHash32.checksum(bytes.part(0..<bytes.count - 8)),
            let digest = SHA256Digest(bytes: [UInt8](bytes[16..<48]))
        else { return nil }
        let size = bytes.uint64(at: 8)
        let count = (bytes.count - fixedSize) / 4
        guard size <= UInt64(count) * UInt64(blockSize), blockCount(Int64(size)) == count else { return nil }
        let words = (0..<count).map { bytes.uint32(at: 48 + 4 * $0) }
        guard words.allSatisfy({ storedSize($0) <= blockSize }) else { return nil }
        return CompressedIndex(contentSize: Int64(size), digest: digest, words: words)
    }
}
