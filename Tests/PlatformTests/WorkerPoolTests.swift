import Core
import Platform
import Testing

@Suite(.timeLimit(.minutes(1))) struct WorkerPoolTests {
    /// A pool of one thread that is busy until the latch opens.
    private func busyPool(capacity: Int) -> (pool: WorkerPool, release: Latch) {
        let pool = WorkerPool(name: "test", threads: 1, capacity: capacity)
        let (started, release) = (Latch(), Latch())
        #expect(
            pool.submit {
                started.signal()
                release.wait()
            })
        started.wait()
        return (pool, release)
    }

    @Test func aFullPoolRefuses() {
        let (pool, release) = busyPool(capacity: 2)
        #expect(pool.submit {})
        #expect(pool.submit {})
        #expect(pool.queued == 2)
        #expect(!pool.submit {})
        release.signal()
        pool.stop()
    }

    @Test func aLaneThatFillsThePoolDoesNotShutOthersOutAndIsServedInTurn() {
        let (pool, release) = busyPool(capacity: 3)
        let order = Lock<[Int]>([])
        for _ in 0..<10 { _ = pool.submit(lane: 1) { order.withLock { $0.append(1) } } }
        #expect(pool.submit(lane: 2) { order.withLock { $0.append(2) } })
        release.signal()
        pool.stop()
        #expect(order.withLock { $0 } == [1, 2, 1, 1])
    }

    @Test func aLaneThatHasAllItMayHaveLeavesAThreadToOthers() {
        let pool = WorkerPool(name: "lanes", threads: 3, capacity: 100)
        let (started, release, other) = (Latch(count: 2), Latch(), Latch())
        let most = Lock((running: 0, most: 0))
        for _ in 0..<10 {
            #expect(
                pool.submit(lane: 1) {
                    most.withLock { most in
                        most.running += 1
                        most.most = max(most.most, most.running)
                    }
                    started.signal()
                    release.wait()
                    most.withLock { $0.running -= 1 }
                })
        }
        started.wait()
        // Long jobs of the other lane are running, and more of them wait.
        #expect(pool.submit(lane: 2) { other.signal() })
        other.wait()
        release.signal()
        pool.stop()
        #expect(most.withLock { $0.most } == 2)
    }

    @Test func jobsWithoutALaneMayHaveAllThreads() {
        let pool = WorkerPool(name: "nobody", threads: 3, capacity: 100)
        let (started, release) = (Latch(count: 3), Latch())
        for _ in 0..<3 {
            #expect(
                pool.submit {
                    started.signal()
                    release.wait()
                })
        }
        started.wait()
        release.signal()
        pool.stop()
    }

    @Test func aLaneOfLongJobsGetsNoMoreTimeThanOneOfShortJobs() {
        let (pool, release) = busyPool(capacity: 1_000)
        let order = Lock<[Int]>([])
        for (lane, time) in [(1, Duration.milliseconds(2)), (2, .microseconds(100))] {
            for _ in 0..<60 {
                #expect(
                    pool.submit(lane: lane) {
                        let end = MonotonicTime.now() + time
                        while MonotonicTime.now() < end {}
                        order.withLock { $0.append(lane) }
                    })
            }
        }
        release.signal()
        pool.stop()
        // When the short ones are done, which is after 6 ms of theirs, the others have had 6 as well.
        let long = order.withLock { order in order.prefix((order.lastIndex(of: 2) ?? 0) + 1).count { $0 == 1 } }
        #expect(long <= 15, "\(long) long jobs before the last short one")
    }

    @Test func stoppingRunsWhatWasAcceptedAndRefusesTheRest() {
        let (pool, release) = busyPool(capacity: 100)
        let done = Lock(0)
        for _ in 0..<50 { #expect(pool.submit { done.withLock { $0 += 1 } }) }
        startThread(name: "release") { release.signal() }
        pool.stop()
        #expect(done.withLock { $0 } == 50)
        #expect(!pool.submit {})
        pool.stop()
    }

    @Test func manyThreadsRunEachJobOnce() {
        let pool = WorkerPool(name: "many", threads: 4, capacity: 100_000)
        let seen = Lock([Int](repeating: 0, count: 10_000))
        for index in 0..<10_000 { #expect(pool.submit(lane: index % 7) { seen.withLock { $0[index] += 1 } }) }
        pool.stop()
        #expect(seen.withLock { $0.allSatisfy { $0 == 1 } })
    }

    @Test func aStrandKeepsOrderAndRunsOneJobAtATime() {
        let pool = WorkerPool(name: "strand", threads: 4, capacity: 1)
        let strands = (0..<8).map { Strand(pool: pool, lane: $0) }
        // Not locked on purpose: the strand is what guards each of them, and ThreadSanitizer looks on.
        final class Log: @unchecked Sendable { var values: [Int] = [] }
        let logs = strands.map { _ in Log() }
        for index in 0..<1000 {
            for (strand, log) in zip(strands, logs) { strand.submit { log.values.append(index) } }
        }
        pool.stop()
        for log in logs { #expect(log.values == Array(0..<1000)) }
    }

    @Test func aStrandWhosePoolHasEndedRunsOnTheCaller() {
        let pool = WorkerPool(name: "ended", threads: 1, capacity: 1)
        let strand = Strand(pool: pool)
        pool.stop()
        let order = Lock<[Int]>([])
        strand.submit {
            strand.submit { order.withLock { $0.append(2) } }
            order.withLock { $0.append(1) }
        }
        #expect(order.withLock { $0 } == [1, 2])
        #expect(strand.backlog == 0)
    }

    @Test func jobsThatSubmitToStrandsWhileStoppingAreNotLost() {
        let (pool, release) = busyPool(capacity: 10)
        let strand = Strand(pool: pool)
        let done = Lock(0)
        for _ in 0..<5 {
            #expect(pool.submit { strand.submit { done.withLock { $0 += 1 } } })
        }
        startThread(name: "release") { release.signal() }
        pool.stop()
        #expect(done.withLock { $0 } == 5)
    }
}
