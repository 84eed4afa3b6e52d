package import Core
import Glibc

/// One thread that applies what others hand over, everything that waits at once: group commit.
///
/// Callers bound what they hand over (an exchange has one record in flight); ``waitingSince`` shows when the thread does
/// not keep up. Items are applied in the order of submission.
package final class BatchWriter<Item: Sendable>: Sendable {
    private struct State: Sendable {
        var items: [Item] = []
        var oldest: MonotonicTime?
        var applying: MonotonicTime?
        var isStopping = false
    }

    private let state = Monitor(State())
    private let ended = Latch()

    /// Starts the thread.
    ///
    /// `apply` gets 1 to `mostPerBatch` items and may block; it runs on the writer's thread alone. `linger` is how long an
    /// item that finds the thread idle waits for others, where nobody waits for it.
    package init(
        name: String, mostPerBatch: Int, linger: Duration = .zero, apply: @escaping @Sendable ([Item]) -> Void
    ) {
        precondition(mostPerBatch > 0, "a batch has room for an item")
        startThread(name: name) { [state, ended] in
            Self.work(state, mostPerBatch, linger, apply)
            ended.signal()
        }
    }

    /// Hands items over; they are applied even when ``stop()`` follows at once, and dropped after it has returned.
    package func submit(_ items: [Item]) {
        guard !items.isEmpty else { return }
        state.changeForOne { state in
            if state.items.isEmpty { state.oldest = .now() }
            state.items += items
        }
    }

    /// Since when the oldest item that is not applied yet has been waiting; `nil` when nothing waits.
    package var waitingSince: MonotonicTime? { state.withLock { $0.applying ?? $0.oldest } }

    /// How many items wait; a gauge.
    package var queued: Int { state.withLock { $0.items.count } }

    /// Applies what is queued, ends the thread and returns when it is gone.
    package func stop() {
        state.change { $0.isStopping = true }
        ended.wait()
    }

    private static func work(
        _ state: Monitor<State>, _ most: Int, _ linger: Duration, _ apply: ([Item]) -> Void
    ) {
        while true {
            if linger > .zero { wait(linger, state) }
            let batch: [Item]? = state.wait { state in
                state.applying = nil
                guard !state.items.isEmpty else { return state.isStopping ? [] : nil }
                let batch = Array(state.items.prefix(most))
                state.items.removeFirst(batch.count)
                state.applying = state.oldest
                state.oldest = state.items.isEmpty ? nil : state.oldest
                return batch
            }
            guard let batch, !batch.isEmpty else { return }
            apply(batch)
        }
    }
    /// Waits for an item, then a while for more; the thread sleeps through what is submitted meanwhile.
    private static func wait(_ linger: Duration, _ state: Monitor<State>) {
        let isStopping = state.wait { state in
            state.applying = nil
            return state.items.isEmpty && !state.isStopping ? nil : state.isStopping
        }
        guard isStopping == false else { return }
        let nanoseconds = Int(linger.wholeNanoseconds)
        var rest = timespec(tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
        nanosleep(&rest, nil)
    }
}
