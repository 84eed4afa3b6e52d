import Core
import RelayTesting
import Sessions
import Testing
import Wire

/// Who may use the proxy, and what others hear.
@Suite struct AuthenticationTests {
    private static func basic(_ pair: String) -> String { "Basic " + Base64.encode(Array(pair.utf8)) }

    private static let refused: [String] = [
        "", "Proxy-Authorization: Bearer abc\r\n", "Proxy-Authorization: Basic\r\n",
        "Proxy-Authorization: Basic !!!\r\n", "Proxy-Authorization: \(basic("permissive"))\r\n",
        "Proxy-Authorization: \(basic("nobody:\(ProxyFixture.token(of: "nobody"))"))\r\n",
        "Proxy-Authorization: \(basic("permissive:wrong"))\r\n",
        "Proxy-Authorization: \(basic("PERMISSIVE:\(ProxyFixture.token(of: "permissive"))"))\r\n",
        "Proxy-Authorization: \(basic("../x:y"))\r\n",
    ]

    @Test func `every refusal looks alike and the connection stays for the retry`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, Array("hello".utf8)) }
            let client = try proxy.client()
            var answers: [SeenResponse] = []
            for line in Self.refused {
                try client.connection.send("GET \(origin.url("/a")) HTTP/1.1\r\nHost: x\r\n\(line)\r\n")
                answers.append(try client.answer())
            }
            let first = try #require(answers.first)
            #expect(first.head.status == 407)
            #expect(first.head.fields.all("Proxy-Authenticate") == ["Basic realm=\"fetch-service\""])
            #expect(first.text == "407 Proxy Authentication Required")
            #expect(answers.allSatisfy { $0 == first })
            #expect(origin.connectionCount == 0)
            #expect(try client.get(origin.url("/a")).text == "hello")
            #expect(try proxy.rows().count == 1, "a 407 is not in the record")
        }
    }

    @Test(arguments: [
        "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
        "GET http://a.example/ HTTP/1.0\r\n\r\n", "CONNECT a.example:443 HTTP/1.0\r\n\r\n",
    ])
    func `who does not want to stay hears the refusal and the end`(_ request: String) async throws {
        try await withProxy { proxy in
            let client = try proxy.client()
            try client.connection.send(request)
            let answer = try client.answer()
            #expect(answer.head.status == 407 && answer.head.fields.first("Connection") == "close")
            #expect(client.connection.isClosedByPeer)
        }
    }

    @Test func `two credentials are none`() async throws {
        try await withProxy { proxy in
            let client = try proxy.client()
            try client.connection.send(
                "GET http://a.example/ HTTP/1.1\r\nHost: x\r\n\(client.authorization)\(client.authorization)\r\n")
            #expect(try client.answer().head.status == 407)
        }
    }

    @Test(arguments: ["basic", "BASIC", "bAsIc"])
    func `the scheme is known in any case`(_ scheme: String) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            let line = client.authorization.replacing("Basic", with: scheme)
            try client.connection.send("GET \(origin.url()) HTTP/1.1\r\nHost: x\r\n\(line)\r\n")
            #expect(try client.answer().head.status == 200)
        }
    }

    @Test func `CONNECT in HTTP 1.0 without Host opens a tunnel`() async throws {
        try await withProxy { proxy in
            let tls = try TestCertificates.shared.get().server()
            let origin = try ScriptedOrigin(tls: tls) { (200, Array($0.target.utf8)) }
            let client = try proxy.client()
            try client.connection.send("CONNECT 127.0.0.1:\(origin.port) HTTP/1.0\r\n\(client.authorization)\r\n")
            #expect(try client.connection.readResponse(to: "CONNECT")?.head.status == 200)
            try client.connection.startTLS(proxy.trust, host: "127.0.0.1")
            try client.connection.send("GET /in HTTP/1.1\r\nHost: 127.0.0.1:\(origin.port)\r\n\r\n")
            #expect(try client.answer().text == "/in")
            #expect(try proxy.rows().first?.url == "https://127.0.0.1:\(origin.port)/in")
        }
    }

    @Test func `CONNECT without credentials is 407 and may be repeated with them`() async throws {
        try await withProxy { proxy in
            let tls = try TestCertificates.shared.get().server()
            let origin = try ScriptedOrigin(tls: tls) { _ in (200, Array("in".utf8)) }
            var client = try proxy.client()
            let target = "127.0.0.1:\(origin.port)"
            try client.connection.send("CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\r\n")
            #expect(try client.answer().head.status == 407)
            #expect(origin.connectionCount == 0)
            try client.openTunnel(to: target)
            try client.connection.startTLS(proxy.trust, host: "127.0.0.1")
            #expect(try client.get("/x").text == "in")
        }
    }

    @Test func `a small body of a refused request is read over, a body without length closes`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, Array("after".utf8)) }
            let client = try proxy.client()
            try client.connection.send("POST \(origin.url()) HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            #expect(try client.answer().head.status == 407)
            #expect(try client.get(origin.url()).text == "after")
            try client.connection.send("POST \(origin.url()) HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            let last = try client.answer()
            #expect(last.head.status == 407)
            #expect(last.head.fields.first("Connection") == "close")
            #expect(client.connection.isClosedByPeer)
        }
    }

    @Test func `one connection may speak for several sessions in turn`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let connection = try proxy.connect()
            _ = try ProxyClient(connection, proxy.permissive).get(origin.url("/1"))
            _ = try ProxyClient(connection, proxy.other).get(origin.url("/2"))
            #expect(try proxy.rows().map(\.url) == [origin.url("/1")])
            #expect(try proxy.rows(proxy.other).map(\.url) == [origin.url("/2")])
        }
    }
}
