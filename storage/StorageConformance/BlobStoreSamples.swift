import Core
import Storage
import Platform
import Testing

/// Contents for tests, the same in every run.
enum Sample {
    private struct Key: Hashable {
        var isText: Bool
        var count: Int
        var seed: Int
    }

    /// What was made before: the fault tests ask for the same contents hundreds of times.
    private static let made = Lock<[Key: [UInt8]]>([:])

    private static func remembered(_ key: Key, _ make: () -> [UInt8]) -> [UInt8] {
        if let bytes = made.withLock({ $0[key] }) { return bytes }
        let bytes = make()
        made.withLock { $0[key] = bytes }
        return bytes
    }

    /// Bytes that no compression makes smaller (xorshift64).
    static func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        remembered(Key(isText: false, count: count, seed: Int(seed))) { makeNoise(count, seed: seed) }
    }

    /// Lines of text, no two the same, that compress well.
    static func text(_ count: Int, seed: Int = 1) -> [UInt8] {
        remembered(Key(isText: true, count: count, seed: seed)) { makeText(count, seed: seed) }
    }

    private static func makeNoise(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            withUnsafeBytes(of: state.littleEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    private static func makeText(_ count: Int, seed: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 80)
        var line = seed
        while bytes.count < count {
            bytes += Array("Package: sample-\(line)\nDepends: libc6 (>= 2.36), libgcc-s1\nSize: \(line &* 7919)\n".utf8)
            line += 1
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

extension BlobReader {
    /// Reads a part, as the caller of `read` has to: until it has everything or the end.
    func bytes(from offset: Int64 = 0, count: Int? = nil) throws -> [UInt8] {
        let wanted = count ?? max(0, Int(size - offset))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, wanted), alignment: 16)
        defer { buffer.deallocate() }
        let read = try read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
        return Array(buffer[..<read])
    }
}

extension BlobStoreFixture {
    /// Stores a body in the way that its size asks for.
    func store(_ bytes: [UInt8], in store: any BlobStore, scope: BlobScope = .shared) throws -> StoredBlob {
        guard bytes.count > 64 << 10 else { return try store.put(bytes, digest: digest(bytes), scope: scope) }
        let sink = try store.stage(scope: scope, expectedSize: Int64(bytes.count))
        for start in stride(from: 0, to: bytes.count, by: 100_000) {
            try sink.append(Array(bytes[start..<min(bytes.count, start + 100_000)]))
        }
        return try sink.commit(digest: digest(bytes), size: Int64(bytes.count))
    }

    /// Checks that a blob is there with exactly these bytes.
    func expect(
        _ bytes: [UInt8], of blob: StoredBlob, in store: any BlobStore, _ comment: Comment? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let reader = try #require(try store.open(blob), comment, sourceLocation: sourceLocation)
        #expect(reader.size == Int64(bytes.count), comment, sourceLocation: sourceLocation)
        // Comparing first: a failure would print both arrays.
        let isSame = try reader.bytes() == bytes
        #expect(isSame, comment, sourceLocation: sourceLocation)
    }

    /// Checks that nothing is half done.
    func expectSettled(_ harness: any BlobStoreHarness, sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(harness.store.stagedWrites == 0, sourceLocation: sourceLocation)
        let leftovers = try harness.leftovers()
        #expect(leftovers == [], sourceLocation: sourceLocation)
    }

    /// A session for private blobs.
    func session(_ text: String = "s1") throws -> SessionID { try #require(SessionID(text)) }
}

/// Runs `body` and gives the store's error, or `nil` when there was none.
func failure<R>(_ body: () throws -> R) -> StoreError? {
    do {
        _ = try body()
        return nil
    } catch {
        guard let error = error as? StoreError else {
            Issue.record("not an error of a store: \(error)")
            return nil
        }
        return error
    }
}
