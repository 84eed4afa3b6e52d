import Core
import RelayTesting
import Storage
import Platform
import Testing
import Wire

/// What is answered without asking the origin, and what is asked of it first.
@Suite struct CachingTests {
    @Test(arguments: [100, 64 << 10, (64 << 10) + 1, 1_000_000], [false, true])
    func `the second request is a hit with the same bytes`(_ count: Int, _ isTLS: Bool) async throws {
        try await withProxy { proxy in
            let body = noise(count)
            let origin = try ScriptedOrigin(
                serving: body, fields: [("Cache-Control", "max-age=1000"), ("X-A", "b")], tls: isTLS)
            let client = try isTLS ? proxy.tunnel(to: origin) : proxy.client()
            let url = isTLS ? "/a" : origin.url("/a")
            for _ in 0..<3 {
                let answer = try client.get(url)
                #expect(answer.head.status == 200)
                #expect(answer.body == body)
                #expect(answer.head.fields.first("X-A") == "b")
                #expect(answer.head.fields.first("Content-Length") == String(count))
            }
            #expect(origin.requests.count == 1)
            let rows = try proxy.rows()
            #expect(rows.map(\.source) == ["network", "cache", "cache"])
            #expect(rows.allSatisfy { $0.row.digest == sha256(body) && $0.row.delivered == Int64(count) })
            // Another session shares it, and has it in its own record.
            let other = try proxy.client(proxy.other)
            if !isTLS {
                #expect(try other.get(url).body == body)
                #expect(try proxy.rows(proxy.other).map(\.row.digest) == [sha256(body)])
                #expect(origin.requests.count == 1)
            }
        }
    }

