package import Core
package import Storage
internal import Platform

/// Keeps the store below its cap and does its background work.
///
/// ``run()`` is called now and then on a thread that may block. What has been unused for longest goes first; blobs that a
/// live session's record names go only when they alone take more than 80 % of the cap, and then the record stays.
package final class Evictor: Sendable {
    private let cache: ResponseCache
    private let pinnedShare = 0.8
    /// Eviction stops at this share of the cap.
    private let lowMark = 0.9

    package init(cache: ResponseCache) { self.cache = cache }

    /// One round: notes what was used, evicts down to the low mark when the cap is passed, compresses and compacts.
    ///
    /// - Returns: How many blobs were evicted.
    @discardableResult
    package func run(now: WallTime = .now()) throws(StoreError) -> Int {
        let used = cache.takeUsed()
        // Written before eviction looks for what is unused.
        if !used.isEmpty { try write([.used(used, at: now)]) }
        for moved in try cache.blobs.maintain() { cache.writer.submit([.blob(moved.new, at: now)]) }
        return try evict()
    }

    private func evict() throws(StoreError) -> Int {
        let cap = cache.settings.sizeCap
        var size = try cache.catalog.totals().bytesOnDisk
        guard size > cap else { return 0 }
        var evicted = 0
        for includingPinned in [false, true] {
            let goal = Int64(Double(cap) * (includingPinned ? pinnedShare : lowMark))
            // Pinned blobs lose their bytes only when what is left of the others did not make room below the cap.
            if includingPinned, size <= cap { break }
            while size > goal {
                let candidates = try cache.catalog.evictionCandidates(limit: 64, includingPinned: includingPinned)
                guard !candidates.isEmpty else { break }
                var going: [StoredBlob] = []
                for candidate in candidates where size > goal {
                    going.append(candidate)
                    size -= candidate.placement.sizeOnDisk
                }
                try drop(going)
                evicted += going.count
            }
        }
        return evicted
    }

    /// Takes blobs out of the catalog first and then from the medium, so that a crash between the two leaves an orphan
    /// and never a row that promises bytes.
    private func drop(_ blobs: [StoredBlob]) throws(StoreError) {
        cache.forget(blobs)
        try write(blobs.map { .forgetBlob($0.digest, $0.scope) })
        for blob in blobs { try cache.blobs.remove(blob) }
    }

    private func write(_ changes: [CatalogChange]) throws(StoreError) {
        let written = Latch()
        let failure = Lock<StoreError?>(nil)
        cache.writer.submit(changes) { error in
            failure.withLock { $0 = error }
            written.signal()
        }
        written.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
