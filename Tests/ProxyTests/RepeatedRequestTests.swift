import Cache
import Core
import Proxy
import RelayTesting
import Storage
import Testing
import Wire

/// Requests that are the same as one before go a shorter way, on which nothing may be different.
@Suite struct RepeatedRequestTests {
    private static let fresh = [("Cache-Control", "max-age=1000"), ("ETag", "\"1\""), ("X-A", "b")]

    /// What of a record must be the same however the answer was found.
    private static func essence(_ row: RecordedExchange) -> [String: JSONValue] {
        guard case .object(var members) = row.download else { return [:] }
        for name in ["start-time", "end-time", "duration-ns", "fill-duration-ns", "address"] { members[name] = nil }
        if case .object(var fields)? = members["response-header"] {
            fields["Age"] = nil
            members["response-header"] = .object(fields)
        }
        return members
    }

    @Test(arguments: [1, 10_000, 64 << 10, 100_000, 256 << 10, 300_000], [false, true])
    func `a repeated request gets the same answer and the same record`(_ count: Int, _ isTLS: Bool) async throws {
        try await withProxy { proxy in
            let body = noise(count)
            let origin = try ScriptedOrigin(serving: body, fields: Self.fresh, tls: isTLS)
            let client = try isTLS ? proxy.tunnel(to: origin) : proxy.client()
            let url = isTLS ? "/a?b=c" : origin.url("/a?b=c")
            let answers = try (0..<6).map { _ in try client.get(url, fields: ["User-Agent": "some/1", "X-Y": "z"]) }
            #expect(answers.allSatisfy { $0.body == body && $0.head.status == 200 })
            #expect(proxy.server.counters.repeatedHits == 4, "all but the first and the first hit")
            let heads = answers[1...].map { answer in
                var fields = answer.head.fields
                fields.remove("Age")
                return Set(fields.description.split(separator: "\r\n"))
            }
            #expect(heads.allSatisfy { $0 == heads[0] })
            let rows = try proxy.rows(atLeast: 6)
            #expect(rows.map(\.row.number) == [1, 2, 3, 4, 5, 6])
            for row in rows[2...] {
                #expect(Self.essence(row) == Self.essence(rows[1]))
                #expect(row.row.judgement == rows[1].row.judgement && row.row.result == rows[1].row.result)
                #expect(row.row.delivered == Int64(count) && row.row.digest == sha256(body))
                #expect(row.download["response-header"]?["Age"] != nil)
            }
            #expect(origin.requests.count == 1)
        }
    }

