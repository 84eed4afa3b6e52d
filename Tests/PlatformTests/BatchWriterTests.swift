import Core
import Platform
import Testing

@Suite struct BatchWriterTests {
    @Test func everythingSubmittedIsAppliedInOrderBeforeStopReturns() {
        let seen = Lock<[Int]>([])
        let writer = BatchWriter<Int>(name: "batch", mostPerBatch: 7) { batch in
            seen.withLock { $0 += batch }
        }
        for start in stride(from: 0, to: 1000, by: 10) { writer.submit(Array(start..<start + 10)) }
        writer.stop()
        #expect(seen.withLock { $0 } == Array(0..<1000))
        #expect(writer.waitingSince == nil)
    }

    @Test func whatWaitsBehindABusyWriterBecomesOneGroup() {
        let sizes = Lock<[Int]>([])
        let busy = Latch()
        let mayGoOn = Latch()
        let writer = BatchWriter<Int>(name: "batch", mostPerBatch: 100) { batch in
            busy.signal()
            mayGoOn.wait()
            sizes.withLock { $0.append(batch.count) }
        }
        writer.submit([0])
        busy.wait()
        for item in 1...40 { writer.submit([item]) }
        #expect(writer.waitingSince != nil)
        mayGoOn.signal()
        writer.stop()
        #expect(sizes.withLock { $0 } == [1, 40])
    }
}
