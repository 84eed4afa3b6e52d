import RelayTesting
import Storage
import Testing
import Wire

/// What reaches the origin and what reaches the client, field by field.
@Suite struct ForwardingTests {
    @Test func `fields for this hop and of the session never reach the origin`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            _ = try client.get(
                origin.url("/a"),
                fields: [
                    "Connection": "X-Mine, keep-alive, Upgrade", "X-Mine": "1", "Keep-Alive": "timeout=5",
                    "Proxy-Connection": "keep-alive", "TE": "trailers", "Trailer": "X-T", "Upgrade": "websocket",
                    "X-Fetch-Session-Id": "permissive", "X-Kept": "yes", "User-Agent": "tester/1",
                ])
            let seen = try #require(origin.requests.first)
            for name in [
                "X-Mine", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "Proxy-Authorization",
                "X-Fetch-Session-Id",
            ] { #expect(!seen.head.fields.contains(name), "\(name)") }
            #expect(seen.head.fields.first("X-Kept") == "yes")
            #expect(seen.head.fields.first("User-Agent") == "tester/1")
            var bytes: [UInt8] = []
            seen.head.serialise(into: &bytes)
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(!text.contains("permissive"), "the session's id leaves us")
            #expect(!text.contains(ProxyFixture.token(of: "permissive")), "the token leaves us")
        }
    }

    @Test func `Connection cannot take away what the message means`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            _ = try client.get(
                origin.url("/a"), fields: ["Connection": "Host, Authorization", "Authorization": "Bearer x"])
            let seen = try #require(origin.requests.first)
            #expect(seen.head.fields.first("Authorization") == "Bearer x")
            #expect(seen.head.fields.first("Host") == "127.0.0.1:\(origin.port)")
        }
    }

    @Test func `Host is made from the target and the target is sent as it came`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { (200, Array($0.target.utf8)) }
            let client = try proxy.client()
            for path in ["/a%2Fb", "//x//y", "/a;b=c?d=%7e&e", "/%253a", "/~x%7ey", "/a/../b", "/?q"] {
                #expect(try client.get(origin.url(path)).text == path)
            }
            #expect(origin.requests.allSatisfy { $0.head.fields.all("Host") == ["127.0.0.1:\(origin.port)"] })
        }
    }

    @Test func `Via is added in both directions and our own means a loop`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            let answer = try client.get(origin.url("/a"), fields: ["Via": "1.0 elsewhere"])
            let onWay = try #require(origin.requests.first?.head.fields.list("Via"))
            #expect(onWay.count == 2)
            #expect(onWay.first == "1.0 elsewhere")
            let own = try #require(answer.head.fields.first("Via"))
            #expect(own == onWay.last)
            let again = try client.get(origin.url("/b"), fields: ["Via": own])
            #expect(again.head.status == 508)
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `fields for this hop never reach the client`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.respond(
                        fields: [
                            "Connection": "X-Hop, keep-alive", "X-Hop": "1", "Keep-Alive": "timeout=5",
                            "Proxy-Authenticate": "Basic realm=evil", "Upgrade": "h2c", "X-End": "yes",
                            "X-Fetch-Session-Id": "abc",
                        ], text: "body")
                }
            }
            let client = try proxy.client()
            let answer = try client.get(origin.url("/a"))
            #expect(answer.text == "body")
            #expect(answer.head.fields.first("X-End") == "yes")
            for name in ["X-Hop", "Keep-Alive", "Proxy-Authenticate", "Upgrade", "X-Fetch-Session-Id"] {
                #expect(!answer.head.fields.contains(name), "\(name)")
            }
        }
    }

    @Test func `interim answers pass in permissive sessions`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
                try session.respond(text: "late")
            }
            let client = try proxy.client()
            let answer = try client.get(origin.url("/a"))
            #expect(answer.interim.map(\.status) == [103])
            #expect(answer.interim.first?.fields.first("Link") == "</style.css>; rel=preload")
            #expect(answer.text == "late")
        }
    }

    @Test func `a chunked answer keeps its trailers and loses its extensions`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.send(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n")
            }
            let client = try proxy.client()
            let answer = try client.get(origin.url("/a"))
            #expect(answer.text == "hello")
            #expect(try proxy.rows().first?.row.digest == sha256(Array("hello".utf8)))
        }
    }

    @Test func `a body that ends with the connection is framed anew`() async throws {
        try await withProxy { proxy in
            let body = noise(200_000)
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.send("HTTP/1.0 200 OK\r\n\r\n")
                try session.send(body)
            }
            let client = try proxy.client()
            let answer = try client.get(origin.url("/a"))
            #expect(answer.body == body)
            #expect(answer.head.fields.contains("Content-Length") || answer.head.fields.contains("Transfer-Encoding"))
        }
    }

    @Test(arguments: [204, 304, 301, 404, 500])
    func `statuses pass as they are`(_ status: Int) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.respond(
                        status, fields: ["Location": "/x"], text: status == 204 || status == 304 ? "" : "t")
                }
            }
            let client = try proxy.client()
            // POST, since a 304 to a GET without conditions is the origin's mistake.
            let answer = try client.ask("POST", origin.url("/a"), fields: ["Content-Length": "0"])
            #expect(answer.head.status == status)
            #expect(answer.head.fields.first("Location") == "/x")
            #expect(try proxy.rows().map(\.status) == [Int64(status)])
        }
    }
}
