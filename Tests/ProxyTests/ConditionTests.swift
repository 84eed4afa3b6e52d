import Core
import RelayTesting
import Storage
import Testing
import Wire

/// Conditions, ranges and content codings that clients ask for.
@Suite struct ConditionTests {
    private static let tagged = [("Cache-Control", "max-age=1000"), ("ETag", "\"v1\"")]

    @Test func `a condition on a stored answer is answered by us and recorded with what it stands for`() async throws {
        try await withProxy { proxy in
            let body = noise(1_000)
            let origin = try ScriptedOrigin(serving: body, fields: Self.tagged)
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            let answer = try client.get(origin.url("/a"), fields: ["If-None-Match": "\"v1\""])
            #expect(answer.head.status == 304)
            #expect(answer.head.fields.first("ETag") == "\"v1\"")
            #expect(answer.body.isEmpty)
            #expect(origin.requests.count == 1)
            let row = try #require(try proxy.rows().last)
            #expect(row.row.category == .artifact)
            #expect(row.status == 304)
            #expect(row.download["stands-for"]?.text == sha256(body).hex)
            #expect(row.row.delivered == 0)
        }
    }

    @Test func `a condition on what is not stored fetches the whole and is answered by us`() async throws {
        try await withProxy { proxy in
            let body = noise(300_000)
            let origin = try ScriptedOrigin(serving: body, fields: Self.tagged)
            let client = try proxy.client()
            let answer = try client.get(origin.url("/a"), fields: ["If-None-Match": "\"v1\""])
            #expect(answer.head.status == 304)
            #expect(origin.requests.first?.head.fields.contains("If-None-Match") == false)
            let row = try #require(try proxy.rows().first)
            #expect(row.download["stands-for"]?.text == sha256(body).hex)
            #expect(try client.get(origin.url("/a")).body == body)
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `a condition that does not hold gets the whole`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2], fields: Self.tagged)
            let client = try proxy.client()
            for _ in 0..<2 {
                let answer = try client.get(origin.url("/a"), fields: ["If-None-Match": "\"v0\""])
                #expect(answer.head.status == 200)
                #expect(answer.body == [1, 2])
            }
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `If-Match that does not hold is 412`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2], fields: Self.tagged)
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            #expect(try client.get(origin.url("/a"), fields: ["If-Match": "\"v0\""]).head.status == 412)
        }
    }

    // MARK: Ranges

    @Test(arguments: [1_000, 200_000])
    func `a range of a complete body is 206`(_ count: Int) async throws {
        try await withProxy { proxy in
            let body = noise(count)
            let origin = try ScriptedOrigin(serving: body, fields: Self.tagged)
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            for (range, first, last) in [
                ("bytes=0-9", 0, 9), ("bytes=10-", 10, count - 1), ("bytes=-5", count - 5, count - 1),
            ] {
                let answer = try client.get(origin.url("/a"), fields: ["Range": range])
                #expect(answer.head.status == 206)
                #expect(answer.head.fields.first("Content-Range") == "bytes \(first)-\(last)/\(count)")
                #expect(answer.body == Array(body[first...last]))
                let row = try #require(try proxy.rows().last)
                #expect(row.row.digest == sha256(body))
                #expect(row.row.size == Int64(count))
                #expect(row.row.delivered == Int64(last - first + 1))
                #expect(row.download["range"]?.text != nil)
            }
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `a range of what is not stored comes from one download of the whole`() async throws {
        try await withProxy { proxy in
            let body = noise(1_000)
            let origin = try ScriptedOrigin(serving: body, fields: Self.tagged)
            let answer = try proxy.client().get(
                origin.url("/a"), fields: ["Range": "bytes=0-9", "If-Range": "\"v1\""])
            #expect(answer.head.status == 206)
            #expect(answer.body == Array(body[..<10]))
            let row = try #require(try proxy.rows().first)
            #expect(row.row.digest == sha256(body))
            #expect(row.download["range"]?.text == "bytes 0-9/1000")
            #expect(row.row.delivered == 10)
            let seen = try #require(origin.requests.first)
            #expect(!seen.head.fields.contains("Range"))
            #expect(!seen.head.fields.contains("If-Range"))
        }
    }

    @Test func `a range of a body of unknown length is the whole, also with a condition`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.send(
                        "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
                }
            }
            let answer = try proxy.client().get(
                origin.url("/a"), fields: ["Range": "bytes=1-2", "If-None-Match": "\"v0\""])
            #expect(answer.head.status == 200)
            #expect(answer.text == "hello")
        }
    }

    @Test func `If-Range of another version gets the whole`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: noise(100), fields: Self.tagged)
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            let answer = try client.get(origin.url("/a"), fields: ["Range": "bytes=0-9", "If-Range": "\"v0\""])
            #expect(answer.head.status == 200)
            #expect(answer.body.count == 100)
        }
    }

    @Test func `a range behind the end is 416`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: noise(100), fields: Self.tagged)
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            let none = try client.get(origin.url("/a"), fields: ["Range": "bytes=100-"])
            #expect(none.head.status == 416)
            #expect(none.head.fields.first("Content-Range") == "bytes */100")
        }
    }

    // MARK: Content coding

    /// Codes with gzip for those who ask for it, as most servers do.
    private static func coding(_ body: [UInt8], vary: Bool = true) throws -> ScriptedOrigin {
        try ScriptedOrigin { session in
            while let request = try session.readRequest() {
                let isCoded = request.head.fields.all("Accept-Encoding") == ["gzip"]
                var fields = [("Cache-Control", "max-age=1000"), ("ETag", isCoded ? "\"gz\"" : "\"id\"")]
                if vary { fields.append(("Vary", "Accept-Encoding")) }
                if isCoded { fields.append(("Content-Encoding", "gzip")) }
                let sent = isCoded ? gzip(body) : body
                try session.send(head(200, fields, length: sent.count) + sent)
            }
        }
    }

    @Test(arguments: [1_000, 500_000], [false, true])
    func `gzip is undone in the fill and everybody gets it so`(_ count: Int, _ varies: Bool) async throws {
        try await withProxy { proxy in
            let body = noise(count)
            let origin = try Self.coding(body, vary: varies)
            let client = try proxy.client()
            for _ in 0..<2 {
                let answer = try client.get(origin.url("/a"), fields: ["Accept-Encoding": "gzip, br;q=0.5"])
                #expect(answer.body == body)
                #expect(!answer.head.fields.contains("Content-Encoding"))
                #expect(answer.head.fields.first("ETag") == "W/\"gz\"")
            }
            #expect(origin.requests.count == 1)
            let rows = try proxy.rows()
            #expect(rows.allSatisfy { $0.row.digest == sha256(body) && $0.row.size == Int64(count) })
        }
    }

    @Test(arguments: [false, true])
    func `who does not accept gzip does not get what was decoded from it`(_ varies: Bool) async throws {
        try await withProxy { proxy in
            let origin = try Self.coding(noise(1_000), vary: varies)
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"), fields: ["Accept-Encoding": "gzip"])
            for refusal in ["identity", "gzip;q=0", "br"] {
                let answer = try client.get(origin.url("/a"), fields: ["Accept-Encoding": refusal])
                #expect(answer.head.fields.first("ETag") == "\"id\"")
            }
            #expect(try client.get(origin.url("/a")).head.fields.first("ETag") == "\"id\"")
            #expect(origin.requests.dropFirst().allSatisfy { $0.head.fields.all("Accept-Encoding") == ["identity"] })
        }
    }

    @Test func `a stale answer that was decoded is validated with the origin's own tag`() async throws {
        try await withProxy { proxy in
            let body = noise(1_000)
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let isKnown = request.head.fields.all("If-None-Match") == ["\"gz\""]
                    let fields = [
                        ("Cache-Control", "max-age=0"), ("ETag", "\"gz\""), ("Content-Encoding", "gzip"),
                    ]
                    let sent = isKnown ? [] : gzip(body)
                    try session.send(head(isKnown ? 304 : 200, fields, length: isKnown ? nil : sent.count) + sent)
                }
            }
            let client = try proxy.client()
            for _ in 0..<2 {
                #expect(try client.get(origin.url("/a"), fields: ["Accept-Encoding": "gzip"]).body == body)
            }
            #expect(try proxy.rows().map(\.source) == ["network", "revalidated"])
        }
    }

    @Test func `a coding that came unasked is content`() async throws {
        try await withProxy { proxy in
            let sent = gzip(Array("archive".utf8))
            let origin = try ScriptedOrigin(
                serving: sent, fields: [("Content-Encoding", "gzip"), ("Cache-Control", "max-age=1000")])
            let client = try proxy.client()
            let answer = try client.get(origin.url("/a.tar.gz"))
            #expect(answer.body == sent)
            #expect(answer.head.fields.first("Content-Encoding") == "gzip")
            #expect(try proxy.rows().first?.row.digest == sha256(sent))
        }
    }

    @Test func `several gzip members in a row are one body`() async throws {
        try await withProxy { proxy in
            let first = noise(1_000)
            let second = noise(70_000, seed: 2)
            let sent = gzip(first) + gzip(second)
            let origin = try ScriptedOrigin(serving: sent, fields: [("Content-Encoding", "gzip")])
            let answer = try proxy.client().get(origin.url("/a"), fields: ["Accept-Encoding": "gzip"])
            #expect(answer.body == first + second)
        }
    }
}
