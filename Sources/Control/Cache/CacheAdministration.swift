package import Core

/// What the control API asks of the cache, whatever its backend; every call may block.
package protocol CacheAdministration: Sendable {
    /// How much there is; the cost does not depend on it.
    func facts() throws -> CacheFacts

    /// The stored responses in the order in which they were stored.
    ///
    /// - Parameters:
    ///   - after: The number of the last one of the page before; 0 for the first page.
    ///   - limit: How many at most.
    /// - Returns: The responses; none when there are no more.
    /// - Throws: What the backend throws when it cannot be read.
    func entries(after: Int64, limit: Int) throws -> [CachedEntry]

    /// Begins to compare every body with its digest, unless that is being done.
    ///
    /// - Returns: How far it is.
    func verify() -> CacheVerification

    /// How far the last comparison is; `nil` before the first.
    func verification() -> CacheVerification?

    /// Begins to evict what was unused for longest, and to remove what no row names, unless that is being done.
    ///
    /// - Parameter goal: Down to how many bytes; `nil` is where eviction stops by itself.
    /// - Returns: How far it is.
    func collect(downTo goal: Int64?) -> CacheCollection

    /// How far the last collection is; `nil` before the first.
    func collection() -> CacheCollection?
}

/// How much the cache holds, and what has become of it.
package struct CacheFacts: Sendable, Hashable {
    /// Responses for reuse.
    package var entries: Int64 = 0
    /// Bodies, each counted once for everybody and once for each session that has it for itself.
    package var blobs: Int64 = 0
    /// Bytes of the bodies.
    package var logicalBytes: Int64 = 0
    /// Bytes that they take.
    package var bytesOnDisk: Int64 = 0
    /// Bytes at which eviction starts, and where it stops.
    package var limit: Int64 = 0
    package var lowMark: Int64 = 0
    /// Bytes that may still be written before caching stops.
    package var spaceLeft: Int64 = 0
    /// What was evicted since the start.
    package var evictedBlobs = 0
    package var evictedBytes: Int64 = 0
    /// What the comparing in the background has come to since the start.
    package var scrubbed = CacheComparison()
    /// When every body had been compared by it; `nil` before the first pass.
    package var scrubPassEnded: WallTime?

    /// Makes facts of an empty cache.
    package init() {}
}

/// What comparing bodies with their digests came to.
package struct CacheComparison: Sendable, Hashable {
    package var checked = 0
    /// Dropped, since their bytes were others.
    package var damaged = 0
    /// Dropped, since their bytes were not there.
    package var missing = 0
    /// Those that could not be read; they stay.
    package var unreadable = 0
    /// Bytes that were read.
    package var bytes: Int64 = 0

    /// Makes one of nothing.
    package init() {}
}

/// A stored response.
package struct CachedEntry: Sendable, Hashable {
    /// How it can be used.
    package enum Freshness: String, Sendable, Hashable {
        /// As it is.
        case fresh
        /// After the origin was asked.
        case stale
        /// Only after the origin was asked, every time.
        case validate
    }

    /// Grows from response to response.
    package var number: Int64
    /// Without secrets.
    package var url: String
    package var status: Int
    package var digest: SHA256Digest
    /// Bytes of the body.
    package var size: Int64
    package var stored: WallTime
    package var freshUntil: WallTime
    package var freshness: Freshness
    /// The names in `Vary`.
    package var vary: [String]
    /// Whose it is; `nil` is everybody's.
    package var session: SessionID?

    /// Describes a response.
    package init(
        number: Int64, url: String, status: Int, digest: SHA256Digest, size: Int64, stored: WallTime,
        freshUntil: WallTime, freshness: Freshness, vary: [String], session: SessionID?
    ) {
        self.number = number
        self.url = url
        self.status = status
        self.digest = digest
        self.size = size
        self.stored = stored
        self.freshUntil = freshUntil
        self.freshness = freshness
        self.vary = vary
        self.session = session
    }
}

/// Work on the cache that goes on in the background.
package enum CacheWorkState: String, Sendable, Hashable {
    case running
    case done
    /// Something prevented it.
    case failed
}

/// How far a comparison of all bodies is.
package struct CacheVerification: Sendable, Hashable {
    package var state = CacheWorkState.running
    package var started: WallTime
    package var ended: WallTime?
    /// Bodies that there were at the start.
    package var blobs: Int64
    package var comparison = CacheComparison()
    /// Why it failed.
    package var failure = ""

    /// Makes one that begins.
    package init(started: WallTime, blobs: Int64) {
        self.started = started
        self.blobs = blobs
    }
}

/// How far a collection is.
package struct CacheCollection: Sendable, Hashable {
    package var state = CacheWorkState.running
    package var started: WallTime
    package var ended: WallTime?
    /// Down to how many bytes.
    package var goal: Int64
    package var evictedBlobs = 0
    package var evictedBytes: Int64 = 0
    /// What the cache takes now.
    package var bytesOnDisk: Int64
    /// Why it failed.
    package var failure = ""

    /// Makes one that begins.
    package init(started: WallTime, goal: Int64, bytesOnDisk: Int64) {
        self.started = started
        self.goal = goal
        self.bytesOnDisk = bytesOnDisk
    }
}
