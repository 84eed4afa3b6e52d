/// Runs its jobs in order, one at a time, on a pool: a thread's worth of order without a thread.
///
/// `submit` never drops: a strand occupies at most one place in the pool, whatever waits in the strand, and after the pool
/// has ended the caller runs the job. Its own backlog is bounded by its user, who knows what a job costs (a fill submits
/// its next piece when the last one is done, say); ``backlog`` is there to decide by.
package final class Strand: Sendable {
    package typealias Job = @Sendable () -> Void

    private struct State {
        var jobs = FIFO<Job>()
        var isScheduled = false
    }

    /// How many jobs run before others on the pool get their turn.
    private static let batch = 16

    private let pool: WorkerPool
    private let lane: Int
    private let state = Lock(State())

    package init(pool: WorkerPool, lane: Int = 0) {
        self.pool = pool
        self.lane = lane
    }

    package func submit(_ job: @escaping Job) {
        let mustSchedule = state.withLock { state in
            state.jobs.append(job)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if mustSchedule { schedule() }
    }

    /// How many jobs wait.
    package var backlog: Int { state.withLock { $0.jobs.count } }

    private func schedule() {
        while !pool.submitBeyondCapacity(lane: lane, { self.runBatch(thenSchedule: true) }) {
            // The pool has ended: its order and exclusion are kept by `isScheduled`, which is ours.
            guard runBatch(thenSchedule: false) else { return }
        }
    }

    /// Runs up to a batch of jobs.
    ///
    /// - Returns: Whether jobs are left.
    @discardableResult
    private func runBatch(thenSchedule: Bool) -> Bool {
        for _ in 0..<Self.batch {
            let next = state.withLock { state in
                let job = state.jobs.popFirst()
                if job == nil { state.isScheduled = false }
                return job
            }
            guard let next else { return false }
            next()
        }
        if thenSchedule { schedule() }
        return true
    }
}
