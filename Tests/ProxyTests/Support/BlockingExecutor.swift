import Platform

/// Runs every job on a thread of its own, so that a test may block without starving the pool that all tests share.
final class BlockingExecutor: TaskExecutor {
    static let shared = BlockingExecutor()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        startThread(name: "test") { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
