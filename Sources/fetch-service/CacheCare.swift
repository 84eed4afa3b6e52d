import Cache
import Control
import Core
import DiskStore
import Storage
import Platform
import Wire

/// What an operator can ask of the cache while it works.
///
/// A comparison has a thread of its own, one at a time; a collection is done by the thread that evicts, in its next round
/// (`Maintenance`), so that only one ever does.
final class CacheCare: CacheAdministration {
    private struct State {
        var verification: CacheVerification?
        var collection: CacheCollection?
        /// Whether the collection waits for the thread that evicts.
        var isCollectionWanted = false
        var scrubbed = Scrubber.Counts()
        var isStopping = false
    }

    /// How fast bodies are compared when somebody asked for it.
    private static let bytesPerSecond: Int64 = 128 << 20

    private let cache: ResponseCache
    private let disk: DiskStore
    /// Evicts; for the one thread that does.
    let evictor: Evictor
    private let found: @Sendable (Scrubber.Finding) -> Void
    private let mustEnd = Latch()
    private let state = Monitor(State())

    /// Makes it for a cache.
    ///
    /// - Parameters:
    ///   - cache: Which.
    ///   - disk: Where its bodies are.
    ///   - sha1s: Computes what reports want of bodies that go.
    ///   - found: Called for every body that is not what its digest says.
    init(
        cache: ResponseCache, disk: DiskStore, sha1s: SHA1Keeper, found: @escaping @Sendable (Scrubber.Finding) -> Void
    ) {
        self.cache = cache
        self.disk = disk
        self.found = found
        evictor = Evictor(cache: cache, sha1s: sha1s) { [mustEnd] in !mustEnd.isOpen }
    }

    func facts() throws -> CacheFacts {
        let totals = try cache.catalog.totals()
        let evicted = cache.evicted
        let scrubbed = state.withLock { $0.scrubbed }
        var facts = CacheFacts()
        facts.entries = totals.responses
        facts.blobs = totals.blobs
        facts.logicalBytes = totals.logicalBytes
        facts.bytesOnDisk = totals.bytesOnDisk
        facts.limit = cache.sizeCap
        facts.lowMark = Evictor.lowMark(ofCap: cache.sizeCap)
        facts.spaceLeft = disk.spaceLeft()
        facts.evictedBlobs = evicted.blobs
        facts.evictedBytes = evicted.bytes
        facts.scrubbed = CacheComparison(scrubbed)
        facts.scrubPassEnded = try cache.catalog.scrubMark().passEnded
        return facts
    }

    func entries(after: Int64, limit: Int) throws -> [CachedEntry] {
        let now = WallTime.now().seconds
        return try cache.catalog.responses(after: after, limit: limit).map { CachedEntry($0, now: now) }
    }

    // MARK: Comparing

    func verification() -> CacheVerification? { state.withLock { $0.verification } }

    func verify() -> CacheVerification {
        let blobs = (try? cache.catalog.totals().blobs) ?? 0
        let (verification, isNew) = state.withLock { (state) -> (CacheVerification, Bool) in
            if let current = state.verification, current.state == .running { return (current, false) }
            var new = CacheVerification(started: .now(), blobs: blobs)
            if state.isStopping { new.fail("the service is stopping") }
            state.verification = new
            return (new, !state.isStopping)
        }
        if isNew { startThread(name: "verification", givesWay: true) { [self] in compareAll() } }
        return verification
    }

    private func compareAll() {
        var settings = Scrubber.Settings()
        settings.bytesPerSecond = Self.bytesPerSecond
        let scrubber = Scrubber(
            cache: cache, settings: settings, pause: { [mustEnd] in !mustEnd.wait(atMost: $0) }, found: found)
        var failure: String?
        do throws(StoreError) {
            let isWhole = try scrubber.checkAll { counts in
                state.withLock { $0.verification?.comparison = CacheComparison(counts) }
            }
            if !isWhole { failure = "the service is stopping" }
        } catch {
            failure = "\(error)"
        }
        state.change { state in
            state.verification?.comparison = CacheComparison(scrubber.counts)
            if let failure { state.verification?.fail(failure) } else { state.verification?.succeed() }
        }
    }

    // MARK: Collecting

    func collection() -> CacheCollection? { state.withLock { $0.collection } }

    func collect(downTo goal: Int64?) -> CacheCollection {
        let size = (try? cache.catalog.totals().bytesOnDisk) ?? 0
        return state.withLock { state in
            if let current = state.collection, current.state == .running { return current }
            var new = CacheCollection(
                started: .now(), goal: goal ?? Evictor.lowMark(ofCap: cache.sizeCap), bytesOnDisk: size)
            if state.isStopping { new.fail("the service is stopping") }
            state.collection = new
            state.isCollectionWanted = !state.isStopping
            return new
        }
    }

    /// Does the collection that was asked for, if one was; called by the thread that evicts, between two rounds.
    func collectIfWanted(sweep: () throws(StoreError) -> Bool) {
        let goal = state.withLock { (state) -> Int64? in
            guard state.isCollectionWanted else { return nil }
            state.isCollectionWanted = false
            return state.collection?.goal
        }
        guard let goal else { return }
        var failure: String?
        do throws(StoreError) {
            try evictor.makeRoom(to: goal) { group in
                state.withLock { state in
                    state.collection?.evictedBlobs += group.blobs
                    state.collection?.evictedBytes += group.bytes
                }
            }
            while try !sweep(), !mustEnd.isOpen {}
            let size = try cache.catalog.totals().bytesOnDisk
            state.withLock { $0.collection?.bytesOnDisk = size }
            if mustEnd.isOpen { failure = "the service is stopping" }
        } catch {
            failure = "\(error)"
        }
        state.withLock { state in
            if let failure { state.collection?.fail(failure) } else { state.collection?.succeed() }
        }
    }

    /// Notes what the comparing in the background has come to.
    func note(scrubbed counts: Scrubber.Counts) { state.withLock { $0.scrubbed = counts } }

    /// Ends a comparison and eviction, and returns when the comparison has ended.
    func stop() {
        state.withLock { $0.isStopping = true }
        mustEnd.signal()
        _ = state.wait { $0.verification?.state == .running ? nil : () }
    }
}

extension CacheComparison {
    fileprivate init(_ counts: Scrubber.Counts) {
        self.init()
        checked = counts.checked
        damaged = counts.damaged
        missing = counts.missing
        unreadable = counts.unreadable
        bytes = counts.bytes
    }
}

extension CacheVerification {
    fileprivate mutating func succeed() { (state, ended) = (.done, .now()) }
    fileprivate mutating func fail(_ reason: String) { (state, ended, failure) = (.failed, .now(), reason) }
}

extension CacheCollection {
    fileprivate mutating func succeed() { (state, ended) = (.done, .now()) }
    fileprivate mutating func fail(_ reason: String) { (state, ended, failure) = (.failed, .now(), reason) }
}

extension CachedEntry {
    fileprivate init(_ response: StoredResponse, now: Int64) {
        let policy = StoredEntry(response)?.policy
        let freshUntil = policy?.freshUntil ?? response.responseTime
        let freshness: Freshness =
            if policy?.needsValidation ?? true { .validate } else { now < freshUntil ? .fresh : .stale }
        var session: SessionID?
        if case .session(let id, _) = response.partition { session = id }
        self.init(
            number: response.id, url: Redaction.url(response.key) { _ in "redacted" }, status: response.status,
            digest: response.digest, size: response.size, stored: WallTime(seconds: response.responseTime),
            freshUntil: WallTime(seconds: freshUntil), freshness: freshness, vary: response.varyNames, session: session)
    }
}
