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
        wall: { .now() }, monotonic: { .now() }, sleep: { try? await Task.sleep(for: $0) })
}
