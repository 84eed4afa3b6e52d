import Core
import Storage
import Platform

/// Reads a compressed blob at any position, block by block.
///
/// A block that is read whole is decoded straight into the caller's buffer. Of one that is wanted in part the content is
/// kept, at most one block of 256 KiB per reader. What is lent for sending goes through the store's ``DecodedBlocks``.
final class CompressedReader: BlobReader {
    private struct Kept {
        var block: Int
        var content: DecodedBlock
    }

    private let blob: StoredBlob
    private let file: SharedDescriptor
    private let status: FileStatus
    private let files: FileCalls
    private let index: CompressedIndex
    private let decoded: DecodedBlocks
    private let foundDamage: @Sendable () -> Void
    /// The block decoded last; taken out while it is used, so that the lock is not held meanwhile.
    private let kept = Lock<Kept?>(nil)

    init(
        _ blob: StoredBlob, file: SharedDescriptor, _ status: FileStatus, index: CompressedIndex, files: FileCalls,
        decoded: DecodedBlocks, foundDamage: @escaping @Sendable () -> Void
    ) {
        self.blob = blob
        self.status = status
        self.foundDamage = foundDamage
        self.file = file
        self.index = index
        self.files = files
        self.decoded = decoded
    }

    var size: Int64 { index.contentSize }

    var plainFile: (descriptor: Int32, offset: Int64)? { nil }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        guard offset >= 0, offset < size else { return 0 }
        let wanted = min(buffer.count, Int(size - offset))
        var done = 0
        while done < wanted {
            let (block, start) = place(offset + Int64(done))
            let count = min(wanted - done, index.contentSize(ofBlock: block) - start)
            let target = buffer.part(done..<done + count)
            if count == index.contentSize(ofBlock: block) {
                try decode(block, into: target)
            } else {
                // Not among the decoded blocks: who reads like this reads once.
                try borrow(block) { content in
                    target.copyMemory(from: content.part(start..<start + count))
                    return start + count < content.count
                }
            }
            done += count
        }
        return done
    }

    func lend(
        at offset: Int64, count: Int, scratch: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Int
    ) throws(StoreError) {
        guard offset >= 0, offset < size, count > 0 else { return }
        let (block, start) = place(offset)
        let key = DecodedBlocks.Key(
            digest: blob.digest, scope: blob.scope, inode: status.inode, modified: status.modified, block: block)
        let wanted = min(count, index.contentSize(ofBlock: block) - start)
        if let known = decoded.use(key, now: .now()) {
            _ = body(UnsafeRawBufferPointer(known.memory).part(start..<start + wanted))
            return
        }
        try borrow(block, key, scratch: scratch) { content in
            start + body(content.part(start..<start + wanted)) < content.count
        }
    }

    private func place(_ offset: Int64) -> (block: Int, start: Int) {
        let size = Int64(CompressedIndex.blockSize)
        return (Int(offset / size), Int(offset % size))
    }

    /// Decodes a block, and keeps it if `body` says that the rest of it will be wanted.
    ///
    /// With a key it may be kept for others too.
    private func borrow(
        _ block: Int, _ key: DecodedBlocks.Key? = nil, scratch: UnsafeMutableRawBufferPointer? = nil,
        _ body: (UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) {
        var mine: Kept?
        kept.withLock { swap(&$0, &mine) }
        let content: DecodedBlock
        let size = index.contentSize(ofBlock: block)
        if let mine, mine.block == block {
            content = mine.content
        } else {
            content = mine?.content ?? decoded.spare()
            try decode(block, into: content.memory.part(0..<size), scratch: scratch)
        }
        let isWantedAgain = body(UnsafeRawBufferPointer(content.memory).part(0..<size))
        if let key, decoded.keep(content, as: key, isWantedAgain: isWantedAgain, now: .now()) { return }
        guard isWantedAgain else { return decoded.giveBack(content) }
        mine = Kept(block: block, content: content)
        kept.withLock { swap(&$0, &mine) }
        if let other = mine?.content { decoded.giveBack(other) }
    }

    private func decode(
        _ block: Int, into target: UnsafeMutableRawBufferPointer, scratch: UnsafeMutableRawBufferPointer? = nil
    ) throws(StoreError) {
        let size = CompressedIndex.storedSize(index.words[block])
        let isRight: Bool
        if let scratch, scratch.count >= size + 8 {
            let room = scratch.part(0..<size + 8)
            let count = try StoreError.during("read a compressed blob") { () throws(SystemError) in
                try files.read(file, into: room, at: index.offsets[block])
            }
            isRight = decode(block, from: UnsafeRawBufferPointer(room).part(0..<count), into: target)
        } else {
            let stored = try StoreError.during("read a compressed blob") { () throws(SystemError) in
                try files.read(file, count: size + 8, at: index.offsets[block])
            }
            isRight = stored.withUnsafeBytes { decode(block, from: $0, into: target) }
        }
        guard isRight else {
            foundDamage()
            throw StoreError(.corrupt, "read blob \(index.digest)", "block \(block) of \(index.words.count) is damaged")
        }
    }

    /// Decodes a block as it stands in the file; `false` when it is damaged.
    private func decode(
        _ block: Int, from stored: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let word = index.words[block]
        let size = CompressedIndex.storedSize(word)
        guard stored.count == size + 8, stored.uint32(at: 0) == word,
            stored.uint32(at: 4 + size) == XXHash32.checksum(stored.part(4..<4 + size))
        else { return false }
        let bytes = stored.part(4..<4 + size)
        guard word & CompressedIndex.uncompressedBit != 0 else { return LZ4Block.decompress(bytes, into: target) }
        guard bytes.count == target.count else { return false }
        target.copyMemory(from: bytes)
        return true
    }
}
