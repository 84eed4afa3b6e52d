import Core
import Glibc
import Platform
import Testing

@Suite struct CountingTests {
    @Test func whatOneThreadCountsAnotherReads() {
        let counts = OwnedCounts(3)
        let done = Latch()
        startThread(name: "counting") {
            for _ in 0..<100_000 {
                counts.add(0)
                counts.add(2, 5)
            }
            done.signal()
        }
        var last = 0
        while !done.isOpen {
            let now = counts[0]
            #expect(now >= last, "a counter never goes back")
            last = now
        }
        #expect(counts.all == [100_000, 0, 500_000])
    }

    @Test func aGaugeGoesUpAndDown() {
        let count = OwnedCount()
        count.add()
        count.add(4)
        count.add(-2)
        #expect(count.current == 3)
        count.set(7)
        #expect(count.current == 7)
    }

    @Test func aDurationIsInTheFirstBucketWhoseBoundIsNotLess() {
        let bounds = DurationCounts.bounds.map { Int(($0 * 1_000_000_000).rounded()) }
        #expect(bounds.first == 25_000 && bounds.count == DurationCounts.bucketCount - 1)
        for (index, bound) in bounds.enumerated() {
            #expect(DurationCounts.bucket(of: bound) == index)
            #expect(DurationCounts.bucket(of: bound + 1) == index + 1)
            #expect(DurationCounts.bucket(of: bound - 1) == index)
        }
        #expect(DurationCounts.bucket(of: 0) == 0 && DurationCounts.bucket(of: -5) == 0)
        #expect(DurationCounts.bucket(of: .max) == DurationCounts.bucketCount - 1)
    }

    @Test func histogramsAddUp() {
        let (one, other) = (DurationHistogram(), DurationHistogram())
        for nanoseconds in [1, 30_000, 40_000] { one.add(nanoseconds: nanoseconds) }
        other.add(nanoseconds: 300_000_000_000)
        let sum = one.current + other.current
        #expect(sum.count == 4 && sum.nanoseconds == 300_000_070_001)
        #expect(sum.buckets[0] == 1 && sum.buckets[1] == 2 && sum.buckets.last == 1)
    }

    @Test func theKernelTellsWhatTheProcessUses() throws {
        let before = try ProcessUsage.current()
        let file = try Kernel.open("/dev/null", O_RDONLY)
        let after = try ProcessUsage.current()
        // Other tests may open and close as well.
        #expect(after.openDescriptors > 0 && abs(after.openDescriptors - before.openDescriptors) < 1_000)
        #expect(after.residentBytes > 1 << 20 && after.virtualBytes >= after.residentBytes)
        #expect(after.processorTime >= before.processorTime && after.processorTime > .zero)
        try file.close()
    }

    @Test func aPoolTellsHowItsQueueStands() {
        let pool = WorkerPool(name: "counted", threads: 1, capacity: 1)
        let (isRunning, mayEnd) = (Latch(), Latch())
        #expect(
            pool.submit {
                isRunning.signal()
                mayEnd.wait()
            })
        isRunning.wait()
        // One lane has twice the room while nothing of it waits.
        #expect(pool.submit {})
        #expect(!pool.submit {})
        #expect(
            pool.gauge == QueueGauge(name: "counted", waiting: 1, running: 1, capacity: 1, refused: 1))
        mayEnd.signal()
        pool.stop()
        #expect(pool.gauge.waiting == 0 && pool.gauge.running == 0)
    }
}
