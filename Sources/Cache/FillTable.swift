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
    ///
    /// - Parameters:
    ///   - key: What is downloaded.
    ///   - isOver: Asked when none is in progress: whether one has ended since the caller looked, so that it should look
    ///     again. Must not wait for anything.
    /// - Returns: `nil` when one is over. Since what a fill brings is entered before it is closed, no key is downloaded twice
    ///   because of a look that came too early.
    package func join(_ key: FillKey, unless isOver: () -> Bool = { false }) -> Role? {
        fills.withLock { fills in
            if let fill = fills[key] { return .follower(fill) }
            if isOver() { return nil }
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
