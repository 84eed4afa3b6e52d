import Cache
import Core
import MemoryStorage
import Platform
import Storage
import Testing

/// Blobs are compared with their digests slowly, again and again, whatever asks for them.
@Suite struct ScrubberTests {
    final class Fixture: Sendable {
        let catalog = MemoryCatalog()
        let blobs = MemoryBlobStore()
        let cache: ResponseCache
        let pauses = Lock<[Duration]>([])
        let findings = Lock<[String]>([])
        let mayPause = Lock(true)

        init() { cache = ResponseCache(catalog: catalog, blobs: blobs) { _ in } }

        deinit { cache.writer.stop() }

        func scrubber(_ settings: Scrubber.Settings = Scrubber.Settings()) -> Scrubber {
            let (pauses, findings, mayPause) = (pauses, findings, mayPause)
            return Scrubber(cache: cache, settings: settings) { pause in
                pauses.withLock { $0.append(pause) }
                return mayPause.withLock { $0 }
            } found: { finding in
                let text =
                    switch finding {
                    case .damaged(let blob): "damaged \(blob.digest)"
                    case .missing(let blob): "missing \(blob.digest)"
                    case .unreadable(let blob, _): "unreadable \(blob.digest)"
                    }
                findings.withLock { $0.append(text) }
            }
        }

        /// Stores a body under its own digest, or another's.
        @discardableResult
        func add(_ text: String, as name: String? = nil, scope: BlobScope = .shared) throws -> StoredBlob {
            let blob = try blobs.put(Array(text.utf8), digest: digest(name ?? text), scope: scope)
            try catalog.apply([.blob(blob, at: ScrubberTests.time)])
            return blob
        }
    }

    static let time = WallTime(seconds: noon)

