import Cache
import Core
import MemoryStorage
import Platform
import Storage
import Testing

/// The store stays below its cap, and what live sessions name is the last to go.
@Suite struct EvictorTests {
    /// A store of blobs of 100 bytes each, the first one unused for longest.
    final class Fixture: Sendable {
        let catalog = MemoryCatalog()
        let blobs = MemoryBlobStore()
        let cache: ResponseCache

        init(cap: Int64) {
            var settings = ResponseCache.Settings()
            settings.sizeCap = cap
            cache = ResponseCache(catalog: catalog, blobs: blobs, settings: settings) { _ in }
        }

        deinit { cache.writer.stop() }

        func add(_ count: Int, pinned: Range<Int> = 0..<0) throws {
            for number in 0..<count {
                let bytes = Array("\(number)".utf8) + [UInt8](repeating: 0, count: 100 - "\(number)".utf8.count)
                let stored = try blobs.put(bytes, digest: digest("\(number)"), scope: .shared)
                cache.store(
                    entry(key: "http://a.example/\(number)", digest: digest("\(number)")), blob: stored,
                    at: Self.time(number))
                if pinned.contains(number) { cache.pin(digest("\(number)"), for: session("live")) }
            }
            settle()
        }

        static func time(_ number: Int) -> WallTime { WallTime(nanoseconds: (noon + Int64(number)) * 1_000_000_000) }

        func settle() {
            let done = Latch()
            cache.writer.submit([]) { _ in done.signal() }
            #expect(done.wait(atMost: .seconds(20)))
        }

        func has(_ number: Int) throws -> Bool {
            guard let blob = try catalog.blob(digest("\(number)"), scope: .shared) else { return false }
            return try blobs.open(blob) != nil
        }

        func present(_ count: Int) throws -> [Int] { try (0..<count).filter(has) }
    }

    @Test func `below the cap nothing goes`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(10)
        #expect(try Evictor(cache: fixture.cache).run() == 0)
        #expect(try fixture.present(10).count == 10)
    }

    @Test func `over the cap the longest unused go down to nine tenths`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12)
        #expect(try Evictor(cache: fixture.cache).run() == 3)
        #expect(try fixture.present(12) == Array(3..<12))
        #expect(try fixture.catalog.totals().bytesOnDisk == 900)
        // The bytes are gone from the store as well.
        #expect(fixture.blobs.spaceLeft() == (1 << 30) - 900)
        #expect(try fixture.catalog.responses(in: .shared, key: "http://a.example/0").isEmpty)
    }

    @Test func `what was used a moment ago stays`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12)
        let blob = try #require(try fixture.catalog.blob(digest("0"), scope: .shared))
        _ = try fixture.cache.open(blob)
        try Evictor(cache: fixture.cache).run(now: Fixture.time(100))
        #expect(try fixture.catalog.totals().bytesOnDisk == 900)
        #expect(try fixture.has(0))
        #expect(try !fixture.has(1))
    }

    @Test func `what live sessions name goes last`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12, pinned: 0..<6)
        try Evictor(cache: fixture.cache).run()
        #expect(try fixture.present(12) == Array(0..<6) + Array(9..<12))
    }

    @Test func `pins alone over the cap lose the oldest down to eight tenths`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12, pinned: 0..<12)
        try Evictor(cache: fixture.cache).run()
        #expect(try fixture.present(12) == Array(4..<12))
    }

    @Test func `when a session is gone its pins are too`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12, pinned: 0..<6)
        let done = Latch()
        fixture.cache.removeSession(session("live")) { _ in done.signal() }
        #expect(done.wait(atMost: .seconds(20)))
        try Evictor(cache: fixture.cache).run()
        #expect(try fixture.present(12) == Array(3..<12))
    }

    @Test func `memory forgets what was evicted`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12)
        fixture.cache.rememberBody([1], digest("0"))
        fixture.cache.markVerified(digest("0"), scope: .shared)
        try Evictor(cache: fixture.cache).run()
        #expect(fixture.cache.rememberedBody(digest("0")) == nil)
        #expect(!fixture.cache.isVerified(digest("0"), scope: .shared))
    }
}
