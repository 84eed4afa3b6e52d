import Core
import Glibc
import Platform
import Sessions
import SessionsTesting
import Storage
import Testing
import Wire

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct LiveStreamTests {
    private static func run(
        adjust: @escaping (inout ControlSettings) -> Void = { _ in },
        _ body: (ControlBench, SessionID, _ token: String) async throws -> Void
    ) async throws {
        try await ControlBench.run(
            adjust: { settings in
                settings.livePoll = .milliseconds(5)
                settings.liveTransfers = .milliseconds(5)
                adjust(&settings)
            },
            { (bench) async throws in
                let (text, token) = try await bench.open()
                try await body(bench, try #require(SessionID(text)), token)
            })
    }

    private static func listen(
        _ bench: ControlBench, _ id: SessionID, _ query: String = "", _ fields: [(String, String)] = []
    ) throws -> ProbeStream {
        try ProbeStream(bench.probe, "/session/\(id)/live\(query)", [ControlBench.administrator] + fields)
    }

    private static func record(_ bench: ControlBench, _ id: SessionID, _ url: String) async throws {
        let row = ExchangeRow(
            session: id, category: .artifact, result: .approved,
            download: JSONValue.object(["url": .string(url)]).json)
        try await bench.recorder.commit([.exchange(row)])
    }

    @Test func aSessionIsToldFromItsBeginningToItsEnd() async throws {
        try await Self.run { (bench, id, token) async throws in
            try await Self.record(bench, id, "http://a.example/1")
            let stream = try Self.listen(bench, id)
            var text = try await stream.read(until: "event: state")
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(text.lowercased().contains("content-type: text/event-stream\r\n"))
            #expect(text.lowercased().contains("cache-control: no-store\r\n"))
            let entry = #"{"number":1,"category":"artifact","result":"Approved","url":"http://a.example/1"}"#
            #expect(text.contains("event: exchange\nid: 1\ndata: \(entry)\n\n"))
            #expect(try await stream.read(until: "active").contains(#"data: {"state":"active"}"# + "\n\n"))
            try await Self.record(bench, id, "http://a.example/2")
            #expect(try await stream.read(until: "/2").contains("id: 2\n"))
            bench.transfers.withLock { $0 = [TransferListTests.transfer(id, 7)] }
            text = try await stream.read(until: "event: transfers")
            text = try await stream.read(until: "http://a.example/7")
            bench.transfers.withLock { $0 = [] }
            #expect(try await stream.read(until: #""transfers":[]"#).contains("event: transfers"))
            _ = try await bench.revoke(id.text, token)
            #expect(try await stream.read(until: "revoked").contains("end-time"))
            #expect(try await bench.asAdmin("DELETE", "/session/\(id)").status == 200)
            text = try await stream.readToEnd()
            #expect(text.contains("event: end\ndata: {\"number\":2}\n\n") && text.hasSuffix("0\r\n\r\n"))
            #expect(bench.server.listenerCount == 0)
        }
    }

    @Test func whatIsRecordedJustBeforeTheEndIsTold() async throws {
        // So seldom is the record asked that it would be too late.
        try await Self.run(adjust: {
            $0.livePoll = .seconds(6)
            $0.lastNews = .seconds(5)
        }) { (bench, id, _) async throws in
            let streams = [try Self.listen(bench, id), try Self.listen(bench, id)]
            for stream in streams { _ = try await stream.read(until: "event: state") }
            for number in 1...150 { try await Self.record(bench, id, "http://a.example/\(number)") }
            #expect(try await bench.asAdmin("DELETE", "/session/\(id)").status == 200)
            for stream in streams {
                let text = try await stream.readToEnd()
                #expect(text.contains("id: 150\n") && text.contains("event: end\ndata: {\"number\":150}\n\n"))
            }
        }
    }

    @Test func theEndWaitsForNobodyWhoDoesNotListen() async throws {
        try await Self.run(adjust: {
            $0.stallTimeout = .seconds(60)
            $0.lastNews = .milliseconds(50)
        }) { (bench, id, _) async throws in
            let long = String(repeating: "x", count: 100_000)
            for _ in 0..<200 { try await Self.record(bench, id, "http://a.example/\(long)") }
            let stream = try Self.listen(bench, id)
            while bench.server.listenerCount == 0 { await Task.yield() }
            let before = MonotonicTime.now()
            #expect(try await bench.asAdmin("DELETE", "/session/\(id)").status == 200)
            #expect(MonotonicTime.now() - before < .seconds(20))
            _ = stream
        }
    }

    @Test(arguments: [("?after=2", []), ("", [("Last-Event-ID", "2")]), ("?after=0", [("Last-Event-ID", "2")])])
    func whoComesBackHearsTheRest(query: String, fields: [(String, String)]) async throws {
        try await Self.run { (bench, id, _) async throws in
            for number in 1...3 { try await Self.record(bench, id, "http://a.example/\(number)") }
            let stream = try Self.listen(bench, id, query, fields)
            let text = try await stream.read(until: "event: state")
            #expect(text.contains("id: 3\n") && !text.contains("id: 2\n"))
        }
    }

    @Test func manyExchangesComeInOrder() async throws {
        try await Self.run { (bench, id, _) async throws in
            for number in 1...250 { try await Self.record(bench, id, "http://a.example/\(number)") }
            let text = try await Self.listen(bench, id).read(until: "event: state")
            let numbers = text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.compactMap {
                Int($0.dropFirst(4))
            }
            #expect(numbers == Array(1...250))
        }
    }

    @Test(arguments: ["?after=-1", "?after=x", "?after=1.5", "?after="]) func numbersThatAreNoneAre400(
        query: String
    ) async throws {
        try await Self.run { (bench, id, _) async throws in
            #expect(try await bench.asAdmin("GET", "/session/\(id)/live\(query)").status == 400)
            #expect(try await bench.asAdmin("GET", "/session/unknown/live").status == 404)
            #expect(try await bench.probe.send("GET", "/session/\(id)/live").status == 401)
            let head = try await bench.asAdmin("HEAD", "/session/\(id)/live")
            #expect(head.status == 405 && head.fields.first("Allow") == "GET" && head.body.isEmpty)
        }
    }

    @Test func silenceIsBroken() async throws {
        try await Self.run(adjust: { $0.liveSilence = .milliseconds(20) }) { (bench, id, _) async throws in
            #expect(try await Self.listen(bench, id).read(until: "\n: nothing new\n\n").contains("event: state"))
        }
    }

    /// Longer than a request may take and longer than a connection may be idle.
    @Test func theDeadlineOfRequestsDoesNotCutIt() async throws {
        try await Self.run(adjust: {
            $0.readTimeout = .milliseconds(500)
            $0.liveSilence = .milliseconds(20)
        }) { (bench, id, _) async throws in
            let stream = try Self.listen(bench, id)
            _ = try await stream.read(until: "event: state")
            let began = MonotonicTime.now()
            while MonotonicTime.now() - began < .milliseconds(1_200) {
                _ = try await bench.probe.send("GET", "/status")
            }
            try await Self.record(bench, id, "http://a.example/late")
            #expect(try await stream.read(until: "/late").contains("id: 1\n"))
        }
    }

    @Test func oneListenerTooManyIsToldSo() async throws {
        try await Self.run(adjust: { $0.mostListeners = 2 }) { (bench, id, _) async throws in
            var streams = [try Self.listen(bench, id), try Self.listen(bench, id)]
            for stream in streams { _ = try await stream.read(until: "event: state") }
            let reply = try await bench.asAdmin("GET", "/session/\(id)/live")
            #expect(reply.status == 503 && reply.text.hasPrefix("2 live streams"), "\(reply.text)")
            // One that has gone makes room, though nothing was to be told.
            streams.removeLast()
            while bench.server.listenerCount > 1 { await Task.yield() }
            #expect(try await Self.listen(bench, id).read(until: "event: state").contains("200 OK"))
        }
    }

    @Test func whoTakesNothingIsCutOff() async throws {
        try await Self.run(adjust: { $0.stallTimeout = .milliseconds(100) }) { (bench, id, _) async throws in
            let long = String(repeating: "x", count: 100_000)
            for _ in 0..<200 { try await Self.record(bench, id, "http://a.example/\(long)") }
            let stream = try Self.listen(bench, id)
            while bench.server.listenerCount == 0 { await Task.yield() }
            while bench.server.listenerCount > 0 { await Task.yield() }
            let text = try await stream.readToEnd()
            #expect(text.utf8.count < 20_000_000 && !text.contains("event: end"))
        }
    }

    @Test func aStoppedServerEndsItAtOnce() async throws {
        let bench = try ControlBench(adjust: { $0.livePoll = .seconds(3600) })
        let id = try #require(SessionID(try await bench.open().id))
        let stream = try Self.listen(bench, id)
        _ = try await stream.read(until: "event: state")
        let before = MonotonicTime.now()
        await bench.server.stop(grace: .seconds(60))
        #expect(MonotonicTime.now() - before < .seconds(20))
        let text = try await stream.readToEnd()
        #expect(text.hasSuffix("0\r\n\r\n") && !text.contains("event: end"))
        try await bench.end()
    }

    @Test func aRecordThatCannotBeReadTearsIt() async throws {
        try await Self.run { (bench, id, _) async throws in
            let stream = try Self.listen(bench, id)
            _ = try await stream.read(until: "event: state")
            bench.records.state.withLock { $0.isReadable = false }
            #expect(try await stream.readToEnd().hasSuffix("0\r\n\r\n") == false)
            bench.records.state.withLock { $0.isReadable = true }
        }
    }
}
