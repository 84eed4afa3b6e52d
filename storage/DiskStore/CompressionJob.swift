import Core
import Cryptography
import Glibc
import Storage
import Platform

/// Makes the compressed file of one large blob, a slice at a time.
///
/// Confined to the one call of `maintain` that has taken it out of the queue.
final class CompressionJob {
    /// What a slice came to.
    enum Step {
        case unfinished
        /// The compressed file stands at its staged path.
        case written(bytes: Int64)
        /// It does not pay, or the source is gone or is not what its name says; the staged file is removed.
        case dropped
    }

    private static let sampleSize = 64 << 10

    let blob: StoredBlob
    let path: String
    private let files: FileCalls
    private let source: SharedDescriptor
    private let target: SharedDescriptor
    private let digest = SHA256Stream()
    private let compressor: LZ4Compressor
    private var words: [UInt32] = []
    private var read: Int64 = 0
    private var written: Int64

    /// Begins, when the source is there and samples of it say that compressing pays.
    init?(_ blob: StoredBlob, source path: String, staged: String, files: FileCalls) throws(SystemError) {
        guard let source = try files.openIfPresent(path), try files.status(source).size == blob.logicalSize,
            let level = try Self.level(for: source, size: blob.logicalSize, files)
        else { return nil }
        compressor = LZ4Compressor(level)
        self.blob = blob
        self.path = staged
        self.files = files
        self.source = source
        target = try files.open(staged, O_RDWR | O_CREAT | O_EXCL)
        written = CompressedIndex.firstBlock(contentSize: blob.logicalSize)
    }

    /// How a file is to be compressed, by samples from its beginning to its end; `nil` when that would save less than 15 %.
    ///
    /// The high level costs some 7 s of a processor for each GB, five times what the fast one does. So it is for what the
    /// fast one halves, which is text: of programs and libraries it finds little more.
    private static func level(
        for file: SharedDescriptor, size: Int64, _ files: FileCalls
    ) throws(SystemError) -> LZ4Compressor.Level? {
        let last = max(0, size - Int64(sampleSize))
        var (sampled, compressed) = (0, 0)
        for offset in [0, last / 3, last / 3 * 2, last] {
            let sample = try files.read(file, count: sampleSize, at: offset)
            sampled += sample.count
            compressed += withUnsafeTemporaryAllocation(byteCount: sampleSize, alignment: 16) { room in
                sample.withUnsafeBytes { LZ4Block.compress($0, into: room.part(0..<$0.count)) } ?? sample.count
            }
        }
        guard saves(compressed: Int64(compressed), of: Int64(sampled)) else { return nil }
        return compressed <= sampled / 2 ? .high : .fast
    }

    private static func saves(compressed: Int64, of size: Int64) -> Bool { compressed <= size / 100 * 85 }

    /// Goes on until about so many bytes of the source have been read.
    ///
    /// The content is hashed on the way: block checksums over rotten bytes would vouch for them from then on.
    func step(budget: inout Int64) throws(SystemError) -> Step {
        do {
            while read < blob.logicalSize {
                guard budget > 0 else { return .unfinished }
                let wanted = Int(min(Int64(CompressedIndex.blockSize), blob.logicalSize - read))
                let content = try files.read(source, count: wanted, at: read)
                guard content.count == wanted else { return drop() }
                digest.update(content)
                let block = content.withUnsafeBytes { CompressedIndex.encodeBlock($0, with: compressor) }
                try files.write(target, block, at: written)
                words.append(block.withUnsafeBytes { $0.uint32(at: 0) })
                read += Int64(wanted)
                written += Int64(block.count)
                budget -= Int64(wanted)
            }
            guard digest.finish() == blob.digest, Self.saves(compressed: written, of: read) else { return drop() }
            let index = CompressedIndex(contentSize: read, digest: blob.digest, words: words)
            try files.write(target, CompressedIndex.endMark, at: written)
            try files.write(target, index.header, at: 0)
            return .written(bytes: written + Int64(CompressedIndex.endMark.count))
        } catch {
            _ = drop()
            throw error
        }
    }

    /// Makes the written bytes durable.
    func sync() throws(SystemError) { try files.sync(target) }

    /// Removes the staged file; what cannot be removed now goes at the next start.
    @discardableResult
    func drop() -> Step {
        _ = try? files.unlink(path)
        return .dropped
    }
}
