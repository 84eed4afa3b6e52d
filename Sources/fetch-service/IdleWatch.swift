import Core

/// Decides when nothing has happened for so long that the service ends (`--idle-shutdown`).
///
/// Its timer starts anew with every request, API call and change of a session. When it runs out and there is a session,
/// nothing happens until the next of these.
struct IdleWatch {
    enum Decision: Equatable {
        case goOn
        /// The time is over, but so many sessions live.
        case keptBySessions(Int)
        case end
    }

    private let limit: Duration
    private var activity: [UInt64]
    private var since: MonotonicTime
    private var isArmed = true

    init(limit: Duration, now: MonotonicTime, activity: [UInt64]) {
        self.limit = limit
        self.activity = activity
        since = now
    }

    /// Looks at the counters of activity, each of which changes when something happens.
    mutating func look(now: MonotonicTime, activity: [UInt64], sessions: Int) -> Decision {
        if activity != self.activity {
            self.activity = activity
            since = now
            isArmed = true
        }
        guard isArmed, now - since >= limit else { return .goOn }
        guard sessions > 0 else { return .end }
        isArmed = false
        return .keptBySessions(sessions)
    }
}
