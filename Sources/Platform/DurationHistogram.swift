/// How long things took, in buckets whose bounds double; one thread adds, any thread may read (``OwnedCounts``).
package final class DurationHistogram: Sendable {
    /// The last number is the sum.
    private let counts = OwnedCounts(DurationCounts.bucketCount + 1)

    package init() {}

    /// Counts one that took so many nanoseconds; only by who owns it.
    package func add(nanoseconds: Int) {
        counts.add(DurationCounts.bucket(of: nanoseconds))
        counts.add(DurationCounts.bucketCount, max(0, nanoseconds))
    }

    /// What was counted so far.
    package var current: DurationCounts {
        let all = counts.all
        return DurationCounts(buckets: Array(all.dropLast()), nanoseconds: all[DurationCounts.bucketCount])
    }
}

/// What a histogram of durations has counted.
package struct DurationCounts: Sendable, Equatable {
    /// The upper bound of the first bucket, in nanoseconds; that of each further one is twice as much.
    private static let first = 25_000
    /// Buckets with an upper bound; the last of them goes to 105 s.
    private static let bounded = 23
    /// All buckets, with that for what is longer.
    package static let bucketCount = bounded + 1
    /// The upper bounds in seconds, which belong to their buckets; the last bucket has none.
    package static let bounds = (0..<bounded).map { Double(first << $0) / 1_000_000_000 }

    /// How many were in each bucket.
    package var buckets: [Int]
    /// All durations together.
    package var nanoseconds: Int

    /// Makes counts; without arguments all are 0.
    package init(
        buckets: [Int] = Array(repeating: 0, count: DurationCounts.bucketCount), nanoseconds: Int = 0
    ) {
        precondition(buckets.count == Self.bucketCount, "histograms have the same buckets")
        self.buckets = buckets
        self.nanoseconds = nanoseconds
    }

    /// How many durations were counted.
    package var count: Int { buckets.reduce(0, +) }

    /// The bucket that so many nanoseconds belong to.
    package static func bucket(of nanoseconds: Int) -> Int {
        guard nanoseconds > first else { return 0 }
        // Bounds belong to the bucket below them.
        let doublings = Int.bitWidth - ((nanoseconds - 1) / first).leadingZeroBitCount
        return min(doublings, bounded)
    }

    package static func + (left: Self, right: Self) -> Self {
        DurationCounts(
            buckets: zip(left.buckets, right.buckets).map { $0 + $1 }, nanoseconds: left.nanoseconds + right.nanoseconds
        )
    }
}
