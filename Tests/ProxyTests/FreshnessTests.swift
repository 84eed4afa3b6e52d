import Core
import RelayTesting
import Storage
import Testing
import Wire

/// Which answers are used again without asking (RFC 9111), seen from outside: the rules themselves are tested in Wire.
@Suite struct FreshnessTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var status: Int
        let fields: [(String, String)]
        let isReused: Bool

        init(_ section: String, _ fields: [(String, String)], status: Int = 200, reused: Bool) {
            testDescription = section
            self.status = status
            self.fields = fields
            isReused = reused
        }
    }

    private static let past = "Sun, 06 Nov 1994 08:49:37 GMT"
    private static let future = "Wed, 01 Jan 2098 00:00:00 GMT"

    static let rows: [Row] = [
        Row("4.2.1: max-age", [("Cache-Control", "max-age=100")], reused: true),
        Row("4.2.1: s-maxage goes before max-age", [("Cache-Control", "max-age=0, s-maxage=100")], reused: true),
        Row("4.2.1: s-maxage=0", [("Cache-Control", "s-maxage=0, max-age=100")], reused: false),
        Row("4.2.1: max-age goes before Expires", [("Cache-Control", "max-age=100"), ("Expires", past)], reused: true),
        Row("4.2.1: two values", [("Cache-Control", "max-age=100"), ("Cache-Control", "max-age=0")], reused: false),
        Row("5.2: several lines", [("Cache-Control", "public"), ("Cache-Control", "max-age=100")], reused: true),
        Row("5.2: upper case", [("CACHE-CONTROL", "MAX-AGE=100")], reused: true),
        Row("5.2: a quoted value", [("Cache-Control", "max-age=\"100\"")], reused: true),
        Row("5.2.3: unknown directives", [("Cache-Control", "odd=1, max-age=100, odd=\"no-store\"")], reused: true),
        Row("1.2.2: a huge lifetime", [("Cache-Control", "max-age=99999999999999999999")], reused: true),
        Row("4.2.1: an unreadable lifetime", [("Cache-Control", "max-age=1x")], reused: false),
        Row("5.3: Expires", [("Expires", future)], reused: true),
        Row("5.3: Expires in RFC 850 form", [("Expires", "Friday, 01-Jan-49 00:00:00 GMT")], reused: true),
        Row("5.3: Expires in asctime form", [("Expires", "Wed Jan  1 00:00:00 2098")], reused: true),
        Row("5.3: Expires in the past", [("Expires", past)], reused: false),
        Row("5.3: Expires of 0", [("Expires", "0")], reused: false),
        Row("5.3: Expires without sense", [("Expires", "soon")], reused: false),
        Row("5.1: an Age beyond the lifetime", [("Cache-Control", "max-age=100"), ("Age", "101")], reused: false),
        Row("5.1: a huge Age", [("Cache-Control", "max-age=100"), ("Age", "99999999999999999999")], reused: false),
        Row("5.1: an unreadable Age", [("Cache-Control", "max-age=100"), ("Age", "old")], reused: true),
        Row("4.2.3: an old Date", [("Cache-Control", "max-age=100"), ("Date", past)], reused: false),
        Row("4.2.2: heuristics", [("Last-Modified", past)], reused: true),
        Row("4.2.2: no heuristics for this status", [("Last-Modified", past)], status: 302, reused: false),
        Row("4.2.2: no heuristics without a date", [], reused: false),
        Row(
            "4.2.2: Expires leaves no room for heuristics", [("Last-Modified", past), ("Expires", "0")], reused: false),
        Row("5.2.2.3: must-understand", [("Cache-Control", "must-understand, no-store, max-age=100")], reused: true),
        Row(
            "5.2.2.3: must-understand of an unknown status",
            [("Cache-Control", "must-understand, no-store, max-age=100")], status: 299, reused: false),
        Row("3: an unknown status with freshness", [("Cache-Control", "max-age=100")], status: 299, reused: true),
        Row("3: an unknown status without", [("Last-Modified", past)], status: 299, reused: false),
        Row("3: 302 with freshness", [("Cache-Control", "max-age=100")], status: 302, reused: true),
        Row("RFC 6585: 429 is for one client", [("Cache-Control", "max-age=100")], status: 429, reused: false),
        Row("4.1: Vary by everything", [("Cache-Control", "max-age=100"), ("Vary", "a, *")], reused: false),
        Row("5.2.2.4: no-cache", [("Cache-Control", "no-cache, max-age=100")], reused: false),
        Row("5.2.2.5: no-store", [("Cache-Control", "max-age=100, no-store")], reused: false),
        Row("RFC 8246: immutable", [("Cache-Control", "max-age=100, immutable")], reused: true),
    ]

    @Test(arguments: rows)
    func `RFC 9111: used again or not`(_ row: Row) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.send(head(row.status, row.fields, length: 3) + Array("one".utf8))
                }
            }
            let client = try proxy.client()
            for _ in 0..<2 {
                let answer = try client.get(origin.url("/a"))
                #expect(answer.head.status == row.status)
                #expect(answer.text == "one")
                #expect(answer.head.fields.count(of: "Date") == 1, "section 6.6.1 of RFC 9110")
                #expect(answer.head.fields.list("Via").count == 1)
            }
            #expect(origin.requests.count == (row.isReused ? 1 : 2))
        }
    }

    @Test func `RFC 8246: what is immutable is not asked about when a client reloads`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(
                serving: [1], fields: [("Cache-Control", "max-age=100, immutable"), ("ETag", "\"1\"")])
            let client = try proxy.client()
            for control in ["max-age=9", "max-age=0", "max-age=0"] {
                _ = try client.get(origin.url("/a"), fields: ["Cache-Control": control])
            }
            #expect(origin.requests.count == 1)
            _ = try client.get(origin.url("/a"), fields: ["Cache-Control": "no-cache"])
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `RFC 9111 section 3.3: an answer that broke off is not used`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                let isFirst = session.index == 0
                try session.send(head(200, [("Cache-Control", "max-age=100")], length: 100_000))
                try session.send([UInt8](repeating: 7, count: isFirst ? 90_000 : 100_000))
            }
            let broken = try proxy.client()
            try broken.send("GET", origin.url("/a"))
            #expect(broken.failure() == .reset)
            #expect(try proxy.client().get(origin.url("/a")).body.count == 100_000)
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `RFC 9111 section 4.4: methods that nobody knows invalidate what they changed, of the same origin`()
        async throws
    {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let isChange = request.head.method == "FROB"
                    try session.respond(
                        fields: isChange
                            ? ["Location": "/b", "Content-Location": "http://other.example/c"]
                            : ["Cache-Control": "max-age=100"], text: "x")
                }
            }
            let client = try proxy.client()
            for path in ["/a", "/b", "/c"] { _ = try client.get(origin.url(path)) }
            _ = try client.ask("FROB", origin.url("/a"), fields: ["Content-Length": "0"])
            for path in ["/a", "/b", "/c"] { _ = try client.get(origin.url(path)) }
            #expect(origin.requests.dropFirst(4).map(\.target) == ["/a", "/b"])
        }
    }

    @Test func `RFC 9110 section 6.6.1: our own answers have a Date`() async throws {
        try await withProxy { proxy in
            let client = try proxy.client()
            let own = try client.get("http://127.0.0.1:9/", fields: ["Cache-Control": "only-if-cached"])
            #expect(own.head.fields.first("Date").flatMap { HTTPDate.parse($0) } != nil)
            let stranger = try proxy.connect()
            try stranger.send("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")
            #expect(try stranger.readResponse()?.head.fields.first("Date").flatMap { HTTPDate.parse($0) } != nil)
        }
    }
}
