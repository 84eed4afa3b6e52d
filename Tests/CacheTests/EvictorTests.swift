import Cache
import Core
import Cryptography
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

        static func bytes(_ number: Int) -> [UInt8] {
            Array("\(number)".utf8) + [UInt8](repeating: 0, count: 100 - "\(number)".utf8.count)
        }

        static func digest(_ number: Int) -> SHA256Digest { SHA256Hasher.digest(bytes(number)) }

        private let credentials = SHA256Hasher.digest(Array("credentials".utf8))

        func add(
            _ count: Int, pinned: Range<Int> = 0..<0, from first: Int = 0, scope: BlobScope = .shared
        ) throws {
            for number in first..<count {
                let stored = try blobs.put(Self.bytes(number), digest: Self.digest(number), scope: scope)
                let partition: Partition =
                    switch scope {
                    case .shared: .shared
                    case .session(let id): .session(id, credentials: credentials)
                    }
                cache.store(
                    entry(key: "http://a.example/\(number)", partition: partition, digest: Self.digest(number)),
                    blob: stored, at: Self.time(number))
                if pinned.contains(number) { cache.pin(Self.digest(number), for: session("live")) }
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
            guard let blob = try catalog.blob(Self.digest(number), scope: scope) else { return false }
            return try blobs.open(blob) != nil
        }

        func present(_ count: Int, scope: BlobScope = .shared) throws -> [Int] {
            try (0..<count).filter { try has($0, scope: scope) }
        }
    }

    @Test func `below the cap nothing goes`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(10)
        #expect(try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run() == 0)
        #expect(try fixture.present(10).count == 10)
    }

    @Test func `over the cap the longest unused go down to nine tenths`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12)
        #expect(try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run() == 3)
        #expect(try fixture.present(12) == Array(3..<12))
        #expect(try fixture.catalog.totals().bytesOnDisk == 900)
        // The bytes are gone from the store as well.
        #expect(fixture.blobs.spaceLeft() == (1 << 30) - 900)
        #expect(try fixture.catalog.responses(in: .shared, key: "http://a.example/0").isEmpty)
    }

    @Test func `eviction does not wait for the catalog to collect changes`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(1_300)
        let began = MonotonicTime.now()
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        // 41 groups, for each of which the writer would collect for a quarter of a second.
        #expect(MonotonicTime.now() - began < .seconds(5))
        #expect(try fixture.catalog.totals().bytesOnDisk == 900)
    }

    @Test func `room is made on demand, below the cap too, and pins stay`() throws {
        let fixture = Fixture(cap: 100_000)
        try fixture.add(100, pinned: 0..<5)
        let evictor = Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache))
        var groups: [ResponseCache.Evictions] = []
        try evictor.makeRoom(to: 4_950) { groups.append($0) }
        #expect(try fixture.present(100) == Array(0..<5) + Array(56..<100))
        #expect(groups.map(\.blobs) == [32, 19] && groups.map(\.bytes) == [3_200, 1_900])
        #expect(fixture.cache.evicted.blobs == 51 && fixture.cache.evicted.bytes == 5_100)
        try evictor.makeRoom(to: 0) { groups.append($0) }
        #expect(try fixture.present(100) == Array(0..<5))
        let count = groups.count
        try evictor.makeRoom(to: 0) { groups.append($0) }
        #expect(groups.count == count)
    }

    @Test func `making room ends with the service`() throws {
        let fixture = Fixture(cap: 100_000)
        try fixture.add(100)
        let evictor = Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)) { false }
        try evictor.makeRoom(to: 0) { _ in }
        #expect(try fixture.present(100).count == 100)
    }

    @Test func `what was used a moment ago stays`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12)
        let blob = try #require(try fixture.catalog.blob(Fixture.digest(0), scope: .shared))
        _ = try fixture.cache.open(blob)
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run(now: Fixture.time(100))
        #expect(try fixture.catalog.totals().bytesOnDisk == 900)
        #expect(try fixture.has(0))
        #expect(try !fixture.has(1))
    }

    @Test func `what live sessions name goes last`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12, pinned: 0..<6)
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(try fixture.present(12) == Array(0..<6) + Array(9..<12))
    }

    @Test func `pins alone over the cap lose the oldest down to eight tenths`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12, pinned: 0..<12)
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(try fixture.present(12) == Array(4..<12))
    }

    @Test func `beyond eight tenths of the cap pins give way to what is downloaded now`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(11, pinned: 0..<10)
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(try fixture.present(11) == Array(2..<10))
        // With no more than that pinned, they stay whatever comes.
        try fixture.add(16, pinned: 2..<10, from: 10)
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(try fixture.present(16) == Array(2..<10) + [15])
    }

    @Test func `private blobs of live sessions count as pinned`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(6, scope: .session(session("live")))
        try fixture.add(12, from: 6)
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(try fixture.present(12, scope: .session(session("live"))) == Array(0..<6))
        #expect(try fixture.present(12) == Array(9..<12))
        try fixture.add(26, from: 12, scope: .session(session("live")))
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(try fixture.catalog.totals().bytesOnDisk == 800)
        #expect(try fixture.present(26, scope: .session(session("live"))) == Array(18..<26))
    }

    @Test func `what a record names leaves its SHA-1 when its bytes go`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(6, pinned: 0..<6)
        try fixture.add(12, from: 6, scope: .session(session("live")))
        for number in 6..<12 { fixture.cache.pin(Fixture.digest(number), for: session("live")) }
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(try fixture.present(12, scope: .session(session("live"))) == Array(6..<12))
        #expect(try fixture.present(6) == [4, 5])
        try fixture.add(20, from: 12, scope: .session(session("live")))
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(try fixture.present(20, scope: .session(session("live"))) == Array(12..<20))
        // Another one, as after a restart: what it knows is in the catalog.
        let keeper = SHA1Keeper(cache: fixture.cache)
        for number in 0..<12 {
            let answer = keeper.sha1(of: Fixture.digest(number), session: session("live")) { true }
            #expect(answer == .known(SHA1Hasher.digest(Fixture.bytes(number)), read: 0))
        }
        let done = Latch()
        fixture.cache.removeSession(session("live")) { _ in done.signal() }
        #expect(done.wait(atMost: .seconds(20)))
        #expect(try fixture.catalog.sha1(Fixture.digest(0)) == nil)
    }

    @Test func `what nobody names goes without its SHA-1`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12)
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)) {
            Issue.record("it was read")
            return true
        }.run()
        #expect(try fixture.present(12) == Array(3..<12))
    }

    @Test func `a round that is stopped keeps the bytes whose SHA-1 it has not`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(14, pinned: 0..<14)
        let left = Lock(2)
        let evictor = Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)) {
            left.withLock { left in
                left -= 1
                return left >= 0
            }
        }
        #expect(try evictor.run() == 2)
        #expect(try fixture.present(14) == Array(2..<14))
        // The next one goes on, over a body that cannot be read.
        let blob = try #require(try fixture.catalog.blob(Fixture.digest(2), scope: .shared))
        try fixture.blobs.remove(blob)
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(try fixture.present(14) == Array(6..<14))
        let keeper = SHA1Keeper(cache: fixture.cache)
        let answers = (0..<6).map { number in
            keeper.sha1(of: Fixture.digest(number), session: session("live")) { true }
        }
        #expect(answers[2] == .unknown(reason: "its bytes are not in the cache any more"))
        for number in [0, 1, 3, 4, 5] {
            #expect(answers[number] == .known(SHA1Hasher.digest(Fixture.bytes(number)), read: 0))
        }
    }

    @Test func `a blob that the store has moved is not younger for it`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(10)
        let old = try #require(try fixture.catalog.blob(Fixture.digest(0), scope: .shared))
        var new = old
        new.placement = BlobPlacement(text: "elsewhere", sizeOnDisk: 90)
        let store = MovingStore(fixture.blobs, moves: [(old, new)])
        let cache = ResponseCache(catalog: fixture.catalog, blobs: store, settings: fixture.cache.settings) { _ in }
        defer { cache.writer.stop() }
        try Evictor(cache: cache, sha1s: SHA1Keeper(cache: cache)).run(now: Fixture.time(1_000))
        let done = Latch()
        cache.writer.submit([]) { _ in done.signal() }
        #expect(done.wait(atMost: .seconds(20)))
        #expect(try fixture.catalog.blob(Fixture.digest(0), scope: .shared) == new)
        try fixture.add(12, from: 10)
        try Evictor(cache: cache, sha1s: SHA1Keeper(cache: cache)).run()
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
            let blob = try #require(try fixture.catalog.blob(Fixture.digest(number), scope: .shared))
            _ = try cache.open(blob)
        }
        try Evictor(cache: cache, sha1s: SHA1Keeper(cache: cache)).run()
        #expect(groups.withLock { $0 } == [512, 512, 276])
    }

    @Test func `when a session is gone its pins are too`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12, pinned: 0..<6)
        let done = Latch()
        fixture.cache.removeSession(session("live")) { _ in done.signal() }
        #expect(done.wait(atMost: .seconds(20)))
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(try fixture.present(12) == Array(3..<12))
    }

    @Test func `memory forgets what was evicted`() throws {
        let fixture = Fixture(cap: 1_000)
        try fixture.add(12)
        fixture.cache.rememberBody([1], Fixture.digest(0))
        fixture.cache.markVerified(Fixture.digest(0), scope: .shared)
        try Evictor(cache: fixture.cache, sha1s: SHA1Keeper(cache: fixture.cache)).run()
        #expect(fixture.cache.rememberedBody(Fixture.digest(0)) == nil)
        #expect(!fixture.cache.isVerified(Fixture.digest(0), scope: .shared))
    }
}
