import Cache
import Core
import Platform
import Storage
import Testing

/// Who downloads and who joins.
@Suite struct FillTableTests {
    private let key = FillKey(partition: .shared, key: "http://a.example/")

    @Test func `the first one leads and others follow until the download is closed`() {
        let table = FillTable()
        guard case .leader(let fill) = table.join(key), case .follower(let same) = table.join(key) else {
            Issue.record("roles are wrong")
            return
        }
        #expect(fill === same)
        #expect(table.count == 1)
        table.close(fill)
        #expect(table.count == 0)
        guard case .leader(let next) = table.join(key) else {
            Issue.record("a closed download is joined")
            return
        }
        // Closing the old one again does not touch the new one.
        table.close(fill)
        #expect(table.current(key) === next)
    }

    @Test func `partitions do not mix`() {
        let table = FillTable()
        let credentials = digest("secret")
        let keys: [FillKey] = [
            key, FillKey(partition: .session(session("a"), credentials: credentials), key: key.key),
            FillKey(partition: .session(session("b"), credentials: credentials), key: key.key),
            FillKey(partition: .session(session("a"), credentials: digest("other")), key: key.key),
        ]
        for key in keys {
            guard case .leader = table.join(key) else {
                Issue.record("\(key) follows")
                return
            }
        }
        #expect(table.count == 4)
    }

    @Test func `of many at once exactly one leads`() {
        let table = FillTable()
        let leaders = Lock(0)
        let done = Latch(count: 8)
        for _ in 0..<8 {
            startThread(name: "joiner") { [key] in
                for _ in 0..<100 { if case .leader = table.join(key) { leaders.withLock { $0 += 1 } } }
                done.signal()
            }
        }
        #expect(done.wait(atMost: .seconds(20)))
        #expect(leaders.withLock { $0 } == 1)
    }

    @Test func `who looked too early looks again instead of downloading`() {
        let table = FillTable()
        var asked = 0
        let isOver = {
            asked += 1
            return true
        }
        if table.join(key, unless: isOver) != nil { Issue.record("a download begins") }
        #expect(asked == 1 && table.count == 0)
        guard case .leader(let fill)? = table.join(key) else {
            Issue.record("nobody leads")
            return
        }
        // What is in progress is joined, whatever has ended before.
        guard case .follower? = table.join(key, unless: isOver) else {
            Issue.record("somebody downloads it as well")
            return
        }
        #expect(asked == 1)
        table.close(fill)
    }
}
