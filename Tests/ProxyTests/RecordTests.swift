import Core
import Proxy
import RelayTesting
import Sessions
import Storage
import Platform
import Testing
import Wire

/// RULES "The record": nothing is delivered in full before its row is durable.
@Suite struct RecordTests {
    private static let held = 16 << 10

    @Test(arguments: ["length", "chunked", "close"])
    func `the end of a large body waits for the record`(_ framing: String) async throws {
        try await withProxy { proxy in
            let body = noise(500_000)
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    switch framing {
                    case "length": try session.send(head(200, [], length: body.count) + body)
                    case "chunked":
                        try session.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7a120\r\n")
                        try session.send(body)
                        try session.send("\r\n0\r\n\r\n")
                    default:
                        try session.send("HTTP/1.1 200 OK\r\n\r\n")
                        try session.send(body)
                        return
                    }
                }
            }
            let client = try proxy.client()
            let before = proxy.records.groups
            proxy.records.hold()
            try client.send("GET", origin.url("/a"))
            #expect(proxy.records.waitForCommit(beyond: before))
            // Everything that may come has been sent before the record was asked; read until nothing comes any more.
            let streamed = try client.connection.readUntil { $0.count >= body.count - Self.held }
            let early = streamed + client.connection.readWhatIsThere()
            #expect(early.count < body.count - Self.held + 1_000, "more than may: \(early.count)")
            proxy.records.release()
            let rest = try client.connection.readUntil {
                (early + $0).suffix(Self.held + 100).contains(body.suffix(Self.held))
            }
            #expect(!rest.isEmpty)
            let row = try #require(try proxy.rows().first)
            #expect(row.row.digest == sha256(body))
            #expect(row.row.delivered == Int64(body.count))
        }
    }

    @Test(arguments: ["GET", "HEAD"], [0, 1, 60_000])
    func `of a small answer nothing comes before the record`(_ method: String, _ count: Int) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: noise(count))
            let client = try proxy.client()
            let before = proxy.records.groups
            proxy.records.hold()
            try client.send(method, origin.url("/a"))
            #expect(proxy.records.waitForCommit(beyond: before))
            #expect(client.connection.readWhatIsThere().isEmpty)
            proxy.records.release()
            #expect(try client.answer(to: method).head.status == 200)
        }
    }

    @Test func `a hit waits for its own record`() async throws {
        try await withProxy { proxy in
            let body = noise(1_000)
            let origin = try ScriptedOrigin(serving: body)
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            let before = proxy.records.groups
            proxy.records.hold()
            try client.send("GET", origin.url("/a"))
            #expect(proxy.records.waitForCommit(beyond: before))
            #expect(client.connection.readWhatIsThere().isEmpty)
            proxy.records.release()
            #expect(try client.answer().body == body)
        }
    }

    @Test func `our own refusals wait for the record too`() async throws {
        try await withProxy { proxy in
            let client = try proxy.client()
            let before = proxy.records.groups
            proxy.records.hold()
            try client.send("TRACE", "http://a.example/")
            #expect(proxy.records.waitForCommit(beyond: before))
            #expect(client.connection.readWhatIsThere().isEmpty)
            proxy.records.release()
            #expect(try client.answer().head.status == 405)
        }
    }

    @Test(arguments: [1_000, 500_000])
    func `what cannot be recorded is not delivered and nothing more is asked`(_ count: Int) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: noise(count))
            proxy.records.fail(StoreError(.full, "write the record", "no space left"))
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            do {
                let answer = try client.answer()
                #expect(answer.head.status == 503)
                #expect(answer.text.contains("no space left in the service"))
            } catch let fault as ConnectionFault {
                #expect(fault.kind == .reset)
                #expect(count > 64 << 10, "a small one has not begun")
            }
            let next = try proxy.client().get(origin.url("/b"))
            #expect(next.head.status == 503)
            #expect(next.text.contains("no space left in the service"))
            #expect(origin.requests.count == 1)
            // When the record can be written again, the service finds out by itself.
            proxy.records.fail(nil)
            let deadline = Deadline()
            while try proxy.client().get(origin.url("/c")).head.status != 200 { try deadline.check() }
        }
    }

    @Test func `what the record rejects of one session keeps no other from being served`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: noise(100))
            // As when a session goes before an inspector has come to its verdict.
            proxy.records.fail(StoreError(.rejected, "record an exchange", "there is no such session"))
            #expect(try proxy.client().get(origin.url("/a")).head.status == 503)
            proxy.records.fail(nil)
            #expect(try proxy.client(proxy.other).get(origin.url("/b")).head.status == 200)
        }
    }

    @Test func `a record that is not written for seconds stops new requests`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1])
            let before = proxy.records.groups
            proxy.records.hold()
            let first = try proxy.client()
            try first.send("GET", origin.url("/a"))
            #expect(proxy.records.waitForCommit(beyond: before))
            let deadline = Deadline()
            var waiting: [ProxyClient] = []
            while true {
                let client = try proxy.client(patience: .milliseconds(200))
                try client.send("GET", origin.url("/\(waiting.count)"))
                if let answer = try? client.answer() {
                    #expect(answer.head.status == 503)
                    break
                }
                waiting.append(client)
                try deadline.check()
            }
            proxy.records.release()
            #expect(try first.answer().body == [1])
        }
    }

    @Test func `a client that leaves is recorded with what it got`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.send(head(200, [], length: 1_000_000) + noise(500_000))
                try session.waitForRelease()
            }
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            _ = try client.connection.read(exactly: 400_000)
            client.connection.reset()
            let row = try #require(try proxy.rows(kind: .failure, atLeast: 1).first)
            #expect(row.isTruncated)
            #expect((350_000...500_000).contains(row.row.delivered), "\(row.row.delivered)")
            #expect(row.row.digest == nil)
            origin.release()
        }
    }

    @Test func `numbers have no gaps whatever happens at once`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    if request.target.hasSuffix("3") { return session.reset() }
                    try session.respond(text: request.target)
                }
            }
            let done = Latch(count: 4)
            for number in 0..<4 {
                startThread(name: "client") {
                    defer { done.signal() }
                    guard let client = try? proxy.client() else { return }
                    for index in 0..<50 { _ = try? client.get(origin.url("/\(number)/\(index)")) }
                }
            }
            #expect(done.wait(atMost: .seconds(20)))
            let rows = try proxy.rows()
            #expect(rows.count == 200)
            #expect(rows.map(\.row.number) == Array(1...200))
            #expect(rows.filter { $0.row.category == .failure }.count == 20)
        }
    }

    @Test func `credentials stand in the record as marks only`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.respond(
                        302,
                        fields: [
                            "Set-Cookie": "id=hush1", "Location": "http://u:hush2@a.example/?X-Amz-Signature=hush3",
                        ])
                }
            }
            let client = try proxy.client()
            _ = try client.get(
                origin.url("/a?access_token=hush4&page=7"),
                fields: [
                    "Authorization": "Bearer hush5", "Cookie": "hush6", "PRIVATE-TOKEN": "hush7",
                    "Referer": "http://b.example/?token=hush8", "X-Plain": "seen",
                ])
            let row = try #require(try proxy.rows().first)
            #expect(!row.text.contains("hush"), "\(row.text)")
            #expect(!row.text.contains(ProxyFixture.token(of: "permissive")))
            #expect(!row.text.contains(ProxyClient.credentials(proxy.permissive)))
            #expect(row.url.contains("page=7"))
            #expect(row.text.contains("seen"))
            let mark = try #require(row.download["request-header"]?["Authorization"]?.texts.first)
            #expect(mark.hasPrefix("redacted:"))
            #expect(mark.utf8.count == 17)
            // Equal secrets have equal marks in a session and others elsewhere.
            #expect(mark == proxy.permissive.mark("Bearer hush5"))
            #expect(mark != proxy.other.mark("Bearer hush5"))
            // The origin has seen them, of course.
            #expect(origin.requests.first?.target.contains("hush4") == true)
        }
    }

    @Test func `a download has what the report needs`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(
                serving: Array("text".utf8), fields: [("Content-Type", "text/x-test"), ("X-A", "1"), ("X-A", "2")])
            _ = try proxy.client().get(origin.url("/a"), fields: ["User-Agent": "tester/1"])
            let row = try #require(try proxy.rows().first)
            #expect(row.row.category == .artifact)
            #expect(row.url == origin.url("/a"))
            #expect(row.download["method"]?.text == "GET")
            #expect(row.download["user-agent"]?.text == "tester/1")
            #expect(row.download["status"]?.text == "200 OK")
            #expect(row.download["content-type"]?.text == "text/x-test")
            #expect(row.download["response-header"]?["X-A"]?.texts == ["1", "2"])
            #expect(row.download["address"]?.text?.hasPrefix("127.0.0.1:") == true)
            let start = try #require(WallTime(rfc3339: row.download["start-time"]?.text ?? ""))
            let end = try #require(WallTime(rfc3339: row.download["end-time"]?.text ?? ""))
            #expect(start <= end)
            #expect(row.row.result != nil)
            #expect(row.judgement?["metadata"]?["sha256"]?.text == sha256(Array("text".utf8)).hex)
        }
    }
}
