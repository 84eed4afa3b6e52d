import Core
import Platform
import RelayTesting
import Storage
import Testing
import Wire

/// Serving what is stale (RFC 9111, section 4.2.4; RFC 5861) and what validation changes (section 4.3).
@Suite struct StaleTests {
    /// Answers with version 1, 304 for its tag, and after the first answer as `later` says.
    private static func changing(
        _ control: String, _ later: @escaping @Sendable (inout OriginSession, SeenRequest) throws -> Void
    ) throws -> ScriptedOrigin {
        let count = Lock(0)
        return try ScriptedOrigin { session in
            while let request = try session.readRequest() {
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                if number == 1 {
                    try session.respond(
                        fields: ["Cache-Control": control, "ETag": "\"1\"", "Age": "5", "X-A": "old"], text: "one")
                } else {
                    try later(&session, request)
                }
            }
        }
    }

    @Test func `RFC 5861 section 3: a stale answer goes at once and one request revalidates it`() async throws {
        try await withProxy { proxy in
            let origin = try Self.changing("max-age=1, stale-while-revalidate=1000") { session, _ in
                try session.waitForRelease()
                try session.respond(fields: ["Cache-Control": "max-age=1000", "ETag": "\"2\""], text: "two")
            }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            for _ in 0..<3 {
                let answer = try client.get(origin.url("/a"))
                #expect(answer.text == "one")
                #expect(Int(answer.head.fields.first("Age") ?? "") ?? 0 >= 5)
                #expect(answer.head.fields.first("Cache-Status")?.hasSuffix("detail=stale-while-revalidate") == true)
            }
            #expect(origin.waitForRequests(2))
            #expect(origin.requests.last?.head.fields.first("If-None-Match") == "\"1\"")
            origin.release()
            let deadline = Deadline()
            while try client.get(origin.url("/a")).text != "two" { try deadline.check() }
            #expect(origin.requests.count == 2)
            #expect(try proxy.rows().allSatisfy { $0.row.digest != nil })
        }
    }

    @Test func `RFC 9111 section 5.2.1.7: only-if-cached takes a stale answer and asks nobody`() async throws {
        try await withProxy { proxy in
            let origin = try Self.changing("max-age=1, stale-while-revalidate=1000") { _, _ in }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            #expect(try client.get(origin.url("/a"), fields: ["Cache-Control": "only-if-cached"]).text == "one")
            #expect(origin.requests.count == 1)
        }
    }

    @Test(arguments: [500, 502, 503, 504, 0])
    func `RFC 5861 section 4: a stale answer stands in for an error`(_ status: Int) async throws {
        try await withProxy { proxy in
            let origin = try Self.changing("max-age=1, stale-if-error=1000") { session, _ in
                if status == 0 { return session.reset() }
                try session.respond(status, fields: ["Cache-Control": "max-age=50"], text: "sorry")
            }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            for count in 2...3 {
                let answer = try client.get(origin.url("/a"))
                #expect(answer.head.status == 200)
                #expect(answer.text == "one")
                let wanted = status == 0 ? "; fwd=stale; ttl=" : "; fwd=stale; fwd-status=\(status); ttl="
                #expect(answer.head.fields.first("Cache-Status")?.contains(wanted) == true)
                // The error, fresh as it was, has not taken the place of the answer.
                #expect(origin.requests.count >= count)
            }
        }
    }

    @Test(arguments: [
        ("max-age=1", 503), ("max-age=1, stale-if-error=1000, must-revalidate", 503),
        ("max-age=1, stale-if-error=1000, proxy-revalidate", 503), ("s-maxage=1, stale-if-error=1000", 503),
        ("no-cache, stale-if-error=1000", 503), ("max-age=1, stale-if-error=1", 503),
        ("max-age=1, stale-if-error=1000", 501), ("max-age=1, stale-if-error=1000", 404),
    ])
    func `RFC 9111 section 4.2.4: nothing stands in where that is forbidden`(_ control: String, _ status: Int)
        async throws
    {
        try await withProxy { proxy in
            let origin = try Self.changing(control) { session, _ in try session.respond(status, text: "sorry") }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            let answer = try client.get(origin.url("/a"))
            #expect(answer.head.status == status)
            #expect(answer.text == "sorry")
        }
    }

    @Test func `RFC 5861 section 4: the request may allow it too, and no-cache forbids it`() async throws {
        try await withProxy { proxy in
            let origin = try Self.changing("max-age=1") { session, _ in try session.respond(503, text: "sorry") }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            let allowed = try client.get(origin.url("/a"), fields: ["Cache-Control": "stale-if-error=100"])
            #expect(allowed.text == "one")
            let forbidden = try client.get(
                origin.url("/a"), fields: ["Cache-Control": "stale-if-error=100, no-cache"])
            #expect(forbidden.head.status == 503)
        }
    }

