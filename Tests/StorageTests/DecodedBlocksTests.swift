import Core
import Cryptography
import PlatformTesting
import Storage
import Testing

@testable import DiskStore

/// What is decoded once for many readers, and how long it stays.
@Suite struct DecodedBlocksTests {
    static let block = CompressedIndex.blockSize

    let folder: TemporaryFolder
    let counter = CallCounter()

    init() throws { folder = try TemporaryFolder(inMemory: true) }

    /// A store with a compressed body.
    func store(_ bytes: [UInt8], budget: Int, scope: BlobScope = .shared) throws -> (DiskStore, StoredBlob) {
        var settings = DiskStoreSettings()
        settings.decodedMemory = budget
        settings.maintenanceBytes = 32 << 20
        let store = try DiskStore(root: "\(folder.path)/store", settings: settings, files: counter.files)
        _ = try store.storeLarge(bytes, scope: scope)
        let blob = try #require(try store.maintain().first?.new)
        _ = try store.maintain()
        return (store, blob)
    }

    /// Takes what is lent, so many bytes at a time; returns it with how often the file was read.
    func lend(
        _ reader: any BlobReader, from start: Int64 = 0, upTo end: Int64? = nil, taking share: Int = .max
    ) throws -> (bytes: [UInt8], reads: Int) {
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.block, alignment: 16)
        defer { scratch.deallocate() }
        counter.reset()
        var bytes: [UInt8] = []
        var position = start
        while position < end ?? reader.size {
            let before = position
            try reader.lend(at: position, count: 512 << 10, scratch: scratch) { lent in
                let taken = min(share, lent.count)
                bytes += lent.prefix(taken)
                position += Int64(taken)
                return taken
            }
            try #require(position > before)
        }
        return (bytes, counter[.read])
    }

    static func key(_ number: Int, scope: BlobScope = .shared) -> DecodedBlocks.Key {
        DecodedBlocks.Key(
            digest: SHA256Hasher.digest([UInt8(number)]), scope: scope, inode: 1, modified: 1, block: number)
    }

    @Test("What is lent twice is decoded no third time, by whichever reader")
    func popular() throws {
        let bytes = sampleText(3 * Self.block + 1000)
        let (store, blob) = try store(bytes, budget: 4 * Self.block)
        let first = try #require(try store.open(blob))
        for reads in [4, 4, 0] {
            let lent = try lend(first)
            #expect(lent.bytes == bytes)
            #expect(lent.reads == reads)
        }
        let other = try lend(try #require(try store.open(blob)))
        #expect(other.bytes == bytes)
        #expect(other.reads == 0)
        #expect(store.decoded.count == 4)
    }

    @Test("A body larger than the room keeps a part of its blocks, and no more than fit", arguments: [0, 1, 2])
    func largerThanTheRoom(_ room: Int) throws {
        let bytes = sampleText(4 * Self.block)
        let (store, blob) = try store(bytes, budget: room * Self.block + 100)
        let reader = try #require(try store.open(blob))
        for _ in 0..<2 { #expect(try lend(reader).bytes == bytes) }
        for _ in 0..<3 {
            let lent = try lend(reader)
            #expect(lent.bytes == bytes)
            #expect(lent.reads == 4 - room)
            #expect(store.decoded.count == room)
        }
    }

    @Test("A block of which the socket takes a part is not decoded again for the rest", arguments: [0, 8])
    func partlyTaken(_ room: Int) throws {
        let bytes = sampleText(2 * Self.block + 777)
        let (store, blob) = try store(bytes, budget: room * Self.block)
        let reader = try #require(try store.open(blob))
        let lent = try lend(reader, taking: 30_000)
        #expect(lent.bytes == bytes)
        #expect(lent.reads == 3)
        // The next one begins in the middle of a block.
        let rest = try lend(reader, from: 300_000, taking: 100_000)
        #expect(rest.bytes == Array(bytes[300_000...]))
        #expect(rest.reads <= 2)
    }

    @Test("Reading from end to end for other purposes than sending keeps nothing")
    func readingKeepsNothing() throws {
        let bytes = sampleText(2 * Self.block + 777)
        let (store, blob) = try store(bytes, budget: 8 * Self.block)
        let reader = try #require(try store.open(blob))
        var room = [UInt8](repeating: 0, count: 50_000)
        for _ in 0..<3 {
            for start in stride(from: 0, to: bytes.count, by: room.count) {
                _ = try room.withUnsafeMutableBytes { try reader.read(at: Int64(start), into: $0) }
            }
        }
        #expect(store.decoded.count == 0)
    }

    @Test("Blocks go with their blob, and those of a file that was there before are not taken for another's")
    func otherFile() throws {
        let bytes = sampleText(2 * Self.block)
        let (store, blob) = try store(bytes, budget: 8 * Self.block)
        let reader = try #require(try store.open(blob))
        for _ in 0..<2 { #expect(try lend(reader).bytes == bytes) }
        #expect(store.decoded.count == 2)
        try store.remove(blob)
        #expect(store.decoded.count == 0)
        // The reader stays valid, and what it decodes now is only for those who read the same file.
        #expect(try lend(reader).bytes == bytes)
        #expect(store.decoded.count == 2)
        _ = try store.storeLarge(bytes)
        let again = try #require(try store.maintain().first?.new)
        let lent = try lend(try #require(try store.open(again)))
        #expect(lent.bytes == bytes)
        #expect(lent.reads == 2)
    }

    @Test("Damage is found when a block is lent, before a byte of it is")
    func damage() throws {
        let (store, blob) = try store(sampleText(600_000), budget: 0)
        try store.layout.flipByte(of: blob, at: 500)
        let reader = try #require(try store.open(blob))
        let error = #expect(throws: StoreError.self) { try lend(reader) }
        #expect(error?.kind == .corrupt)
    }

    @Test("A block makes room only when nobody has used it for a while")
    func room() {
        let blocks = DecodedBlocks(budget: 2 * Self.block)
        let start = MonotonicTime(nanoseconds: 1_000_000_000)
        for number in [1, 2] {
            #expect(blocks.keep(DecodedBlock(), as: Self.key(number), isWantedAgain: true, now: start))
        }
        let later = start + DecodedBlocks.unusedFor
        #expect(!blocks.keep(DecodedBlock(), as: Self.key(3), isWantedAgain: true, now: later))
        #expect(blocks.use(Self.key(1), now: later) != nil)
        let muchLater = later + .seconds(1)
        var isKept = false
        for _ in 0..<2 where !isKept {
            isKept = blocks.keep(DecodedBlock(), as: Self.key(3), isWantedAgain: true, now: muchLater)
        }
        #expect(isKept)
        #expect(blocks.use(Self.key(1), now: muchLater) != nil, "used a second ago")
        #expect(blocks.use(Self.key(2), now: muchLater) == nil)
        #expect(blocks.use(Self.key(3), now: muchLater) != nil)
        #expect(blocks.count == 2)
    }

    @Test("Unused blocks go in the background, and a session's with the session")
    func ends() throws {
        let session = try #require(SessionID("0a9"))
        let blocks = DecodedBlocks(budget: 4 * Self.block)
        let start = MonotonicTime(nanoseconds: 1_000_000_000)
        for (number, scope) in [(1, BlobScope.shared), (2, .shared), (3, .session(session))] {
            #expect(blocks.keep(DecodedBlock(), as: Self.key(number, scope: scope), isWantedAgain: true, now: start))
        }
        blocks.forget(session)
        #expect(blocks.use(Self.key(3, scope: .session(session)), now: start) == nil)
        let later = start + DecodedBlocks.keptFor + .seconds(1)
        #expect(blocks.use(Self.key(2), now: later) != nil)
        blocks.sweep(now: later)
        #expect(blocks.use(Self.key(1), now: later) == nil)
        #expect(blocks.use(Self.key(2), now: later) != nil)
        #expect(blocks.count == 1)
    }

    @Test("Text is compressed at the high level, what compresses less at the fast one")
    func levels() throws {
        // Records of words in an order that does not repeat, as in a package list.
        var state: UInt64 = 7
        var text: [UInt8] = []
        while text.count < 2 * Self.block {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            text += Array("Package: lib\(state >> 52)\nDepends: lib\(state >> 40 & 255) (>= \(state >> 60))\n".utf8)
        }
        text.removeLast(text.count - 2 * Self.block)
        let mixed = sampleNoise(Self.block / 2) + text.prefix(Self.block / 2)
        for (content, level) in [(text, LZ4Compressor.Level.high), (mixed + mixed, .fast)] {
            let (store, blob) = try store(content, budget: 0)
            let file = try #require(try FileCalls().openIfPresent(store.layout.compressed(blob.digest, .shared)))
            let index = try #require(try CompressedIndex.read(file, FileCalls()))
            let sizes: [Int?] = [LZ4Compressor.Level.fast, .high].map { level in
                var room = [UInt8](repeating: 0, count: Self.block)
                let compressor = LZ4Compressor(level)
                return content.withUnsafeBytes { content in
                    room.withUnsafeMutableBytes { compressor.compress(content.part(0..<Self.block), into: $0) }
                }
            }
            let (fast, high) = (try #require(sizes[0]), try #require(sizes[1]))
            #expect(high < fast)
            #expect(Int(index.words[0]) == (level == .high ? high : fast))
            try store.remove(blob)
        }
    }
}
