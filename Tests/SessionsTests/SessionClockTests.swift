import Core
import Testing

@testable import Sessions

@Suite struct SessionClockTests {
    @Test func aLongSleepIsMadeOfShortOnesAndEndsWhenCancelled() async {
        var slept: [Duration] = []
        await SessionClock.nap(.seconds(100)) { slept.append($0) }
        #expect(slept == [30, 30, 30, 10].map(Duration.seconds))
        slept = []
        await SessionClock.nap(.seconds(21_600)) { piece in
            slept.append(piece)
            if slept.count == 3 { throw CancellationError() }
        }
        #expect(slept.count == 3)
        await SessionClock.nap(.zero) { _ in Issue.record("slept") }
    }
}
