import Glibc
import Platform
import Testing

@Suite struct ThreadTests {
    @Test(arguments: [false, true]) func aThreadGivesWayWhenItWasStartedSo(_ givesWay: Bool) {
        let priority = Lock<CInt?>(nil)
        let ended = Latch()
        startThread(name: "priority", givesWay: givesWay) {
            priority.withLock { $0 = getpriority(CInt(PRIO_PROCESS.rawValue), 0) }
            ended.signal()
        }
        ended.wait()
        #expect(priority.withLock { $0 } == (givesWay ? 10 : getpriority(CInt(PRIO_PROCESS.rawValue), 0)))
    }
}
