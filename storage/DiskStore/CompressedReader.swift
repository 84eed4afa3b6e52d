import Storage
import Platform

/// Reads a compressed blob at any position, block by block.
///
/// A block that is wanted whole is decoded straight into the caller's buffer. Of one that is wanted in part the content
/// is kept, at most one block of 256 KiB per reader.
final class CompressedReader: BlobReader {
    private struct Decoded {
        var block: Int
        var content: [UInt8]
    }

    private let file: SharedDescriptor
    private let files: FileCalls
    private let index: CompressedIndex
    private let foundDamage: @Sendable () -> Void
    /// The block decoded last; taken out while it is used, so that the lock is not held meanwhile.
    private let kept = Lock<Decoded?>(nil)

    init(
        file: SharedDescriptor, index: CompressedIndex, files: FileCalls, foundDamage: @escaping @Sendable () -> Void
    ) {
        self.foundDamage = foundDamage
        self.file = file
        self.index = index
        self.files = files
    }

    var size: Int64 { index.contentSize }

    var plainFile: (descriptor: Int32, offset: Int64)? { nil }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        guard offset >= 0, offset < size else { return 0 }
        let wanted = min(buffer.count, Int(size - offset))
        var done = 0
        while done < wanted {
            let position = offset + Int64(done)
            let block = Int(position / Int64(CompressedIndex.blockSize))
            let start = Int(position % Int64(CompressedIndex.blockSize))
            let count = min(wanted - done, index.contentSize(ofBlock: block) - start)
            let target = buffer.part(done..<done + count)
            if count == index.contentSize(ofBlock: block) {
                try decode(block, into: target)
            } else {
                try copy(from: block, at: start, into: target)
            }
            done += count
        }
        return done
    }

    private func copy(from block: Int, at start: Int, into target: UnsafeMutableRawBufferPointer) throws(StoreError) {
        var mine: Decoded?
        kept.withLock { swap(&$0, &mine) }
        if mine?.block != block {
            let size = index.contentSize(ofBlock: block)
            var content = mine?.content.count == size ? mine?.content ?? [] : [UInt8](repeating: 0, count: size)
            mine = nil
            var span = content.mutableSpan
            try span.withUnsafeMutableBytes { (content) throws(StoreError) in try decode(block, into: content) }
            mine = Decoded(block: block, content: content)
        }
        mine?.content.withUnsafeBytes { target.copyMemory(from: $0.part(start..<start + target.count)) }
        kept.withLock { swap(&$0, &mine) }
    }

    private func decode(_ block: Int, into target: UnsafeMutableRawBufferPointer) throws(StoreError) {
        let word = index.words[block]
        let size = CompressedIndex.storedSize(word)
        let stored = try StoreError.during("read a compressed blob") { () throws(SystemError) in
            try files.read(file, count: size + 8, at: index.offsets[block])
        }
        let isRight = stored.withUnsafeBytes { stored in
            guard stored.count == size + 8, stored.uint32(at: 0) == word,
                stored.uint32(at: 4 + size) == XXHash32.checksum(stored.part(4..<4 + size))
            else { return false }
            let bytes = stored.part(4..<4 + size)
            guard word & CompressedIndex.uncompressedBit != 0 else { return LZ4Block.decompress(bytes, into: target) }
            guard bytes.count == target.count else { return false }
            target.copyMemory(from: bytes)
            return true
        }
        guard isRight else {
            foundDamage()
            throw StoreError(.corrupt, "read blob \(index.digest)", "block \(block) of \(index.words.count) is damaged")
        }
    }
}
