package import Core

/// The time that sessions live by; tests put another one in its place.
package struct SessionClock: Sendable {
    /// Civil time, for the record.
    package var wall: @Sendable () -> WallTime
    /// Time that never steps, for lifetimes.
    package var monotonic: @Sendable () -> MonotonicTime
    /// Waits so long, or less when the task is cancelled.
    package var sleep: @Sendable (Duration) async -> Void

    /// Makes a clock.
    package init(
        wall: @escaping @Sendable () -> WallTime, monotonic: @escaping @Sendable () -> MonotonicTime,
        sleep: @escaping @Sendable (Duration) async -> Void
    ) {
        self.wall = wall
        self.monotonic = monotonic
        self.sleep = sleep
    }

    /// The system's clocks.
    package static let system = SessionClock(
        wall: { .now() }, monotonic: { .now() }, sleep: { await nap($0) { try await Task.sleep(for: $0) } })

    /// The longest that is slept at a time.
    static let longestNap = Duration.seconds(30)

    /// Sleeps in pieces: what a cancelled `Task.sleep` was made of stays in memory (about 800 bytes) until it would have been
    /// over, which for the timer of a session that has ended is the rest of its lifetime.
    static func nap(_ duration: Duration, _ sleep: (Duration) async throws -> Void) async {
        var left = duration
        while left > .zero, !Task.isCancelled, (try? await sleep(min(left, longestNap))) != nil { left -= longestNap }
    }
}
