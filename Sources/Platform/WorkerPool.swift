/// A fixed number of threads that run blocking jobs: file calls, digests, name look-ups, judging.
///
/// Bounded: at `capacity` waiting jobs `submit` refuses and the caller decides. Fair: lanes (one per session, say) are
/// served round robin, and a lane of which nothing waits is let in up to twice the capacity, so that a lane that fills
/// the queue slows others down but cannot shut them out. ``stop()`` runs what was accepted before it returns.
package final class WorkerPool: Sendable {
    package typealias Job = @Sendable () -> Void

    private struct State {
        var queue = LaneQueue<Job>()
        var running = 0
        var isStopping = false
        /// Set together with the last worker's decision to go; nothing is accepted from then on.
        var isFinished: Bool { isStopping && queue.isEmpty && running == 0 }
    }

    package let name: String
    package let capacity: Int
    private let state = Monitor(State())
    private let workersLeft: Latch

    package init(name: String, threads: Int, capacity: Int) {
        precondition(threads > 0 && capacity > 0, "a pool needs a thread and room for a job")
        self.name = name
        self.capacity = capacity
        workersLeft = Latch(count: threads)
        for index in 0..<threads {
            startThread(name: "\(name)-\(index)") { [state, workersLeft] in
                Self.work(state)
                workersLeft.signal()
            }
        }
    }

    /// Hands a job to the pool.
    ///
    /// The lane says for whom; lanes take turns. `false` means that the pool is full or stopped and the job will not run.
    package func submit(lane: Int = 0, _ job: @escaping Job) -> Bool {
        state.changeForOne { state in
            guard !state.isStopping else { return false }
            let limit = state.queue.count(lane: lane) == 0 ? capacity * 2 : capacity
            guard state.queue.count < limit else { return false }
            state.queue.append(job, lane: lane)
            return true
        }
    }

    /// Hands over a job whose number is bounded by the caller (see ``Strand``); only a pool that has ended refuses.
    func submitBeyondCapacity(lane: Int, _ job: @escaping Job) -> Bool {
        state.changeForOne { state in
            guard !state.isFinished else { return false }
            state.queue.append(job, lane: lane)
            return true
        }
    }

    /// How many jobs wait; a gauge.
    package var queued: Int { state.withLock { $0.queue.count } }

    /// How many jobs run; a gauge.
    package var running: Int { state.withLock { $0.running } }

    /// Refuses new jobs, runs the accepted ones and those that they hand to strands, and returns when all are done.
    ///
    /// Call it from outside the pool; a second call waits as well.
    package func stop() {
        state.change { $0.isStopping = true }
        workersLeft.wait()
    }

    private enum Next {
        case job(Job)
        case end
    }

    private static func work(_ state: Monitor<State>) {
        var hasRun = false
        while true {
            // The end of one job and the start of the next are one visit to the lock.
            let next: Next? = state.wait { state in
                if hasRun {
                    hasRun = false
                    state.running -= 1
                }
                if let job = state.queue.popFirst() {
                    state.running += 1
                    return .job(job)
                }
                return state.isFinished ? .end : nil
            }
            guard case .job(let run) = next else { break }
            run()
            hasRun = true
        }
        // The others may still wait for the job that has just turned out to be the last.
        state.change { _ in }
    }
}
