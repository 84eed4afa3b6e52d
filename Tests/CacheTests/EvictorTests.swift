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

        func add(
            _ count: Int, pinned: Range<Int> = 0..<0, from first: Int = 0, scope: BlobScope = .shared
        ) throws {
            for number in first..<count {
                let bytes = Array("\(number)".utf8) + [UInt8](repeating: 0, count: 100 - "\(number)".utf8.count)
                let stored = try blobs.put(bytes, digest: digest("\(number)"), scope: scope)
                let partition: Partition =
                    switch scope {
                    case .shared: .shared
                    case .session(let id): .session(id, credentials: digest("credentials"))
                    }
                cache.store(
                    entry(key: "http://a.example/\(number)", partition: partition, digest: digest("\(number)")),
                    blob: stored, at: Self.time(number))
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

        func has(_ number: Int, scope: BlobScope = .shared) throws -> Bool {
            guard let blob = try catalog.blob(digest("\(number)"), scope: scope) else { return false }
            return try blobs.open(blob) != nil
        }

        func present(_ count: Int, scope: BlobScope = .shared) throws -> [Int] {
            try (0..<count).filter { try has($0, scope: scope) }
        }
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

    @Test func `beyond eight tenths of the cap pins give way to what is downloaded now`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(11, pinned: 0..<10)
        try Evictor(cache: fixture.cache).run()
        #expect(try fixture.present(11) == Array(2..<10))
        // With no more than that pinned, they stay whatever comes.
        try fixture.add(16, pinned: 2..<10, from: 10)
        try Evictor(cache: fixture.cache).run()
        #expect(try fixture.present(16) == Array(2..<10) + [15])
    }

    @Test func `private blobs of live sessions count as pinned`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(6, scope: .session(session("live")))
        try fixture.add(12, from: 6)
        try Evictor(cache: fixture.cache).run()
        #expect(try fixture.present(12, scope: .session(session("live"))) == Array(0..<6))
        #expect(try fixture.present(12) == Array(9..<12))
        try fixture.add(26, from: 12, scope: .session(session("live")))
        try Evictor(cache: fixture.cache).run()
        #expect(try fixture.catalog.totals().bytesOnDisk == 800)
        #expect(try fixture.present(26, scope: .session(session("live"))) == Array(18..<26))
    }

    @Test func `a blob that the store has moved is not younger for it`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(10)
        let old = try #require(try fixture.catalog.blob(digest("0"), scope: .shared))
        var new = old
        new.placement = BlobPlacement(text: "elsewhere", sizeOnDisk: 90)
        let store = MovingStore(fixture.blobs, moves: [(old, new)])
        let cache = ResponseCache(catalog: fixture.catalog, blobs: store, settings: fixture.cache.settings) { _ in }
        defer { cache.writer.stop() }
        try Evictor(cache: cache).run(now: Fixture.time(1_000))
        let done = Latch()
        cache.writer.submit([]) { _ in done.signal() }
        #expect(done.wait(atMost: .seconds(20)))
        #expect(try fixture.catalog.blob(digest("0"), scope: .shared) == new)
        try fixture.add(12, from: 10)
        try Evictor(cache: cache).run()
        #expect(try fixture.present(12) == Array(3..<12))
    }

    @Test func `many used blobs are noted in groups between which others change the catalog`() throws {
        let groups = Lock<[Int]>([])
        let fixture = Fixture(cap: 1 << 30)
        try fixture.add(1_300)
        let spy = SlicedCatalog(
            fixture.catalog, slices: 0,
            onApply: { changes in
                groups.withLock { groups in
                    for case .used(let digests, _) in changes { groups.append(digests.count) }
                }
            })
        let cache = ResponseCache(catalog: spy, blobs: fixture.blobs) { _ in }
        defer { cache.writer.stop() }
        for number in 0..<1_300 {
            let blob = try #require(try fixture.catalog.blob(digest("\(number)"), scope: .shared))
            _ = try cache.open(blob)
        }
        try Evictor(cache: cache).run()
        #expect(groups.withLock { $0 } == [512, 512, 276])
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