    @Test func `RFC 5861 section 4: all who wait for the error get the stale answer`() async throws {
        try await withProxy { proxy in
            let origin = try Self.changing("max-age=1, stale-if-error=1000") { session, _ in
                try session.waitForRelease()
                session.reset()
            }
            _ = try proxy.client().get(origin.url("/a"))
            let clients = try (0..<4).map { _ in try proxy.client() }
            for client in clients { try client.send("GET", origin.url("/a")) }
            try proxy.waitForReaders(4, of: origin.url("/a"))
            for _ in 0..<2 { origin.release() }
            for client in clients { #expect(try client.answer().text == "one") }
        }
    }

    // MARK: Validation

    @Test func `RFC 9111 section 4.3.4: a 304 freshens the stored fields`() async throws {
        try await withProxy { proxy in
            let origin = try Self.changing("max-age=1") { session, _ in
                try session.respond(304, fields: ["Cache-Control": "max-age=1000", "ETag": "\"1\"", "X-A": "new"])
            }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            for _ in 0..<2 {
                let answer = try client.get(origin.url("/a"))
                #expect(answer.text == "one")
                #expect(answer.head.fields.all("X-A") == ["new"])
                #expect(Int(answer.head.fields.first("Age") ?? "") ?? 9 < 5)
            }
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `RFC 9111 section 4.3.5: the answer to a HEAD freshens what is stored`() async throws {
        try await withProxy { proxy in
            let origin = try Self.changing("max-age=1") { session, request in
                #expect(request.head.method == "HEAD")
                try session.send(
                    head(200, [("Cache-Control", "max-age=1000"), ("ETag", "\"1\""), ("X-A", "new")], length: 3))
            }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            #expect(try client.ask("HEAD", origin.url("/a")).head.status == 200)
            let answer = try client.get(origin.url("/a"))
            #expect(answer.text == "one")
            #expect(answer.head.fields.first("X-A") == "new")
            #expect(origin.requests.count == 2)
        }
    }

    @Test(arguments: [("\"2\"", 3), ("\"1\"", 4)])
    func `RFC 9111 section 4.3.5: a HEAD that tells of another body outdates it`(_ tag: String, _ length: Int)
        async throws
    {
        try await withProxy { proxy in
            let origin = try Self.changing("max-age=1000") { session, request in
                if request.head.method == "HEAD" {
                    try session.send(head(200, [("ETag", tag)], length: length))
                } else {
                    #expect(!request.head.fields.contains("If-None-Match"))
                    try session.respond(fields: ["ETag": "\"2\""], text: "two")
                }
            }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            _ = try client.ask("HEAD", origin.url("/a"), fields: ["Cache-Control": "no-cache"])
            #expect(try client.get(origin.url("/a")).text == "two")
            #expect(origin.requests.count == 3)
        }
    }

    @Test func `RFC 9111 section 4.3.5: a HEAD in another coding tells nothing about what is stored`() async throws {
        try await withProxy { proxy in
            let origin = try Self.changing("max-age=1000") { session, _ in
                try session.send(head(200, [("ETag", "\"gz\""), ("Content-Encoding", "gzip")], length: 2))
            }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            _ = try client.ask("HEAD", origin.url("/a"), fields: ["Cache-Control": "no-cache"])
            #expect(try client.get(origin.url("/a")).text == "one")
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `RFC 9110 section 13.1.1: If-Match is refused only after the origin was asked`() async throws {
        try await withProxy { proxy in
            let origin = try Self.changing("max-age=1000") { session, request in
                #expect(request.head.fields.all("If-None-Match") == ["\"1\""])
                try session.respond(fields: ["Cache-Control": "max-age=1000", "ETag": "\"2\""], text: "two")
            }
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            #expect(try client.get(origin.url("/a"), fields: ["If-Match": "\"1\""]).text == "one")
            #expect(origin.requests.count == 1)
            #expect(try client.get(origin.url("/a"), fields: ["If-Match": "\"2\""]).text == "two")
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `RFC 9110 section 13.2.2: conditions count in their order`() async throws {
        try await withProxy { proxy in
            let modified = "Sun, 06 Nov 1994 08:49:37 GMT"
            let origin = try ScriptedOrigin(
                serving: [1, 2],
                fields: [("Cache-Control", "max-age=1000"), ("ETag", "\"1\""), ("Last-Modified", modified)])
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            let cases: [(KeyValuePairs<String, String>, Int)] = [
                (["If-Modified-Since": modified], 304),
                (["If-None-Match": "\"0\"", "If-Modified-Since": modified], 200),
                (["If-Match": "\"1\"", "If-None-Match": "\"1\""], 304),
                (["If-Match": "*", "If-Unmodified-Since": "Sat, 01 Jan 1994 00:00:00 GMT"], 200),
                (["If-None-Match": "W/\"1\""], 304), (["If-None-Match": "*"], 304),
                (["If-None-Match": "\"1\"", "Range": "bytes=0-0"], 304),
                (["If-None-Match": "\"0\"", "Range": "bytes=0-0"], 206),
                (["Range": "bytes=0-0", "If-Range": "\"1\""], 206),
                (["Range": "bytes=0-0", "If-Range": "W/\"1\""], 200),
                (["Range": "bytes=0-0", "If-Range": modified], 206),
            ]
            for (fields, status) in cases {
                #expect(try client.get(origin.url("/a"), fields: fields).head.status == status, "\(fields)")
            }
            #expect(origin.requests.count == 1)
        }
    }
}
