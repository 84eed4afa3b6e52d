import Core

/// How fast a client takes its answer while it could have more.
///
/// Counts only time in which there was something to give and the socket was full: a client that waits for a slow origin, or
/// for a verdict, is not slow itself.
struct ReaderPace {
    private var blockedSince: MonotonicTime?
    /// Time with a full socket in this window, but for the stretch that goes on.
    private var blocked = Duration.zero
    /// What the client had taken when this window began.
    private var takenBefore: Int64 = 0

    /// Notes after an attempt to give whether the socket is full.
    mutating func note(isFull: Bool, now: MonotonicTime) {
        if isFull {
            blockedSince = blockedSince ?? now
        } else if let since = blockedSince {
            blocked += now - since
            blockedSince = nil
        }
    }

    /// Whether the client took less than it must; each window with enough full time is judged once.
    ///
    /// - Parameters:
    ///   - taken: Bytes that the client has taken since the beginning.
    ///   - limits: How much it must take, over which time.
    ///   - now: The time.
    /// - Returns: Whether a window is over and too little was taken in it.
    mutating func isTooSlow(taken: Int64, limits: ProxySettings.SlowReaders, now: MonotonicTime) -> Bool {
        let time = blocked + (blockedSince.map { now - $0 } ?? .zero)
        guard time >= limits.window else { return false }
        let isSlow = Double(taken - takenBefore) < Double(limits.leastRate) * time.inSeconds
        takenBefore = taken
        blocked = .zero
        if blockedSince != nil { blockedSince = now }
        return isSlow
    }
}
