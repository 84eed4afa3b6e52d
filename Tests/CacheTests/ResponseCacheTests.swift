import Cache
import Core
import Cryptography
import MemoryStorage
import Platform
import Storage
import Testing
import Wire

/// A bounded memory in front of the catalog and the blobs.
@Suite struct ResponseCacheTests {
    /// A cache whose catalog can be held up and can fail.
    final class Fixture: Sendable {
        let gate = Monitor((isHeld: false, failure: StoreError?.none))
        let failures = Lock(0)
        let catalog: MemoryCatalog
        let blobs = MemoryBlobStore()
        let cache: ResponseCache

        init(settings: ResponseCache.Settings = ResponseCache.Settings()) {
            let gate = gate
            let failures = failures
            catalog = MemoryCatalog { () throws(StoreError) in
                let outcome: Result<Void, StoreError>? = gate.wait(until: .now() + .seconds(20)) { gate in
                    gate.isHeld
                        ? Optional<Result<Void, StoreError>>.none
                        : gate.failure.map { .failure($0) } ?? .success(())
                }
                try outcome?.get()
            }
            cache = ResponseCache(catalog: catalog, blobs: blobs, settings: settings) { _ in
                failures.withLock { $0 += 1 }
            }
        }

        /// Returns when everything submitted has been written or has failed.
        func settle() {
            let done = Latch()
            cache.writer.submit([]) { _ in done.signal() }
            #expect(done.wait(atMost: .seconds(20)))
        }

        deinit {
            gate.change { $0.isHeld = false }
            cache.writer.stop()
        }
    }

    private static let key = FillKey(partition: .shared, key: "http://a.example/")
    private static let time = WallTime(nanoseconds: noon * 1_000_000_000)

    @Test func `once the keys are learnt only those of the catalog are looked up`() throws {
        let fixture = Fixture()
        fixture.cache.store(entry(), blob: blob("body"), at: Self.time)
        fixture.settle()
        let other = FillKey(partition: .shared, key: "http://b.example/")
        let own = FillKey(partition: .session(session("a"), credentials: digest("c")), key: Self.key.key)
        // So little memory that what is known is forgotten with the next key.
        var settings = ResponseCache.Settings()
        settings.headMemory = 1
        let restarted = ResponseCache(catalog: fixture.catalog, blobs: fixture.blobs, settings: settings) { _ in }
        defer { restarted.writer.stop() }
        try restarted.learnKeys { false }
        #expect(restarted.remembered(other) == nil, "told to stop before the end, it does not know")
        try restarted.learnKeys()
        #expect(restarted.remembered(other)?.isEmpty == true)
        #expect(restarted.remembered(own)?.isEmpty == true, "another partition is another key")
        #expect(restarted.remembered(Self.key) == nil)
        #expect(try restarted.load(Self.key).count == 1)
        restarted.store(entry(key: other.key), blob: blob("body"), at: Self.time)
        for number in 1...9 { _ = try restarted.load(FillKey(partition: .shared, key: "http://\(number).example/")) }
        let done = Latch()
        restarted.writer.submit([]) { _ in done.signal() }
        #expect(done.wait(atMost: .seconds(20)))
        for number in 11...19 { _ = try restarted.load(FillKey(partition: .shared, key: "http://\(number).example/")) }
        #expect(restarted.remembered(other) == nil, "stored since, it is looked up")
        #expect(try restarted.load(other).count == 1)
    }

    @Test func `what was stored is known at once and after a restart`() throws {
        let fixture = Fixture()
        #expect(fixture.cache.remembered(Self.key) == nil, "memory does not know")
        #expect(try fixture.cache.load(Self.key).isEmpty)
        #expect(fixture.cache.remembered(Self.key)?.isEmpty == true, "memory knows that there is none")
        fixture.cache.store(entry(), blob: blob("body"), at: Self.time)
        #expect(fixture.cache.remembered(Self.key)?.count == 1)
        fixture.settle()
        let restarted = ResponseCache(catalog: fixture.catalog, blobs: fixture.blobs) { _ in }
        defer { restarted.writer.stop() }
        let loaded = try #require(try restarted.load(Self.key).first)
        #expect(loaded.head.fields.first("ETag") == "\"1\"")
        #expect(loaded.response.digest == digest("body"))
    }

