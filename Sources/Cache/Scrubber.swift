package import Core
package import Storage
internal import Platform

/// Compares every blob with its digest, slowly and again and again, so that what rots on the disk is found before it is
/// asked for.
///
/// A pass goes through the blobs in the order of their digests; the catalog keeps how far it has come, so that a restart
/// goes on there. A blob that is not what its digest says is dropped, and the next request fetches it again.
package final class Scrubber: Sendable {
    /// How much work scrubbing may be.
    package struct Settings: Sendable {
        /// Bytes that are read in a second, on average.
        package var bytesPerSecond: Int64 = 1 << 20
        /// From the end of a pass to the beginning of the next.
        package var interval = Duration.seconds(24 * 3600)

        package init() {}
    }

    /// What is wrong with a blob.
    package enum Finding: Sendable {
        /// Its bytes are others than its digest says; it was dropped.
        case damaged(StoredBlob)
        /// Its bytes are not there; its row was dropped.
        case missing(StoredBlob)
        /// It could not be read; it stays.
        case unreadable(StoredBlob, StoreError)
    }

    /// What has been done since the start.
    package struct Counts: Hashable, Sendable {
        package var checked = 0
        package var damaged = 0
        package var missing = 0
        package var unreadable = 0
        package var passes = 0
        /// Bytes that were read.
        package var bytes: Int64 = 0

        /// Nothing yet.
        package init() {}
    }

    /// Blobs between two notes of the place in the catalog.
    private static let page = 32
    /// What a blob costs at least, in bytes: opening it is work as well.
    private static let leastCost: Int64 = 16 << 10
    /// Shorter pauses are put together.
    private static let leastPause = Duration.milliseconds(100)

    private struct State {
        var counts = Counts()
        /// The pause that is owed for what was read.
        var owed = Duration.zero
    }

    private let cache: ResponseCache
    private let settings: Settings
    private let pause: @Sendable (Duration) -> Bool
    private let found: @Sendable (Finding) -> Void
    private let state = Lock(State())

    /// Makes a scrubber; ``step(now:)`` does the work.
    ///
    /// - Parameters:
    ///   - cache: Whose blobs.
    ///   - settings: How much work it may be.
    ///   - pause: Waits for so long, or returns `false` at once when the service is stopping.
    ///   - found: Called for every blob that is not right.
    package init(
        cache: ResponseCache, settings: Settings = Settings(), pause: @escaping @Sendable (Duration) -> Bool,
        found: @escaping @Sendable (Finding) -> Void
    ) {
        precondition(settings.bytesPerSecond > 0, "scrubbing has a speed")
        self.cache = cache
        self.settings = settings
        self.pause = pause
        self.found = found
    }

    /// What has been done since the start.
    package var counts: Counts { state.withLock { $0.counts } }

    /// Compares the next few blobs, pausing as the settings say.
    ///
    /// - Parameter now: The time.
    /// - Returns: Whether there may be more to do now; not while the next pass is not due, nor when a pause was cut short.
    /// - Throws: ``StoreError`` when the catalog cannot be read or written; the next call goes on.
    package func step(now: WallTime = .now()) throws(StoreError) -> Bool {
        var mark = try cache.catalog.scrubMark()
        if mark.position == nil, let ended = mark.passEnded, now >= ended, now - ended < settings.interval {
            return false
        }
        let blobs = try cache.catalog.blobs(after: mark.position, limit: Self.page)
        guard !blobs.isEmpty else {
            try cache.write([.scrubbed(ScrubMark(passEnded: now))])
            state.withLock { $0.counts.passes += 1 }
            return false
        }
        for (index, blob) in blobs.enumerated() {
            guard try check(blob) else {
                try cache.write([.scrubbed(mark)])
                return false
            }
            // A digest is done when it is in all its scopes.
            if index + 1 == blobs.count || blobs[index + 1].digest != blob.digest { mark.position = blob.digest }
        }
        try cache.write([.scrubbed(mark)])
        return true
    }

    /// Compares every blob once, whatever has been compared before, and leaves the marks of the passes alone.
    ///
    /// - Parameter progress: Called now and then with what has been done since the start.
    /// - Returns: Whether all were compared; not when a pause was cut short.
    /// - Throws: ``StoreError`` when the catalog cannot be read.
    package func checkAll(progress: (Counts) -> Void) throws(StoreError) -> Bool {
        var position: SHA256Digest?
        while true {
            let blobs = try cache.catalog.blobs(after: position, limit: Self.page)
            guard let last = blobs.last else {
                state.withLock { $0.counts.passes += 1 }
                return true
            }
            for blob in blobs {
                guard try check(blob) else { return false }
                progress(counts)
            }
            position = last.digest
        }
    }

    /// What comparing a blob came to.
    private enum Outcome { case right, damaged, missing, stopped }

    /// Compares one blob; returns `false` when the service is stopping.
    private func check(_ listed: StoredBlob) throws(StoreError) -> Bool {
        var blob = listed
        while true {
            let outcome: Outcome
            do throws(StoreError) {
                outcome = try compare(blob)
            } catch {
                state.withLock { $0.counts.unreadable += 1 }
                found(.unreadable(blob, error))
                return pay(Self.leastCost)
            }
            if outcome == .stopped { return false }
            if outcome == .right { break }
            // It may have been evicted, or have been moved by the store.
            guard let current = try cache.locate(blob.digest, scope: blob.scope) else { return true }
            if current.placement == blob.placement {
                try drop(blob, isThere: outcome == .damaged)
                break
            }
            blob = current
        }
        state.withLock { $0.counts.checked += 1 }
        return true
    }

    private func compare(_ blob: StoredBlob) throws(StoreError) -> Outcome {
        do throws(StoreError) {
            // A store may remove what it finds damaged, so this has to be asked first.
            guard try cache.blobs.open(blob) != nil else { return .missing }
        } catch  where error.kind == .corrupt {
            return .damaged
        }
        var read: Int64 = 0
        let isRight = try cache.blobs.verify(blob) { count in
            read += Int64(count)
            state.withLock { $0.counts.bytes += Int64(count) }
            return pay(Int64(count))
        }
        guard let isRight, pay(max(0, Self.leastCost - read)) else { return .stopped }
        return isRight ? .right : .damaged
    }

    private func drop(_ blob: StoredBlob, isThere: Bool) throws(StoreError) {
        try cache.discard([blob])
        state.withLock { state in
            if isThere { state.counts.damaged += 1 } else { state.counts.missing += 1 }
        }
        found(isThere ? .damaged(blob) : .missing(blob))
    }

    /// Pauses for what was read; returns `false` when the service is stopping.
    private func pay(_ bytes: Int64) -> Bool {
        let due = state.withLock { state in
            state.owed += .nanoseconds(Int64(Double(bytes) / Double(settings.bytesPerSecond) * 1e9))
            guard state.owed >= Self.leastPause else { return Duration.zero }
            defer { state.owed = .zero }
            return state.owed
        }
        return due == .zero || pause(due)
    }
}
