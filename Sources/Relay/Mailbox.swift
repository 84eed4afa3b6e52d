import Platform

/// The tasks that other threads have for a loop: bounded, first in first out, with one wake-up per batch.
///
/// When it is full, senders that are not loops wait for room; a loop never waits, it is let in beyond the bound (two loops
/// that wait for each other would stop for ever, and a loop's own messages are bounded by its connections).
final class Mailbox: Sendable {
    typealias Task = @Sendable () -> Void

    /// What becomes of a task for which there is no room.
    enum Overflow { case wait, exceed, refuse }

    private struct State: Sendable {
        var tasks: [Task] = []
        var isRaised = false
        var isClosed = false
        var waiting = 0
    }

    let capacity: Int
    let signal: WakeSignal
    private let state = Monitor(State())

    init(capacity: Int) throws(SystemError) {
        self.capacity = capacity
        signal = try WakeSignal()
    }

    /// Adds a task; `false` when it was refused or the mailbox is closed.
    func post(_ task: @escaping Task, overflow: Overflow) -> Bool {
        let (accepted, mustRaise) = state.withLock { state in add(task, to: &state, overflow == .exceed) }
        if mustRaise { signal.raise() }
        if let accepted { return accepted }
        return overflow == .refuse ? false : waitAndPost(task)
    }

    private func waitAndPost(_ task: @escaping Task) -> Bool {
        state.withLock { $0.waiting += 1 }
        let (accepted, mustRaise) =
            state.wait { state -> (Bool, Bool)? in
                let (accepted, mustRaise) = add(task, to: &state, false)
                guard let accepted else { return nil }
                state.waiting -= 1
                return (accepted, mustRaise)
            } ?? (false, false)
        if mustRaise { signal.raise() }
        return accepted
    }

    /// Tells whether the task was taken (nil: no room) and whether the loop must be woken.
    private func add(_ task: @escaping Task, to state: inout State, _ mayExceed: Bool) -> (Bool?, Bool) {
        if state.isClosed { return (false, false) }
        guard mayExceed || state.tasks.count < capacity else { return (nil, false) }
        state.tasks.append(task)
        let mustRaise = !state.isRaised
        state.isRaised = true
        return (true, mustRaise)
    }

    /// Exchanges the waiting tasks for an empty `batch`, which lends its storage.
    func take(into batch: inout [Task]) {
        let hasWaiters = state.withLock { state in
            swap(&state.tasks, &batch)
            state.isRaised = false
            return state.waiting > 0
        }
        if hasWaiters { state.change { _ in } }
    }

    /// Refuses tasks from now on and wakes the loop, so that it notices.
    func close() {
        state.change { $0.isClosed = true }
        signal.raise()
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// How many tasks wait; a gauge.
    var count: Int { state.withLock { $0.tasks.count } }
}
