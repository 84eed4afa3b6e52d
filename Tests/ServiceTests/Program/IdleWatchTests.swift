import Core
import Testing

@testable import fetch_service

@Suite struct IdleWatchTests {
    private func at(_ seconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    @Test func itEndsAfterTheTimeWithoutActivity() {
        var watch = IdleWatch(limit: .seconds(10), now: at(0), activity: [0])
        #expect(watch.look(now: at(9), activity: [0], sessions: 0) == .goOn)
        #expect(watch.look(now: at(10), activity: [0], sessions: 0) == .end)
    }

    @Test func activityStartsTheTimeAnew() {
        var watch = IdleWatch(limit: .seconds(10), now: at(0), activity: [0, 0])
        #expect(watch.look(now: at(9), activity: [0, 1], sessions: 0) == .goOn)
        #expect(watch.look(now: at(18), activity: [0, 1], sessions: 0) == .goOn)
        #expect(watch.look(now: at(19), activity: [0, 1], sessions: 0) == .end)
    }

    @Test func sessionsKeepItUntilSomethingHappensAgain() {
        var watch = IdleWatch(limit: .seconds(10), now: at(0), activity: [0])
        #expect(watch.look(now: at(10), activity: [0], sessions: 2) == .keptBySessions(2))
        #expect(watch.look(now: at(100), activity: [0], sessions: 2) == .goOn)
        // Their end is activity.
        #expect(watch.look(now: at(101), activity: [2], sessions: 0) == .goOn)
        #expect(watch.look(now: at(111), activity: [2], sessions: 0) == .end)
    }
}
