package import Platform

/// What the connections of one loop have done; the loop alone writes, anybody may read.
package final class RelayCounters: Sendable {
    /// Whose handshake it was.
    package enum Side: Int, Sendable, CaseIterable { case client, origin }

    /// What became of a handshake.
    package enum Handshake: Int, Sendable, CaseIterable { case full, resumed, failed }

    private let handshakes = OwnedCounts(Side.allCases.count * Handshake.allCases.count)
    /// Connections to origins that were made.
    package let originsOpened = OwnedCount()
    /// Requests for which an unused connection was there.
    package let originsReused = OwnedCount()
    /// Attempts to connect to origins that came to nothing.
    package let originsFailed = OwnedCount()
    /// Connections to origins in use.
    package let originsActive = OwnedCount()
    /// Connections to origins that wait for use.
    package let originsIdle = OwnedCount()
    /// Times that nothing could be accepted, mostly for want of descriptors.
    package let acceptFailures = OwnedCount()
    /// When that was last, in nanoseconds of the monotonic clock.
    package let lastAcceptFailure = OwnedCount()

    init() {}

    func note(_ result: Handshake, _ side: Side) {
        handshakes.add(side.rawValue * Handshake.allCases.count + result.rawValue)
    }

    /// TLS handshakes that ended so.
    package func handshakes(_ result: Handshake, _ side: Side) -> Int {
        handshakes[side.rawValue * Handshake.allCases.count + result.rawValue]
    }
}
