import Core
import Platform
import Sessions
import SessionsTesting
import Storage
import Testing
import Wire

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct SessionListTests {
    private func page(_ bench: ControlBench, _ query: String = "") async throws -> JSONValue {
        let reply = try await bench.asAdmin("GET", "/sessions\(query)")
        #expect(reply.status == 200 && reply.fields.first("Content-Type") == "application/json", "\(reply.text)")
        return try JSONValue(parsing: reply.body)
    }

    private func ids(_ page: JSONValue) -> [String] {
        page["sessions"]?.list?.compactMap { $0["session-id"]?.text } ?? []
    }

    @Test func sessionsAreToldWithWhatTheyDid() async throws {
        try await ControlBench.run { (bench) async throws in
            #expect(try await page(bench) == ["sessions": []])
            let (id, token) = try await bench.open(
                #"{"policy": "permissive", "timeout": 60, "name": "nightly é", "labels": {"arch": "riscv64", "": "x"}}"#
            )
            let session = try #require(SessionID(id))
            for category in [ExchangeRow.Category.artifact, .refusal, .refusal, .failure, .response] {
                let row = ExchangeRow(session: session, category: category, delivered: 10, download: Array("{}".utf8))
                try await bench.recorder.commit([.exchange(row)])
            }
            let first = try #require(try await page(bench)["sessions"]?.list?.first)
            #expect(first["session-id"]?.text == id && first["policy"] == "permissive" && first["state"] == "active")
            #expect(first["name"] == "nightly é" && first["labels"] == ["arch": "riscv64", "": "x"])
            #expect(first["timeout"] == 60 && first["age"]?.integer != nil && first["end-time"] == nil)
            #expect(WallTime(rfc3339: first["start-time"]?.text ?? "") != nil)
            #expect(
                first["totals"]
                    == ["exchanges": 5, "delivered": 50, "refused-requests": 2, "failed-transfers": 1])
            // What was counted is not counted again.
            try await bench.recorder.commit([
                .exchange(ExchangeRow(session: session, category: .failure, download: Array("{}".utf8)))
            ])
            _ = try await bench.revoke(id, token)
            let second = try #require(try await page(bench)["sessions"]?.list?.first)
            #expect(second["state"] == "revoked" && WallTime(rfc3339: second["end-time"]?.text ?? "") != nil)
            #expect(second["totals"]?["failed-transfers"] == 2 && second["totals"]?["refused-requests"] == 2)
            _ = try await bench.asAdmin("DELETE", "/session/\(id)")
            #expect(try await page(bench) == ["sessions": []])
        }
    }

    @Test func pagesHaveEverySessionOnceAndInOrder() async throws {
        try await ControlBench.run { (bench) async throws in
            var opened: [String] = []
            for _ in 0..<7 { opened.append(try await bench.open().id) }
            let whole = try await page(bench)
            #expect(ids(whole) == opened && whole["next"] == nil)
            var (seen, query) = ([String](), "?limit=3")
            while true {
                let page = try await page(bench, query)
                seen += ids(page)
                guard let next = page["next"]?.text else { break }
                query = "?limit=3&after=\(next)"
            }
            #expect(seen == opened)
            #expect(ids(try await page(bench, "?after=\(opened[4])")) == Array(opened[5...]))
            #expect(ids(try await page(bench, "?limit=1&after=\(opened[6])")).isEmpty)
        }
    }

    @Test func aCursorOutlivesItsSession() async throws {
        try await ControlBench.run { (bench) async throws in
            var opened: [String] = []
            for _ in 0..<4 { opened.append(try await bench.open().id) }
            let next = try #require(try await page(bench, "?limit=2")["next"]?.text)
            _ = try await bench.asAdmin("DELETE", "/session/\(opened[1])")
            #expect(ids(try await page(bench, "?after=\(next)")) == Array(opened[2...]))
        }
    }

    @Test(arguments: [
        "?limit=0", "?limit=501", "?limit=-1", "?limit=1.5", "?limit=x", "?limit=", "?limit",
        "?limit=99999999999999999999",
        "?after=", "?after=..%2f", "?after=0123456789abcdef", "?after=1-", "?after=1-A", "?after=x-abc", "?after=1-a-b",
    ])
    func parametersThatAreNoneAre400(query: String) async throws {
        try await ControlBench.run { (bench) async throws in
            let reply = try await bench.asAdmin("GET", "/sessions\(query)")
            #expect(reply.status == 400 && reply.text.contains("must be"), "\(reply.status) \(reply.text)")
        }
    }

    @Test func theLongestPageIsTaken() async throws {
        try await ControlBench.run { (bench) async throws in
            #expect(try await bench.asAdmin("GET", "/sessions?limit=500").status == 200)
            #expect(try await bench.asAdmin("GET", "/sessions?unknown=1").status == 200)
        }
    }

    @Test func talliesGoOnWhereTheyStopped() throws {
        let records = FakeRecords()
        let tallies = SessionTallies(records: records)
        let id = try #require(SessionID("abc"))
        for number in 1...1200 as ClosedRange<Int64> {
            let category: ExchangeRow.Category = number % 2 == 0 ? .refusal : .failure
            let row = ExchangeRow(session: id, number: number, category: category, download: [])
            records.state.withLock { $0.exchanges.append(row) }
        }
        let tally = try tallies.tally(of: id)
        #expect(tally.refused == 600 && tally.failed == 600)
        tallies.keep([])
        #expect(try tallies.tally(of: id) == tally)
    }
}
