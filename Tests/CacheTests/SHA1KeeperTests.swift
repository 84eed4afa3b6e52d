import Core
import Cryptography
import MemoryStorage
import Platform
import Storage
import Testing

@testable import Cache

/// The SHA-1 of a stored body is computed when a report first asks, and kept.
@Suite final class SHA1KeeperTests: Sendable {
    private let catalog = MemoryCatalog()
    private let blobs = MemoryBlobStore()
    private let cache: ResponseCache
    private let small = Array("small".utf8)
    private let large = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }

    init() {
        cache = ResponseCache(catalog: catalog, blobs: blobs) { error in Issue.record("\(error)") }
    }

    deinit { cache.writer.stop() }

    private func settle() {
        let done = Latch()
        cache.writer.submit([]) { _ in done.signal() }
        #expect(done.wait(atMost: .seconds(20)))
    }

    @discardableResult
    private func add(
        _ bytes: [UInt8], as digest: SHA256Digest? = nil, scope: BlobScope = .shared
    ) throws -> StoredBlob {
        let blob = try blobs.put(bytes, digest: digest ?? SHA256Hasher.digest(bytes), scope: scope)
        try catalog.apply([.blob(blob, at: .now())])
        return blob
    }

    private func ask(
        _ bytes: [UInt8], _ keeper: SHA1Keeper? = nil, session name: String = "s", mayGoOn: () -> Bool = { true }
    ) -> SHA1Keeper.Answer {
        (keeper ?? SHA1Keeper(cache: cache)).sha1(
            of: SHA256Hasher.digest(bytes), session: session(name), mayGoOn: mayGoOn)
    }

    @Test func `small and large bodies are read once, and what came of it is kept`() throws {
        let keeper = SHA1Keeper(cache: cache)
        for bytes in [small, large] {
            let blob = try add(bytes)
            #expect(ask(bytes, keeper) == .known(SHA1Hasher.digest(bytes), read: Int64(bytes.count)))
            // At once, when it may not be in the catalog yet.
            #expect(ask(bytes, keeper) == .known(SHA1Hasher.digest(bytes), read: 0))
            settle()
            #expect(try catalog.sha1(blob.digest).map { Hex.encode($0) } == SHA1Hasher.digest(bytes))
            // Another one, as after a restart, and without the bytes.
            try blobs.remove(blob)
            #expect(ask(bytes) == .known(SHA1Hasher.digest(bytes), read: 0))
        }
    }

    @Test func `a private body is read for its own session only`() throws {
        try add(small, scope: .session(session("own")))
        #expect(ask(small, session: "other") == .unknown(reason: "its bytes are not in the cache any more"))
        #expect(ask(small, session: "own") == .known(SHA1Hasher.digest(small), read: 5))
    }

    @Test func `a body that has just come is found before the catalog has it`() throws {
        let blob = try blobs.put(small, digest: SHA256Hasher.digest(small), scope: .shared)
        cache.retain(blob, at: .now())
        #expect(ask(small) == .known(SHA1Hasher.digest(small), read: 5))
    }

    @Test func `an empty body needs no bytes`() {
        #expect(ask([]) == .known("da39a3ee5e6b4b0d3255bfef95601890afd80709", read: 0))
    }

    @Test func `bytes that are gone are named as the reason`() throws {
        #expect(ask(small) == .unknown(reason: "its bytes are not in the cache any more"))
        try blobs.remove(try add(small))
        #expect(ask(small) == .unknown(reason: "its bytes are not in the cache any more"))
    }

    @Test func `bytes that were changed have no SHA-1 and are dropped`() throws {
        var wrong = large
        wrong[500_000] ^= 1
        let blob = try add(wrong, as: SHA256Hasher.digest(large))
        #expect(ask(large) == .unknown(reason: "its stored bytes were damaged"))
        #expect(try catalog.blob(blob.digest, scope: .shared) == nil)
        #expect(try blobs.open(blob) == nil)
        settle()
        #expect(try catalog.sha1(blob.digest) == nil)
    }

    @Test func `bytes of another length cannot be read`() throws {
        var blob = try add(small)
        blob.logicalSize = 6
        try catalog.apply([.blob(blob, at: .now())])
        guard case .unknown(let reason) = ask(small) else {
            Issue.record("it was read")
            return
        }
        #expect(reason.hasPrefix("its bytes could not be read: cannot open blob"))
    }

    @Test func `reading compares with the digest, once`() throws {
        let blob = try add(large)
        #expect(!cache.isVerified(blob.digest, scope: .shared))
        _ = ask(large)
        #expect(cache.isVerified(blob.digest, scope: .shared))
    }

    @Test func `reading ends when it must`() throws {
        try add(large)
        var pieces = 0
        let answer = ask(large) {
            pieces += 1
            return pieces < 3
        }
        #expect(answer == .stopped)
        #expect(pieces == 3)
        settle()
        #expect(try catalog.sha1(SHA256Hasher.digest(large)) == nil)
        #expect(ask(large) == .known(SHA1Hasher.digest(large), read: 1_000_000))
    }

    @Test func `those who ask meanwhile wait and do not read`() throws {
        try add(large)
        let keeper = SHA1Keeper(cache: cache)
        let (asking, ended) = (Latch(count: 3), Latch(count: 3))
        let answers = Lock<[SHA1Keeper.Answer]>([])
        for _ in 0..<3 {
            startThread(name: "ask") { [self] in
                asking.signal()
                let answer = ask(large, keeper) { asking.wait(atMost: .seconds(20)) }
                answers.withLock { $0.append(answer) }
                ended.signal()
            }
        }
        #expect(ended.wait(atMost: .seconds(20)))
        let sha1 = SHA1Hasher.digest(large)
        let all = answers.withLock { $0 }
        #expect(all.filter { $0 == .known(sha1, read: 1_000_000) }.count == 1)
        #expect(all.filter { $0 == .known(sha1, read: 0) }.count == 2)
    }
}
