import Core
import Storage
import Platform

/// A compressed blob on disk: an index in a skippable frame, followed by an LZ4 frame; any LZ4 program reads it.
///
/// All numbers are little-endian (LZ4 frame format, version 1.6.x). The index, version 1:
///
///     bytes
///         4  magic 0x184D2A5E, a skippable frame
///         4  length of what follows: 52 + 4 × n
///         8  the characters "FSINDEX1"
///         8  content size
///        32  SHA-256 of the content
///     4 × n  the size word of every block
///         4  XXH32 of the above, from "FSINDEX1" on
///
/// The frame:
///
///         4  magic 0x184D2204
///         1  flags 0x78: version 1, independent blocks, block checksums, content size, no content checksum
///         1  block maximum 0x50: 256 KiB
///         8  content size
///         1  second byte of XXH32 of the ten bytes before
///            blocks, each: 4 bytes size (highest bit: not compressed), the bytes, 4 bytes XXH32 of them
///         4  end mark 0
///
/// Every block but the last holds exactly 256 KiB of content. The index comes first, though it is written last: behind a
/// frame with block checksums the program lz4 1.9.4 stumbles over any further frame.
struct CompressedIndex: Equatable, Sendable {
    static let blockSize = 256 << 10
    static let uncompressedBit: UInt32 = 1 << 31
    private static let magic: UInt32 = 0x184D_2A5E
    /// What follows the last block.
    static let endMark: [UInt8] = [0, 0, 0, 0]
    private static let frameHeaderSize = 15
    /// Bytes of the index besides the words, magic and length included.
    private static let fixedSize = 60
    private static let readSize = 64 << 10

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
        var offset = Self.firstBlock(contentSize: contentSize)
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

    /// Where the first block begins: known before any has been compressed.
    static func firstBlock(contentSize: Int64) -> Int64 {
        Int64(fixedSize + 4 * blockCount(contentSize) + frameHeaderSize)
    }

    /// The beginning of the frame.
    private static func frameHeader(contentSize: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendUInt32(0x184D_2204)
        bytes += [0x78, 0x50]
        bytes.appendUInt64(UInt64(contentSize))
        let checksum = bytes.withUnsafeBytes { XXHash32.checksum($0.part(4..<14)) }
        bytes.append(UInt8(truncatingIfNeeded: checksum >> 8))
        return bytes
    }

    /// One block as it stands in the file.
    static func encodeBlock(_ content: UnsafeRawBufferPointer, with compressor: LZ4Compressor) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: content.count + 8) { buffer, count in
            let room = UnsafeMutableRawBufferPointer(buffer)
            var word: UInt32
            // LZ4 has to save at least a byte, or the content stands there as it is.
            if let size = compressor.compress(content, into: room.part(4..<content.count + 3)) {
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

    /// What stands before the first block: the index and the beginning of the frame.
    var header: [UInt8] {
        var index: [UInt8] = Array("FSINDEX1".utf8)
        index.appendUInt64(UInt64(contentSize))
        index += digest.bytes
        for word in words { index.appendUInt32(word) }
        index.appendUInt32(index.withUnsafeBytes { XXHash32.checksum($0) })
        var bytes: [UInt8] = []
        bytes.appendUInt32(Self.magic)
        bytes.appendUInt32(UInt32(index.count))
        return bytes + index + Self.frameHeader(contentSize: contentSize)
    }

    /// Reads the index of a file; `nil` when it is not a whole file of ours.
    static func read(_ file: SharedDescriptor, _ files: FileCalls) throws(SystemError) -> CompressedIndex? {
        let fileSize = try files.status(file).size
        var head = try files.read(file, count: readSize, at: 0)
        guard head.count >= fixedSize, head.withUnsafeBytes({ $0.uint32(at: 0) }) == magic else { return nil }
        let length = head.withUnsafeBytes { Int($0.uint32(at: 4)) } + 8
        guard length >= fixedSize, Int64(length) <= fileSize else { return nil }
        if length > head.count { head = try files.read(file, count: length, at: 0) }
        guard head.count >= length, let index = head.withUnsafeBytes({ parse($0.part(8..<length)) }),
            let end = index.offsets.last, end + Int64(endMark.count) == fileSize
        else { return nil }
        return index
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> CompressedIndex? {
        guard bytes.prefix(8).elementsEqual("FSINDEX1".utf8), (bytes.count - 52).isMultiple(of: 4),
            bytes.uint32(at: bytes.count - 4) == XXHash32.checksum(bytes.part(0..<bytes.count - 4)),
            let digest = SHA256Digest(bytes: [UInt8](bytes[16..<48]))
        else { return nil }
        let size = bytes.uint64(at: 8)
        let count = (bytes.count - 52) / 4
        guard size <= UInt64(count) * UInt64(blockSize), blockCount(Int64(size)) == count else { return nil }
        let words = (0..<count).map { bytes.uint32(at: 48 + 4 * $0) }
        guard words.allSatisfy({ storedSize($0) <= blockSize }) else { return nil }
        return CompressedIndex(contentSize: Int64(size), digest: digest, words: words)
    }
}