    @Test func `memory is right while the catalog is behind`() throws {
        let fixture = Fixture()
        fixture.gate.change { $0.isHeld = true }
        fixture.cache.store(entry(), blob: blob("body"), at: Self.time)
        #expect(try fixture.cache.load(Self.key).count == 1, "the catalog has nothing yet")
        fixture.cache.invalidate(Self.key)
        #expect(try fixture.cache.load(Self.key).isEmpty)
        fixture.gate.change { $0.isHeld = false }
        fixture.settle()
        #expect(try fixture.catalog.responses(in: .shared, key: Self.key.key).isEmpty)
    }

    @Test func `a blob can be found before the catalog has it, and not after it was dropped`() throws {
        let fixture = Fixture()
        fixture.gate.change { $0.isHeld = true }
        fixture.cache.store(entry(), blob: blob("body"), at: Self.time)
        fixture.cache.retain(blob("kept", scope: .session(session("s"))), at: Self.time)
        #expect(try fixture.cache.locate(digest("body"), scope: .shared) == blob("body"))
        #expect(try fixture.cache.locate(digest("body"), scope: .session(session("s"))) == nil)
        #expect(try fixture.cache.locate(digest("kept"), scope: .session(session("s"))) != nil)
        fixture.gate.change { $0.isHeld = false }
        fixture.settle()
        #expect(try fixture.cache.locate(digest("body"), scope: .shared) == blob("body"))
        fixture.gate.change { $0.isHeld = true }
        fixture.cache.store(entry(key: "other", digest: digest("next")), blob: blob("next"), at: Self.time)
        fixture.cache.drop(digest("next"), scope: .shared, of: FillKey(partition: .shared, key: "other"))
        #expect(try fixture.cache.locate(digest("next"), scope: .shared) == nil)
        fixture.gate.change { $0.isHeld = false }
    }

    @Test func `what the catalog has not yet stays in memory whatever the budget`() throws {
        var settings = ResponseCache.Settings()
        settings.headMemory = 4_000
        let fixture = Fixture(settings: settings)
        fixture.gate.change { $0.isHeld = true }
        let keys = (0..<50).map { "http://a.example/\($0)" }
        for key in keys { fixture.cache.store(entry(key: key), blob: blob("body"), at: Self.time) }
        for key in keys {
            #expect(try fixture.cache.load(FillKey(partition: .shared, key: key)).count == 1, "\(key)")
        }
        fixture.gate.change { $0.isHeld = false }
        fixture.settle()
        for key in keys {
            #expect(try fixture.cache.load(FillKey(partition: .shared, key: key)).count == 1, "\(key)")
        }
    }

    @Test func `after a failed write memory forgets what the catalog has not`() throws {
        let fixture = Fixture()
        fixture.gate.change { $0.failure = StoreError(.unavailable, "write", "broken") }
        fixture.cache.store(entry(), blob: blob("body"), at: Self.time)
        fixture.settle()
        #expect(fixture.failures.withLock { $0 } > 0)
        #expect(fixture.cache.remembered(Self.key) == nil)
        #expect(try fixture.cache.load(Self.key).isEmpty)
    }

    @Test func `a new answer replaces the same variant and stands first`() {
        let fixture = Fixture()
        let json = fields(["Accept": "json"])
        let html = fields(["Accept": "html"])
        for (request, body) in [(json, "1"), (html, "2"), (json, "3")] {
            fixture.cache.store(
                entry(vary: ["accept"], request: request, digest: digest(body)), blob: blob(body), at: Self.time)
        }
        let known = fixture.cache.remembered(Self.key) ?? []
        #expect(known.map(\.response.digest) == [digest("3"), digest("2")])
    }

    @Test func `a key has at most sixteen variants`() {
        let fixture = Fixture()
        for number in 0..<30 {
            fixture.cache.store(
                entry(vary: ["accept"], request: fields(["Accept": "\(number)"])), blob: blob("body"), at: Self.time)
        }
        #expect(fixture.cache.remembered(Self.key)?.count == ResponseCache.mostVariants)
    }

    @Test func `a refreshed answer takes the place of the old one`() throws {
        let fixture = Fixture()
        let old = entry()
        fixture.cache.store(old, blob: blob("body"), at: Self.time)
        var response = old.response
        response.responseTime = noon + 500
        fixture.cache.refresh(old, with: StoredEntry(response, head: old.head))
        #expect(fixture.cache.remembered(Self.key)?.map(\.response.responseTime) == [noon + 500])
        fixture.settle()
        #expect(try fixture.catalog.responses(in: .shared, key: Self.key.key).map(\.responseTime) == [noon + 500])
    }

