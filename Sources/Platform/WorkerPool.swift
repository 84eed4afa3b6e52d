import Core

/// A fixed number of threads that run blocking jobs: file calls, digests, name look-ups, judging.
///
/// Bounded: at `capacity` waiting jobs `submit` refuses and the caller decides. Fair: lanes (one per session, say) share
/// the pool's time (``FairLanes``), no lane has all of several threads, so that the short jobs of others need not wait for
/// its long ones, and a lane of which nothing waits is let in up to twice the capacity, so that a lane that fills the queue
/// slows others down but cannot shut them out. ``stop()`` runs what was accepted before it returns.
package final class WorkerPool: Sendable {
    package typealias Job = @Sendable () -> Void

    private struct State {
        var queue = FairLanes<Job>()
        var running = 0
        /// How many jobs of a lane run.
        var runningOf: [Int: Int] = [:]
        /// How many jobs were refused because the pool was full.
        var refused = 0
        var isStopping = false
        /// Set together with the last worker's decision to go; nothing is accepted from then on.
        var isFinished: Bool { isStopping && queue.isEmpty && running == 0 }
    }

    package let name: String
    package let capacity: Int
    private let state = Monitor(State())
    private let workersLeft: Latch
    /// Threads that one lane may have at a time.
    private let mostOfLane: Int

    /// - Parameters:
    ///   - name: What its threads are called.
    ///   - threads: How many.
    ///   - capacity: How many jobs may wait.
    ///   - givesWay: Whether its threads stand back when there is more to do than there are processors.
    package init(name: String, threads: Int, capacity: Int, givesWay: Bool = false) {
        precondition(threads > 0 && capacity > 0, "a pool needs a thread and room for a job")
        self.name = name
        self.capacity = capacity
        mostOfLane = max(1, threads - 1)
        workersLeft = Latch(count: threads)
        for index in 0..<threads {
            startThread(name: "\(name)-\(index)", givesWay: givesWay) { [state, mostOfLane, workersLeft] in
                Self.work(state, mostOfLane: mostOfLane)
                workersLeft.signal()
            }
        }
    }

    /// Hands a job to the pool.
    ///
    /// The lane says for whom; lanes take turns. `false` means that the pool is full or stopped and the job will not run.
    package func submit(lane: Int = WorkerPool.noLane, _ job: @escaping Job) -> Bool {
        state.changeForOne { state in
            guard !state.isStopping else { return false }
            let limit = state.queue.count(lane: lane) == 0 ? capacity * 2 : capacity
            guard state.queue.count < limit else {
                state.refused += 1
                return false
            }
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

    /// How the queue stands.
    package var gauge: QueueGauge {
        state.withLock { state in
            QueueGauge(
                name: name, waiting: state.queue.count, running: state.running, capacity: capacity,
                refused: state.refused)
        }
    }

    /// Refuses new jobs, runs the accepted ones and those that they hand to strands, and returns when all are done.
    ///
    /// Call it from outside the pool; a second call waits as well.
    package func stop() {
        close()
        workersLeft.wait()
    }

    /// As ``stop()``, but returns at once.
    package func close() { state.change { $0.isStopping = true } }

    /// The lane of those who name none; it may have all threads.
    package static let noLane = 0

    private enum Next {
        /// A job, and whether another thread may find one as well.
        case job(Job, lane: Int, isLast: Bool)
        case end
    }

    private static func work(_ state: Monitor<State>, mostOfLane: Int) {
        var ended: (lane: Int, nanoseconds: UInt64)?
        while true {
            // The end of one job and the start of the next are one visit to the lock.
            let next: Next? = state.wait { state in
                if let job = ended {
                    ended = nil
                    state.running -= 1
                    state.queue.charge(job.nanoseconds, lane: job.lane)
                    let left = (state.runningOf[job.lane] ?? 1) - 1
                    state.runningOf[job.lane] = left > 0 ? left : nil
                }
                let found = state.queue.popFirst {
                    $0 == noLane || state.runningOf[$0, default: 0] < mostOfLane
                }
                if let (job, lane) = found {
                    state.running += 1
                    state.runningOf[lane, default: 0] += 1
                    return .job(job, lane: lane, isLast: state.queue.isEmpty)
                }
                return state.isFinished ? .end : nil
            }
            guard case .job(let run, let lane, let isLast) = next else { break }
            // One that sleeps may do what waits for a lane to have fewer threads.
            if !isLast { state.wakeOne() }
            let began = MonotonicTime.now()
            run()
            ended = (lane, MonotonicTime.now().nanoseconds - began.nanoseconds)
        }
        // The others may still wait for the job that has just turned out to be the last.
        state.change { _ in }
    }
}
