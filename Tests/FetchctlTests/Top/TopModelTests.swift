import Core
import Testing

@testable import fetchctl

/// What top's tests show.
enum TopSample {
    static func session(_ id: String, age: Int64 = 10, exchanges: Int64 = 0, delivered: Int64 = 0, name: String = "")
        -> ListedSession
    {
        let value: JSONValue = [
            "session-id": .string(id), "name": .string(name), "labels": ["arch": "amd64"], "policy": "strict",
            "state": "active", "start-time": "2031-04-05T06:07:08.123456789Z", "age": .integer(age), "timeout": 3600,
            "totals": [
                "exchanges": .integer(exchanges), "delivered": .integer(delivered), "refused-requests": 1,
                "failed-transfers": 2,
            ],
        ]
        guard let session = ListedSession(value) else { preconditionFailure("a session has an id") }
        return session
    }

    static func transfer(_ session: String, _ url: String, delivered: Int64 = 0, size: Int64? = nil) -> ListedTransfer {
        var members: [String: JSONValue] = [
            "session-id": .string(session), "method": "GET", "url": .string(url),
            "start-time": "2031-04-05T06:07:08.123456789Z", "stage": "delivering", "source": "network",
            "delivered": .integer(delivered),
        ]
        if let size { members["size"] = .integer(size) }
        guard let transfer = ListedTransfer(.object(members)) else { preconditionFailure("a transfer has a URL") }
        return transfer
    }

    static func snapshot(
        _ sessions: [ListedSession], _ transfers: [ListedTransfer] = [], second: UInt64 = 0
    ) -> TopSnapshot {
        TopSnapshot(
            sessions: sessions, transfers: transfers, taken: MonotonicTime(nanoseconds: second * 1_000_000_000),
            time: WallTime(rfc3339: "2031-04-05T06:08:08Z") ?? .now())
    }
}

@Suite struct TopModelTests {
    private func model(_ ids: [String]) -> TopModel {
        var model = TopModel()
        model.take(TopSample.snapshot(ids.enumerated().map { TopSample.session($1, age: Int64(100 - $0)) }))
        return model
    }

    @Test func theOldestIsFirstAndSelected() {
        let model = model(["a", "b", "c"])
        #expect(model.sessions.map(\.id) == ["a", "b", "c"] && model.selected == "a")
    }

    @Test func keysMoveTheSelectionAndStopAtTheEnds() {
        var model = model((0..<20).map { "s\($0)" })
        for (key, expected) in [
            (.down, 1), (.down, 2), (.up, 1), (.up, 0), (.up, 0), (.pageDown, 8), (.last, 19), (.down, 19),
            (.pageUp, 11), (.first, 0), (.pageUp, 0),
        ] as [(TopKey, Int)] {
            #expect(model.press(key, page: 8) == .nothing)
            #expect(model.selectedIndex == expected, "\(key)")
        }
    }

    @Test func theSelectionStaysWithItsSessionAndPassesOnWhenItIsGone() {
        var model = model(["a", "b", "c"])
        _ = model.press(.down, page: 1)
        model.take(
            TopSample.snapshot([TopSample.session("z", age: 500), TopSample.session("b"), TopSample.session("c")]))
        #expect(model.selected == "b")
        _ = model.press(.enter, page: 1)
        #expect(model.showsDetails)
        model.take(TopSample.snapshot([TopSample.session("z"), TopSample.session("c")]))
        #expect(model.selected == "z" || model.selected == "c")
        #expect(!model.showsDetails)
        model.take(TopSample.snapshot([]))
        #expect(model.selected == nil)
        for key in [TopKey.up, .down, .enter, .pageDown, .last, .back, .sort] {
            #expect(model.press(key, page: 5) == .nothing && !model.showsDetails)
        }
    }

    @Test func detailsAreLeftBeforeTheProgramIs() {
        var model = model(["a"])
        _ = model.press(.enter, page: 1)
        #expect(model.press(.quit, page: 1) == .nothing && !model.showsDetails)
        _ = model.press(.enter, page: 1)
        #expect(model.press(.back, page: 1) == .nothing && !model.showsDetails)
        #expect(model.press(.back, page: 1) == .nothing)
        #expect(model.press(.quit, page: 1) == .quit)
    }

    @Test func sortingGoesThroughAllOrders() {
        var model = TopModel()
        model.take(
            TopSample.snapshot([
                TopSample.session("a", age: 30, exchanges: 1, delivered: 5, name: "z"),
                TopSample.session("b", age: 20, exchanges: 9, delivered: 6, name: "y"),
                TopSample.session("c", age: 10, exchanges: 5, delivered: 9, name: "x"),
            ]))
        var seen: [TopModel.Order: [String]] = [:]
        for _ in TopModel.Order.allCases {
            seen[model.order] = model.sessions.map(\.id)
            _ = model.press(.sort, page: 1)
        }
        #expect(model.order == .age)
        #expect(
            seen == [
                .age: ["a", "b", "c"], .rate: ["a", "b", "c"], .delivered: ["c", "b", "a"],
                .requests: ["b", "c", "a"], .name: ["c", "b", "a"],
            ])
    }

    @Test func ratesCountWhatIsUnderWayAndDoNotDropWhenItIsDone() {
        var model = TopModel()
        let transfer = { (bytes: Int64) in TopSample.transfer("a", "https://a.example/x", delivered: bytes) }
        model.take(TopSample.snapshot([TopSample.session("a", delivered: 1000)], [transfer(0)], second: 1))
        #expect(model.rates.total == 0)
        model.take(TopSample.snapshot([TopSample.session("a", delivered: 1000)], [transfer(4000)], second: 3))
        #expect(model.rates.sessions["a"] == 2000)
        #expect(model.rates.transfers[TopRates.key(transfer(0))] == 2000)
        model.take(TopSample.snapshot([TopSample.session("a", delivered: 6000)], [], second: 4))
        #expect(model.rates.sessions["a"] == 1500 && model.rates.transfers.isEmpty)
        // Not negative, whatever the service says.
        model.take(TopSample.snapshot([TopSample.session("a", delivered: 0)], [], second: 5))
        #expect(model.rates.sessions["a"] == 750)
        // A clock that stands still changes nothing.
        model.take(TopSample.snapshot([TopSample.session("a", delivered: 9000)], [], second: 5))
        #expect(model.rates.sessions["a"] == 750)
    }

    @Test func keysAreReadFromWhatTerminalsSend() {
        for (text, keys) in [
            ("jk", [.down, .up]), ("\u{1b}[A\u{1b}[B", [.up, .down]), ("\u{1b}OA\u{1b}OB", [.up, .down]),
            ("\u{1b}", [.back]), ("\u{1b}\u{1b}", [.back, .back]), ("\r\n", [.enter, .enter]), ("q", [.quit]),
            ("\u{1b}[5~\u{1b}[6~", [.pageUp, .pageDown]), ("\u{1b}[H\u{1b}[4~gG", [.first, .last, .first, .last]),
            ("\u{1b}[1;5A", [.up]), ("\u{1b}[200~x\u{1b}[", []), ("sz\u{7f}", [.sort, .back]), ("", []),
        ] as [(String, [TopKey])] {
            #expect(TopKey.keys(in: Array(text.utf8)) == keys, "\(Array(text.utf8))")
        }
        #expect(TopKey.keys(in: [0xff, 0x00, 0x9b, UInt8(ascii: "q")]) == [.quit])
    }
}
