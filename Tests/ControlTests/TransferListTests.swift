import Core
import Platform
import Sessions
import SessionsTesting
import Testing
import Wire

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct TransferListTests {
    static func transfer(_ session: SessionID, _ index: Int, size: Int64? = nil) -> OpenTransfer {
        OpenTransfer(
            session: session, method: "GET", url: "http://a.example/\(index)",
            started: ManualClock.start + .seconds(Int64(index)), stage: .delivering, source: "network",
            delivered: Int64(index), size: size)
    }

    @Test func transfersAreToldTheOldestFirst() async throws {
        try await ControlBench.run { (bench) async throws in
            #expect(try await bench.asAdmin("GET", "/transfers").text == #"{"transfers":[],"truncated":false}"#)
            let id = try #require(SessionID("abc"))
            bench.transfers.withLock { $0 = [Self.transfer(id, 2), Self.transfer(id, 1, size: 9)] }
            let reply = try await bench.asAdmin("GET", "/transfers")
            #expect(reply.status == 200 && reply.fields.first("Content-Type") == "application/json")
            let list = try #require(try JSONValue(parsing: reply.body)["transfers"]?.list)
            #expect(list.compactMap { $0["url"]?.text } == ["http://a.example/1", "http://a.example/2"])
            #expect(list[0]["session-id"] == "abc" && list[0]["method"] == "GET" && list[0]["stage"] == "delivering")
            #expect(list[0]["source"] == "network" && list[0]["delivered"] == 1 && list[0]["size"] == 9)
            #expect(list[0]["start-time"]?.text == (ManualClock.start + .seconds(1)).rfc3339 && list[1]["size"] == nil)
        }
    }

    @Test func moreThanTheLimitAreLeftOutAndToldSo() async throws {
        try await ControlBench.run { (bench) async throws in
            let id = try #require(SessionID("abc"))
            bench.transfers.withLock { $0 = (0..<1001).map { Self.transfer(id, $0) } }
            let answer = try JSONValue(parsing: try await bench.asAdmin("GET", "/transfers").body)
            #expect(answer["transfers"]?.list?.count == 1000 && answer["truncated"] == true)
        }
    }
}
