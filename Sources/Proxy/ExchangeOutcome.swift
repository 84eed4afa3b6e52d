import Storage
import Wire

/// How a request was answered: a bounded set, for counting.
package enum ExchangeOutcome: Int, Sendable, CaseIterable {
    /// With a stored answer that was fresh.
    case hit
    /// With a stored answer that the origin had just confirmed.
    case revalidated
    /// With a stored answer that was not fresh any more, where that is allowed.
    case stale
    /// With what another request was downloading.
    case joined
    /// With what the origin was asked for, which others may be answered with too.
    case miss
    /// With what the origin was asked for, for this request or session alone.
    case alone
    /// By us: it was not allowed.
    case refused
    /// By us, because something failed, or not at all.
    case failed
    /// Not to the end: the client or the session had gone.
    case aborted

    /// What it is called outside.
    package var name: String {
        switch self {
        case .hit: "hit"
        case .revalidated: "revalidated"
        case .stale: "stale"
        case .joined: "joined"
        case .miss: "miss"
        case .alone: "private"
        case .refused: "refused"
        case .failed: "error"
        case .aborted: "aborted"
        }
    }
}

extension Exchange {
    /// How the request is being answered, as far as that is known.
    var outcome: ExchangeOutcome {
        if let ending { return ending }
        switch source {
        case .cache:
            switch cacheStatus {
            case .stale, .staleOnError: return .stale
            default: return .hit
            }
        case .revalidated: return .revalidated
        case .joined: return .joined
        case .network:
            if case .shared = partition { return .miss }
            return .alone
        case .none: return .failed
        }
    }
}
