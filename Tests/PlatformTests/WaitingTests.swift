import Core
import Platform
import Testing

@Suite(.timeLimit(.minutes(1))) struct WaitingTests {
    @Test func aLatchOpensAfterItsLastSignal() {
        let latch = Latch(count: 3)
        #expect(!latch.wait(atMost: .milliseconds(1)))
        for _ in 0..<3 { startThread(name: "signal") { latch.signal() } }
        #expect(latch.wait(atMost: .seconds(30)))
        #expect(latch.isOpen)
        latch.signal()
        #expect(latch.wait(until: MonotonicTime(nanoseconds: 0)))
    }

    @Test func aSemaphoreGivesEachPermitOnce() {
        let semaphore = Semaphore(2)
        #expect(semaphore.wait(atMost: .seconds(1)))
        #expect(semaphore.wait(atMost: .seconds(1)))
        #expect(!semaphore.wait(atMost: .milliseconds(1)))
        startThread(name: "give") { semaphore.signal() }
        #expect(semaphore.wait(atMost: .seconds(30)))
    }

    @Test func aLockKeepsThreadsApartAndLetsErrorsThrough() {
        struct Refusal: Error, Equatable {}
        let lock = Lock(0)
        let done = Latch(count: 4)
        for _ in 0..<4 {
            startThread(name: "count") {
                for _ in 0..<5000 { lock.withLock { $0 += 1 } }
                done.signal()
            }
        }
        done.wait()
        #expect(lock.withLock { $0 } == 20_000)
        #expect(throws: Refusal()) { try lock.withLock { _ throws(Refusal) in throw Refusal() } }
        #expect(lock.withLock { $0 } == 20_000)
    }
}
