package import Core
package import Storage

/// Keeps the store below its cap and does its background work.
///
/// ``run(now:)`` is called now and then on a thread that may block. What has been unused for longest goes first; shared
/// blobs that a live session's record names, and private ones, go only when they alone take more than 80 % of the cap,
/// and then the record stays, with the SHA-1 that is computed before. All of it is done in groups of a few rows, between
/// which the catalog takes other changes.
package final class Evictor: Sendable {
    private let cache: ResponseCache
    private let sha1s: SHA1Keeper
    private let mayGoOn: @Sendable () -> Bool
    private let pinnedShare = 0.8
    /// Eviction stops at this share of the cap.
    private static let lowMark = 0.9
    /// Blobs that are evicted in one group.
    private static let mostEvicted = 32
    /// Blobs that are noted as used in one group.
    private static let mostUsed = 512

    /// To how many bytes eviction goes down once the cap was passed.
    package static func lowMark(ofCap cap: Int64) -> Int64 { Int64(Double(cap) * lowMark) }

    /// Makes an evictor; ``run(now:)`` does the work.
    ///
    /// - Parameters:
    ///   - cache: Whose blobs.
    ///   - sha1s: Computes what the report wants of bytes that a record names, before they go.
    ///   - mayGoOn: Asked before every piece of that; `false` ends the round, and what was not read stays.
    package init(cache: ResponseCache, sha1s: SHA1Keeper, mayGoOn: @escaping @Sendable () -> Bool = { true }) {
        self.cache = cache
        self.sha1s = sha1s
        self.mayGoOn = mayGoOn
    }

    /// One round: notes what was used, evicts down to the low mark when the cap is passed, compresses and compacts.
    ///
    /// - Returns: How many blobs were evicted.
    @discardableResult
    package func run(now: WallTime = .now()) throws(StoreError) -> Int {
        // Written before eviction looks for what is unused.
        var used = cache.takeUsed()[...]
        while !used.isEmpty {
            try cache.write([.used(Array(used.prefix(Self.mostUsed)), at: now)])
            used = used.dropFirst(Self.mostUsed)
        }
        try maintain()
        return try evict()
    }

    /// Has the store do a slice of its background work.
    package func maintain() throws(StoreError) {
        for moved in try cache.blobs.maintain() { cache.writer.submit([.moved(moved.new)]) }
    }

    private func evict() throws(StoreError) -> Int {
        let cap = cache.sizeCap
        let low = Self.lowMark(ofCap: cap)
        var size = try cache.catalog.totals().bytesOnDisk
        guard size > cap else { return 0 }
        var evicted = 0
        for includingPinned in [false, true] {
            // Pinned blobs lose their bytes only when all the others together did not make room enough.
            if includingPinned, size <= low { break }
            let goal = includingPinned ? Int64(Double(cap) * pinnedShare) : low
            while size > goal {
                let group = try evictGroup(from: &size, to: goal, includingPinned: includingPinned)
                evicted += group.count
                if group.isStopped { return evicted }
                if group.count == 0 { break }
            }
        }
        return evicted
    }

    /// Evicts what no live session's record names, the longest unused first, until so many bytes are left or nothing else.
    ///
    /// - Parameters:
    ///   - goal: Bytes on the medium.
    ///   - progress: Called after each group with what it was.
    /// - Throws: ``StoreError``; what went before it has gone.
    package func makeRoom(to goal: Int64, progress: (ResponseCache.Evictions) -> Void) throws(StoreError) {
        var size = try cache.catalog.totals().bytesOnDisk
        while size > goal, mayGoOn() {
            let before = size
            let group = try evictGroup(from: &size, to: goal, includingPinned: false)
            guard group.count > 0 else { return }
            progress(ResponseCache.Evictions(blobs: group.count, bytes: before - size))
        }
    }

    /// Evicts a few blobs; none when there are no candidates.
    private func evictGroup(
        from size: inout Int64, to goal: Int64, includingPinned: Bool
    ) throws(StoreError) -> (count: Int, isStopped: Bool) {
        let candidates = try cache.catalog.evictionCandidates(
            limit: Self.mostEvicted, includingPinned: includingPinned)
        guard !candidates.isEmpty else { return (0, false) }
        var going: [StoredBlob] = []
        var isStopped = false
        for candidate in candidates where size > goal {
            // What cannot be read goes as well: its report names it.
            if includingPinned, sha1s.sha1(of: candidate, mayGoOn: mayGoOn) == .stopped {
                isStopped = true
                break
            }
            going.append(candidate)
            size -= candidate.placement.sizeOnDisk
        }
        try cache.discard(going)
        cache.noteEvicted(going)
        return (going.count, isStopped)
    }
}
