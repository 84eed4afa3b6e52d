package import Core
package import Sessions
import Platform

/// A clock that moves when it is told to; sleepers wake when their time has come.
package final class ManualClock: Sendable {
    private struct State {
        var elapsed = Duration.zero
        var sleepers: [(until: Duration, wake: CheckedContinuation<Void, Never>)] = []
    }

    package static let start = WallTime(seconds: 1_900_000_000)
    private let state = Lock(State())

    package init() {}

    package var clock: SessionClock {
        SessionClock(
            wall: { Self.start + self.elapsed },
            monotonic: { MonotonicTime(nanoseconds: 1_000_000_000) + self.elapsed },
            sleep: { await self.sleep($0) })
    }

    package var elapsed: Duration { state.withLock { $0.elapsed } }

    /// How many tasks sleep.
    package var sleeping: Int { state.withLock { $0.sleepers.count } }

    package func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.elapsed += duration
            let now = state.elapsed
            let due = state.sleepers.filter { $0.until <= now }
            state.sleepers.removeAll { $0.until <= now }
            return due
        }
        for sleeper in woken { sleeper.wake.resume() }
    }

    private func sleep(_ duration: Duration) async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard duration > .zero else { return true }
                state.sleepers.append((state.elapsed + duration, continuation))
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}
