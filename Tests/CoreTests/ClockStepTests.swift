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

    @Test(arguments: [
        (Int64.min, "1677-09-21T00:12:43.145224192Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
        (Int64.max, "2262-04-11T23:47:16.854775807Z"),
    ])
    func `every time that there is can be written`(_ nanoseconds: Int64, _ text: String) {
        #expect(WallTime(nanoseconds: nanoseconds).rfc3339 == text)
    }
}