    @Test func `a dropped blob takes its answers with it`() throws {
        let fixture = Fixture()
        fixture.cache.store(entry(digest: digest("bad")), blob: blob("bad"), at: Self.time)
        fixture.cache.store(
            entry(vary: ["accept"], request: fields(["Accept": "x"]), digest: digest("good")), blob: blob("good"),
            at: Self.time)
        fixture.cache.rememberBody([1], digest("bad"))
        fixture.cache.markVerified(digest("bad"), scope: .shared)
        fixture.cache.drop(digest("bad"), scope: .shared, of: Self.key)
        #expect(fixture.cache.remembered(Self.key)?.map(\.response.digest) == [digest("good")])
        #expect(fixture.cache.rememberedBody(digest("bad")) == nil)
        #expect(!fixture.cache.isVerified(digest("bad"), scope: .shared))
        fixture.settle()
        #expect(try fixture.catalog.blob(digest("bad"), scope: .shared) == nil)
        #expect(try fixture.catalog.blob(digest("good"), scope: .shared) != nil)
    }

    @Test func `a removed session leaves nothing in memory, catalog or store`() throws {
        let fixture = Fixture()
        let id = session("gone")
        let partition = Partition.session(id, credentials: digest("c"))
        let bytes = Array("body".utf8)
        let stored = try fixture.blobs.put(bytes, digest: digest("body"), scope: .session(id))
        fixture.cache.store(entry(partition: partition), blob: stored, at: Self.time)
        fixture.cache.store(entry(), blob: blob("body"), at: Self.time)
        let done = Latch()
        fixture.cache.removeSession(id) { failure in
            #expect(failure == nil)
            done.signal()
        }
        #expect(done.wait(atMost: .seconds(20)))
        #expect(fixture.cache.remembered(FillKey(partition: partition, key: Self.key.key)) == nil)
        #expect(try fixture.catalog.responses(in: partition, key: Self.key.key).isEmpty)
        #expect(try fixture.blobs.privateSessions().isEmpty)
        #expect(fixture.cache.remembered(Self.key)?.count == 1, "what is shared stays")
    }

    @Test func `a private body in memory goes with its session, a shared one stays`() {
        let fixture = Fixture()
        fixture.cache.rememberBody([1], digest("private"), scope: .session(session("gone")))
        fixture.cache.rememberBody([2], digest("another's"), scope: .session(session("left")))
        fixture.cache.rememberBody([3], digest("shared"))
        fixture.cache.markVerified(digest("private"), scope: .session(session("gone")))
        fixture.cache.markVerified(digest("another's"), scope: .session(session("left")))
        #expect(fixture.cache.rememberedBody(digest("private")) == [1])
        let done = Latch()
        fixture.cache.removeSession(session("gone")) { _ in done.signal() }
        #expect(fixture.cache.rememberedBody(digest("private")) == nil, "at once")
        #expect(done.wait(atMost: .seconds(20)))
        #expect(fixture.cache.rememberedBody(digest("another's")) == [2])
        #expect(fixture.cache.rememberedBody(digest("shared")) == [3])
        #expect(!fixture.cache.isVerified(digest("private"), scope: .session(session("gone"))))
        #expect(fixture.cache.isVerified(digest("another's"), scope: .session(session("left"))))
    }

    @Test func `of very many private bodies those in memory go with their session`() {
        var settings = ResponseCache.Settings()
        settings.bodyMemory = 100_000
        let fixture = Fixture(settings: settings)
        let scope = BlobScope.session(session("gone"))
        for number in 0..<5_000 { fixture.cache.rememberBody([1], digest("\(number)"), scope: scope) }
        let before = (0..<5_000).filter { fixture.cache.rememberedBody(digest("\($0)")) != nil }
        #expect((100..<2_000).contains(before.count))
        fixture.cache.removeSession(session("gone")) { _ in }
        #expect((0..<5_000).allSatisfy { fixture.cache.rememberedBody(digest("\($0)")) == nil })
    }

    @Test func `small bodies stay in memory and large ones do not`() {
        let fixture = Fixture()
        let small = [UInt8](repeating: 1, count: fixture.cache.settings.largestBodyInMemory)
        fixture.cache.rememberBody(small, digest("small"))
        #expect(fixture.cache.rememberedBody(digest("small")) == small)
        fixture.cache.rememberBody(small + [2], digest("large"))
        #expect(fixture.cache.rememberedBody(digest("large")) == nil)
    }

    @Test func `a damaged head in the catalog is as good as none`() {
        var response = entry().response
        response.head = Array("garbage".utf8)
        #expect(StoredEntry(response) == nil)
    }
}
