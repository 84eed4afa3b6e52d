internal import Platform

/// The fills in progress that others may join; O(1) under one lock.
package final class FillTable: Sendable {
    private let fills = Lock<[FillKey: Fill]>([:])

    package init() {}

    /// Who downloads: the caller, or somebody who already does.
    package enum Role: Sendable {
        case leader(Fill)
        case follower(Fill)
    }

    /// The fill for a key: the one in progress, or a new one that the caller must drive to its end.
    package func join(_ key: FillKey) -> Role {
        fills.withLock { fills in
            if let fill = fills[key] { return .follower(fill) }
            let fill = Fill(key: key)
            fills[key] = fill
            return .leader(fill)
        }
    }

    /// The fill in progress for a key, for looking at it.
    package func current(_ key: FillKey) -> Fill? { fills.withLock { $0[key] } }

    /// Nobody joins this fill from now on; those who did are not touched.
    package func close(_ fill: Fill) {
        fills.withLock { fills in
            if fills[fill.key] === fill { fills[fill.key] = nil }
        }
    }

    /// How many there are; a gauge.
    package var count: Int { fills.withLock { $0.count } }
}