    @Test func `what is not what its digest says is dropped in every scope, the rest stays`() throws {
        let fixture = Fixture()
        for number in 0..<100 { try fixture.add("\(number)") }
        try fixture.add("rotten", as: "fresh")
        try fixture.add("fresh", as: "fresh", scope: .session(session("a")))
        try fixture.add("rotten too", as: "own", scope: .session(session("a")))
        fixture.cache.store(entry(digest: digest("fresh")), blob: try fixture.add("rotten", as: "fresh"), at: Self.time)
        let scrubber = fixture.scrubber()
        while try scrubber.step(now: Self.time) {}
        let counts = scrubber.counts
        #expect(counts.checked == 103 && counts.damaged == 2 && counts.passes == 1)
        #expect(counts.missing == 0 && counts.unreadable == 0)
        #expect(
            Set(fixture.findings.withLock { $0 }) == ["damaged \(digest("fresh"))", "damaged \(digest("own"))"])
        #expect(try fixture.catalog.blob(digest("fresh"), scope: .shared) == nil)
        #expect(try fixture.catalog.blob(digest("own"), scope: .session(session("a"))) == nil)
        #expect(try fixture.catalog.blob(digest("fresh"), scope: .session(session("a"))) != nil)
        #expect(try fixture.catalog.responses(in: .shared, key: "http://a.example/").isEmpty)
        #expect(try fixture.catalog.totals().blobs == 101)
        // Fetched again, it is right.
        let again = try fixture.add("fresh")
        #expect(try fixture.blobs.verify(again))
    }

    @Test func `bytes that are not there any more cost their row`() throws {
        let fixture = Fixture()
        let blob = try fixture.add("a")
        try fixture.blobs.remove(blob)
        let scrubber = fixture.scrubber()
        while try scrubber.step(now: Self.time) {}
        #expect(scrubber.counts.missing == 1)
        #expect(try fixture.catalog.totals().blobs == 0)
    }

    @Test func `a restart goes on where the last run was`() throws {
        let fixture = Fixture()
        for number in 0..<200 { try fixture.add("\(number)") }
        let first = fixture.scrubber()
        #expect(try first.step(now: Self.time))
        let done = first.counts.checked
        #expect((1..<200).contains(done))
        let second = fixture.scrubber()
        while try second.step(now: Self.time) {}
        #expect(second.counts.checked == 200 - done)
    }

    @Test func `a pass begins when the interval is over, or the clock was set back`() throws {
        let fixture = Fixture()
        try fixture.add("a")
        let scrubber = fixture.scrubber()
        while try scrubber.step(now: Self.time) {}
        for (seconds, passes) in [(0, 1), (86_399, 1), (86_400, 2), (86_401, 2), (-5, 3)] as [(Int64, Int)] {
            while try scrubber.step(now: WallTime(seconds: noon + seconds)) {}
            #expect(scrubber.counts.passes == passes, "\(seconds)")
        }
    }

    @Test func `it reads no faster than it may`() throws {
        let fixture = Fixture()
        for number in 0..<50 {
            try fixture.add("\(number)," + String(repeating: "x", count: 100_000))
        }
        var settings = Scrubber.Settings()
        settings.bytesPerSecond = 1_000_000
        let scrubber = fixture.scrubber(settings)
        while try scrubber.step(now: Self.time) {}
        let paused = fixture.pauses.withLock { $0.reduce(.zero, +) }
        #expect(paused >= .milliseconds(4_800) && paused <= .milliseconds(5_100), "\(paused) for 5 MB")
    }

    @Test func `small blobs are paused for as well`() throws {
        let fixture = Fixture()
        for number in 0..<640 { try fixture.add("\(number)") }
        let scrubber = fixture.scrubber()
        while try scrubber.step(now: Self.time) {}
        #expect(fixture.pauses.withLock { $0.reduce(.zero, +) } >= .seconds(9))
    }

    @Test func `a stop in the middle of a blob does not count it as compared`() throws {
        let fixture = Fixture()
        try fixture.add(String(repeating: "x", count: 1 << 20))
        fixture.mayPause.withLock { $0 = false }
        let stopped = fixture.scrubber()
        #expect(try !stopped.step(now: Self.time))
        #expect(stopped.counts.checked == 0 && stopped.counts.damaged == 0)
        fixture.mayPause.withLock { $0 = true }
        let next = fixture.scrubber()
        while try next.step(now: Self.time) {}
        #expect(next.counts.checked == 1)
        #expect(next.counts.damaged == 0)
    }

    @Test func `all can be compared on demand, and the passes go on as before`() throws {
        let fixture = Fixture()
        for number in 0..<100 { try fixture.add("\(number)") }
        let background = fixture.scrubber()
        #expect(try background.step(now: Self.time))
        let mark = try fixture.catalog.scrubMark()
        try fixture.add("rotten", as: "fresh")
        try fixture.blobs.remove(try fixture.add("gone"))
        let scrubber = fixture.scrubber()
        var progress: [Int] = []
        #expect(try scrubber.checkAll { progress.append($0.checked) })
        #expect(progress == Array(1...102))
        let counts = scrubber.counts
        #expect(counts.checked == 102 && counts.damaged == 1 && counts.missing == 1 && counts.bytes > 100)
        #expect(try fixture.catalog.scrubMark() == mark)
        #expect(try fixture.catalog.totals().blobs == 100)
    }

    @Test func `comparing all ends when it must`() throws {
        let fixture = Fixture()
        try fixture.add(String(repeating: "x", count: 1 << 20))
        fixture.mayPause.withLock { $0 = false }
        #expect(try !fixture.scrubber().checkAll { _ in })
    }

    @Test func `what was evicted while it was listed is no damage`() throws {
        let fixture = Fixture()
        let blobs = try (0..<20).map { try fixture.add(String(repeating: "\($0)", count: 200_000)) }
        let isFirst = Lock(true)
        let findings = fixture.findings
        let scrubber = Scrubber(cache: fixture.cache) { _ in
            guard
                isFirst.withLock({ first in
                    defer { first = false }
                    return first
                })
            else { return true }
            for blob in blobs {
                try? fixture.catalog.apply([.forgetBlob(blob.digest, .shared)])
                try? fixture.blobs.remove(blob)
            }
            return true
        } found: { _ in
            findings.withLock { $0.append("something") }
        }
        while try scrubber.step(now: Self.time) {}
        #expect(findings.withLock { $0 }.isEmpty)
        #expect(scrubber.counts.checked == 1)
    }
}
