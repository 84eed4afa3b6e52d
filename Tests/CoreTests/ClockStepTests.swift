import Core
import Testing

/// A civil clock that was set is noticed beside one that never steps.
@Suite struct ClockStepTests {
    private static let noon = WallTime(seconds: 1_900_000_000)

    @Test(arguments: [(0, nil), (999, nil), (-999, nil), (1_000, 1_000), (-1_000, -1_000), (3_600_000, 3_600_000)])
    func `a step of a second or more is told, whatever has passed`(_ milliseconds: Int, _ expected: Int?) {
        for passed in [Duration.zero, .milliseconds(1), .seconds(90_000)] {
            let now = Self.noon + passed + .milliseconds(milliseconds)
            #expect(now.step(since: Self.noon, over: passed) == expected.map { .milliseconds($0) })
        }
    }
}