    @Test(arguments: [64 << 10 + 1, 256 << 10, 256 << 10 + 1])
    func `a body of middle size is in memory from its first hit on, and a large one never`(_ count: Int) async throws {
        try await withProxy { proxy in
            let body = noise(count)
            let origin = try ScriptedOrigin(serving: body, fields: Self.fresh)
            let client = try proxy.client()
            #expect(try client.get(origin.url("/a")).body == body)
            #expect(proxy.cache.rememberedBody(sha256(body)) == nil)
            for _ in 0..<3 { #expect(try client.get(origin.url("/a")).body == body) }
            #expect((proxy.cache.rememberedBody(sha256(body)) == body) == (count <= 256 << 10))
            #expect(proxy.server.counters.repeatedHits == 2)
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `a body that memory has let go is sent from where it is stored`() async throws {
        var options = ProxyOptions()
        options.bodyMemory = 250_000
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let body = noise(200_000, seed: request.head.target == Array("/a".utf8) ? 1 : 2)
                    try session.send(head(200, Self.fresh, length: body.count))
                    try session.send(body)
                }
            }
            let client = try proxy.client()
            let bodies = [noise(200_000, seed: 1), noise(200_000, seed: 2)]
            for round in 0..<6 {
                for (path, body) in zip(["/a", "/b"], bodies) {
                    #expect(try client.get(origin.url(path)).body == body, "\(path) in round \(round)")
                }
            }
            #expect(bodies.filter { proxy.cache.rememberedBody(sha256($0)) != nil }.count == 1)
            #expect(proxy.server.counters.repeatedHits == 8)
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `pipelined repetitions are answered in order`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let body = Array(request.head.target)
                    try session.send(head(200, Self.fresh, length: body.count))
                    try session.send(body)
                }
            }
            let client = try proxy.client()
            for path in ["/a", "/b", "/a", "/b"] { _ = try client.get(origin.url(path)) }
            let paths = (0..<60).map { $0 % 3 == 0 ? "/a" : "/b" }
            for path in paths { try client.send("GET", origin.url(path)) }
            for path in paths { #expect(String(decoding: try client.answer().body, as: UTF8.self) == path) }
            #expect(proxy.server.counters.repeatedHits == 60)
        }
    }

    @Test func `bytes of a repetition may come one by one`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2], fields: Self.fresh)
            let client = try proxy.client()
            for _ in 0..<3 { _ = try client.get(origin.url("/a")) }
            let request = "GET \(origin.url("/a")) HTTP/1.1\r\nHost: other.example\r\n\(client.authorization)\r\n"
            for byte in request.utf8 { try client.connection.send([byte]) }
            #expect(try client.answer().body == [1, 2])
        }
    }

    @Test func `a field more, a condition or a range is a request of its own`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2, 3, 4], fields: Self.fresh)
            let client = try proxy.client()
            for _ in 0..<3 { _ = try client.get(origin.url("/a")) }
            #expect(proxy.server.counters.repeatedHits == 1)
            for _ in 0..<3 {
                #expect(try client.get(origin.url("/a"), fields: ["Range": "bytes=1-2"]).body == [2, 3])
                #expect(try client.get(origin.url("/a"), fields: ["If-None-Match": "\"1\""]).head.status == 304)
                #expect(try client.ask("HEAD", origin.url("/a")).body.isEmpty)
            }
            #expect(proxy.server.counters.repeatedHits == 1)
            #expect(try client.get(origin.url("/a"), fields: ["Cache-Control": "no-cache"]).body == [1, 2, 3, 4])
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `what is invalidated is not repeated`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2, 3], fields: Self.fresh)
            let client = try proxy.client()
            for _ in 0..<3 { _ = try client.get(origin.url("/a")) }
            let before = origin.requests.count
            _ = try proxy.client(proxy.other).ask("POST", origin.url("/a"), fields: ["Content-Length": "0"])
            _ = try client.get(origin.url("/a"))
            #expect(origin.requests.count == before + 2, "the unsafe request, and a new download")
        }
    }

    @Test func `what is not fresh any more is not repeated`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2, 3], fields: [("Cache-Control", "max-age=2")])
            let client = try proxy.client()
            for _ in 0..<3 { _ = try client.get(origin.url("/a")) }
            let deadline = Deadline()
            while origin.requests.count < 2 {
                let age = Int(try client.get(origin.url("/a")).head.fields.first("Age") ?? "") ?? 0
                #expect(age < 2)
                try deadline.check()
            }
        }
    }

    @Test func `every session has its own answers, and none after its end`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2, 3], fields: Self.fresh)
            let (client, other) = (try proxy.client(), try proxy.client(proxy.other))
            for _ in 0..<3 {
                _ = try client.get(origin.url("/a"))
                _ = try other.get(origin.url("/a"))
            }
            #expect(try proxy.rows(atLeast: 3).count == 3)
            #expect(try proxy.rows(proxy.other, atLeast: 3).count == 3)
            await proxy.server.sessionClosed(proxy.permissive)
            #expect(client.failure() != nil || client.connection.isClosedByPeer)
            #expect(try other.get(origin.url("/a")).body == [1, 2, 3])
            let late = try proxy.client()
            #expect(try late.get(origin.url("/a")).head.status == 407)
            #expect(try proxy.rows().count == 3)
        }
    }

    @Test func `secrets of repeated requests are marks in every record`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2, 3], fields: Self.fresh)
            let client = try proxy.client()
            for _ in 0..<4 { _ = try client.get(origin.url("/a?token=verysecret")) }
            #expect(proxy.server.counters.repeatedHits == 2)
            for row in try proxy.rows(atLeast: 4) {
                #expect(!row.text.contains("verysecret") && row.url.contains("token=redacted:"))
                #expect(!row.text.lowercased().contains("proxy-authorization"))
            }
        }
    }

    @Test func `a repeated answer waits for its record, and is 503 when there can be none`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2, 3], fields: Self.fresh)
            let client = try proxy.client()
            for _ in 0..<3 { _ = try client.get(origin.url("/a")) }
            proxy.records.fail(StoreError(.full, "test", "no room"))
            #expect(try client.get(origin.url("/a")).head.status == 503)
        }
    }
}