    @Test func `a hit has an Age and the origin's Date`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1], fields: [("Cache-Control", "max-age=1000"), ("Age", "7")])
            let client = try proxy.client()
            let first = try client.get(origin.url())
            let second = try client.get(origin.url())
            #expect(second.head.fields.first("Date") == first.head.fields.first("Date"))
            #expect(Int(second.head.fields.first("Age") ?? "") ?? -1 >= 7)
        }
    }

    @Test(arguments: [
        [("ETag", "\"v1\""), ("Cache-Control", "max-age=0")], [("ETag", "\"v1\""), ("Cache-Control", "no-cache")],
    ])
    func `what must be asked about is revalidated with one request`(_ fields: [(String, String)]) async throws {
        try await withProxy { proxy in
            let body = noise(200_000)
            let origin = try ScriptedOrigin(serving: body, fields: fields)
            let client = try proxy.client()
            for _ in 0..<3 { #expect(try client.get(origin.url("/a")).body == body) }
            #expect(origin.requests.count == 3)
            #expect(origin.requests.dropFirst().allSatisfy { $0.head.fields.first("If-None-Match") == "\"v1\"" })
            #expect(try proxy.rows().map(\.source) == ["network", "revalidated", "revalidated"])
        }
    }

    @Test(arguments: [["Cache-Control": "no-cache"], ["Pragma": "no-cache"], ["Cache-Control": "max-age=0"]])
    func `a client that asks for it gets it revalidated with one request`(_ fields: [String: String]) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(
                serving: [1, 2, 3], fields: [("ETag", "\"v1\""), ("Cache-Control", "max-age=1000")])
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            let (name, value) = try #require(fields.first)
            #expect(try client.get(origin.url("/a"), fields: [name: value]).body == [1, 2, 3])
            #expect(origin.requests.count == 2)
            #expect(origin.requests.last?.head.fields.first("If-None-Match") == "\"v1\"")
        }
    }

    @Test func `a stale answer that has changed is replaced`() async throws {
        try await withProxy { proxy in
            let version = Lock(1)
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    let now = version.withLock { $0 }
                    try session.respond(
                        fields: ["Cache-Control": now == 1 ? "max-age=0" : "max-age=1000", "ETag": "\"\(now)\""],
                        text: "version \(now)")
                }
            }
            let client = try proxy.client()
            #expect(try client.get(origin.url("/a")).text == "version 1")
            version.withLock { $0 = 2 }
            #expect(try client.get(origin.url("/a")).text == "version 2")
            #expect(try client.get(origin.url("/a")).text == "version 2")
            #expect(origin.requests.count == 2)
        }
    }

    @Test(arguments: ["no-store", "private", "private, max-age=1000"])
    func `what may not be shared is asked for by each session`(_ control: String) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1], fields: [("Cache-Control", control)])
            _ = try proxy.client().get(origin.url("/a"))
            _ = try proxy.client(proxy.other).get(origin.url("/a"))
            #expect(origin.requests.count == 2)
            // It is in the record all the same, and why it was not stored.
            let row = try #require(try proxy.rows().first)
            #expect(row.row.digest == sha256([1]))
            #expect(row.reason.contains("not cached"))
        }
    }

    @Test func `a request that says no-store leaves nothing`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1])
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"), fields: ["Cache-Control": "no-store"])
            _ = try client.get(origin.url("/a"))
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `Vary keeps variants apart`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    try session.respond(
                        fields: ["Cache-Control": "max-age=1000", "Vary": "Accept"],
                        text: request.head.fields.first("Accept") ?? "none")
                }
            }
            let client = try proxy.client()
            for _ in 0..<2 {
                #expect(try client.get(origin.url("/p"), fields: ["Accept": "a/json"]).text == "a/json")
                #expect(try client.get(origin.url("/p"), fields: ["Accept": "a/html"]).text == "a/html")
                #expect(try client.get(origin.url("/p")).text == "none")
            }
            #expect(origin.requests.count == 3)
        }
    }

    @Test func `Vary by everything is never reused`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1], fields: [("Cache-Control", "max-age=1000"), ("Vary", "*")])
            let client = try proxy.client()
            _ = try client.get(origin.url("/p"))
            _ = try client.get(origin.url("/p"))
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `paths that servers read differently are never shared`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1])
            let paths = ["/a/../b", "/a/%2e%2e/c", "/a\\b"]
            for path in paths {
                for session in [proxy.permissive, proxy.other] {
                    #expect(try proxy.client(session).get(origin.url(path)).head.status == 200, "\(path)")
                }
            }
            #expect(origin.requests.map(\.target) == paths.flatMap { [$0, $0] })
        }
    }

    @Test func `escapes of plain characters make no difference to the cache but other escapes do`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1])
            let client = try proxy.client()
            for path in ["/%7euser", "/~user", "/%7Euser"] { _ = try client.get(origin.url(path)) }
            #expect(origin.requests.map(\.target) == ["/%7euser"])
            for path in ["/a%2fb", "/a/b"] { _ = try client.get(origin.url(path)) }
            #expect(origin.requests.count == 3)
        }
    }

    @Test func `only-if-cached is 504 when nothing is stored and a hit otherwise`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1, 2])
            let client = try proxy.client()
            let none = try client.get(origin.url("/a"), fields: ["Cache-Control": "only-if-cached"])
            #expect(none.head.status == 504)
            #expect(origin.connectionCount == 0)
            _ = try client.get(origin.url("/a"))
            let hit = try client.get(origin.url("/a"), fields: ["Cache-Control": "only-if-cached"])
            #expect(hit.body == [1, 2])
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `a write makes what is stored useless`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1])
            let client = try proxy.client()
            _ = try client.get(origin.url("/a"))
            _ = try client.ask("PUT", origin.url("/a"), fields: ["Content-Length": "1"], body: [2])
            _ = try client.get(origin.url("/a"))
            #expect(origin.requests.map(\.head.method) == ["GET", "PUT", "GET"])
        }
    }

    @Test(arguments: [(404, "max-age=1000", 1), (404, "", 2), (500, "max-age=1000", 1), (301, "max-age=1000", 1)])
    func `errors are stored only when they say so`(_ status: Int, _ control: String, _ requests: Int) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.respond(
                        status, fields: control.isEmpty ? [:] : ["Cache-Control": control], text: "text")
                }
            }
            let client = try proxy.client()
            for _ in 0..<2 {
                let answer = try client.get(origin.url("/a"))
                #expect(answer.head.status == status)
                #expect(answer.text == "text")
            }
            #expect(origin.requests.count == requests)
            let rows = try proxy.rows(kind: .response)
            #expect(rows.count == 2)
            #expect(rows.allSatisfy { $0.row.digest == sha256(Array("text".utf8)) && $0.row.size == 4 })
        }
    }
}
