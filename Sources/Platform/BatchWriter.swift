package import Core

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
        /// Whether somebody waits for something that is queued.
        var isUrgent = false
    }

    /// What its thread is called.
    package let name: String
    private let state = Monitor(State())
    private let ended = Latch()

    /// Starts the thread.
    ///
    /// `apply` gets 1 to `mostPerBatch` items and may block; it runs on the writer's thread alone. `linger` is how long
    /// items for which nobody waits stay queued, so that more of them are applied together.
    package init(
        name: String, mostPerBatch: Int, linger: Duration = .zero, apply: @escaping @Sendable ([Item]) -> Void
    ) {
        precondition(mostPerBatch > 0, "a batch has room for an item")
        self.name = name
        startThread(name: name) { [state, ended] in
            Self.work(state, mostPerBatch, linger, apply)
            ended.signal()
        }
    }

    /// Hands items over; they are applied even when ``stop()`` follows at once, and dropped after it has returned.
    ///
    /// Items that are not urgent may linger.
    package func submit(_ items: [Item], isUrgent: Bool = true) {
        guard !items.isEmpty else { return }
        let mustWake = state.withLock { state in
            let wasEmpty = state.items.isEmpty
            if wasEmpty { state.oldest = .now() }
            state.items += items
            state.isUrgent = state.isUrgent || isUrgent
            return wasEmpty || isUrgent
        }
        if mustWake { state.wakeOne() }
    }

    /// Since when the oldest item that is not applied yet has been waiting; `nil` when nothing waits.
    package var waitingSince: MonotonicTime? { state.withLock { $0.applying ?? $0.oldest } }

    /// How many items wait; a gauge.
    package var queued: Int { state.withLock { $0.items.count } }

    /// How the queue stands.
    package var gauge: QueueGauge { QueueGauge(name: name, waiting: queued) }

    /// Applies what is queued, ends the thread and returns when it is gone.
    package func stop() {
        state.change { $0.isStopping = true }
        ended.wait()
    }

    private static func work(
        _ state: Monitor<State>, _ most: Int, _ linger: Duration, _ apply: ([Item]) -> Void
    ) {
        while true {
            if linger > .zero { wait(linger, most, state) }
            let batch: [Item]? = state.wait { state in
                state.applying = nil
                guard !state.items.isEmpty else { return state.isStopping ? [] : nil }
                let batch = Array(state.items.prefix(most))
                state.items.removeFirst(batch.count)
                state.isUrgent = state.isUrgent && !state.items.isEmpty
                state.applying = state.oldest
                state.oldest = state.items.isEmpty ? nil : state.oldest
                return batch
            }
            guard let batch, !batch.isEmpty else { return }
            apply(batch)
        }
    }
    /// Waits for an item, then a while for more, unless somebody waits for one of them.
    private static func wait(_ linger: Duration, _ most: Int, _ state: Monitor<State>) {
        let oldest: MonotonicTime? = state.wait { state in
            state.applying = nil
            return state.items.isEmpty && !state.isStopping ? nil : state.oldest ?? .now()
        }
        guard let oldest else { return }
        _ = state.wait(until: oldest + linger) { state in
            state.isUrgent || state.isStopping || state.items.count >= most ? true : nil
        }
    }
}
