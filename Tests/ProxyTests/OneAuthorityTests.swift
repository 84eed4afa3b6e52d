import Core
import Proxy
import RelayTesting
import Storage
import Testing
import Wire

/// RULES "One authority": where a request goes is said once, and checked before anything is sent.
@Suite struct OneAuthorityTests {
    private static func secureOrigin() throws -> ScriptedOrigin {
        let tls = try TestCertificates.shared.get().server()
        return try ScriptedOrigin(tls: tls) { (200, Array($0.target.utf8)) }
    }

    @Test func `requests in a tunnel go where CONNECT said`() async throws {
        try await withProxy { proxy in
            let origin = try Self.secureOrigin()
            let client = try proxy.tunnel(to: origin)
            #expect(try client.get("/a").text == "/a")
            let own = "127.0.0.1:\(origin.port)"
            // The same authority in absolute form, and without Host.
            try client.connection.send("GET https://\(own)/b HTTP/1.1\r\nHost: \(own)\r\n\r\n")
            #expect(try client.answer().text == "/b")
            try client.connection.send("GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try client.answer().text == "/c")
            #expect(try proxy.rows().map(\.url) == ["/a", "/b", "/c"].map { "https://\(own)\($0)" })
        }
    }

    @Test(arguments: [
        "GET /a HTTP/1.1\r\nHost: other.example\r\n\r\n",
        "GET https://other.example/a HTTP/1.1\r\nHost: other.example\r\n\r\n",
        "GET http://HOST/a HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET https://127.0.0.1:1/a HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ])
    func `another authority in a tunnel is 421`(_ text: String) async throws {
        try await withProxy { proxy in
            let origin = try Self.secureOrigin()
            let client = try proxy.tunnel(to: origin)
            try client.connection.send(text.replacing("HOST", with: "127.0.0.1:\(origin.port)"))
            #expect(try client.answer().head.status == 421)
            #expect(client.connection.isClosedByPeer)
            #expect(origin.connectionCount == 0)
            #expect(try proxy.rows(kind: .refusal).count == 1)
        }
    }

    @Test func `CONNECT inside of a tunnel is 400`() async throws {
        try await withProxy { proxy in
            let origin = try Self.secureOrigin()
            let client = try proxy.tunnel(to: origin)
            try client.connection.send("CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n")
            #expect(try client.answer().head.status == 400)
            #expect(origin.connectionCount == 0)
        }
    }

    @Test func `a tunnel that does not begin with TLS is plain HTTP to its authority`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { (200, Array($0.target.utf8)) }
            let client = try proxy.tunnel(to: origin)
            #expect(try client.get("/plain").text == "/plain")
            #expect(try proxy.rows().map(\.url) == [origin.url("/plain")])
        }
    }

    @Test func `TRACE is 405`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            let answer = try client.ask("TRACE", origin.url("/a"))
            #expect(answer.head.status == 405)
            #expect(answer.head.fields.contains("Allow"))
            #expect(origin.connectionCount == 0)
            #expect(try proxy.rows(kind: .refusal).count == 1)
        }
    }

    @Test func `an origin that switches protocols is 502`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
            }
            let client = try proxy.client()
            let answer = try client.get(origin.url(), fields: ["Upgrade": "websocket", "Connection": "Upgrade"])
            #expect(answer.head.status == 502)
        }
    }

    @Test(arguments: [
        "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "169.254.169.254",
        "[::ffff:169.254.169.254]", "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255",
        "localhost",
    ])
    func `destinations that nobody opened are refused before anything is sent`(_ host: String) async throws {
        var options = ProxyOptions()
        options.policy = DestinationPolicy()
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            let answer = try client.get("http://\(host):\(origin.port)/latest/meta-data")
            #expect(answer.head.status == 403)
            #expect(answer.text.hasPrefix("Access denied: "), "\(answer.text)")
            #expect(answer.text.contains("refused"), "the reason is named: \(answer.text)")
            #expect(origin.connectionCount == 0)
            let row = try #require(try proxy.rows(kind: .refusal).first)
            #expect(row.reason.contains("refused"))
        }
    }

    @Test(arguments: [22, 25, 6667])
    func `ports that no web server uses are refused`(_ port: Int) async throws {
        try await withProxy { proxy in
            let client = try proxy.client()
            let answer = try client.get("http://127.0.0.1:\(port)/")
            #expect(answer.head.status == 403)
            #expect(answer.text.contains("port"))
        }
    }

    @Test func `a policy that is tightened closes what it denies now`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            #expect(try client.get(origin.url("/1")).head.status == 200)
            proxy.server.update(policy: DestinationPolicy())
            let deadline = Deadline()
            // The loops learn it by message.
            while try client.get(origin.url("/2")).head.status != 403 { try deadline.check() }
        }
    }

    @Test func `a policy that is tightened ends transfers from what it denies now`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                guard try session.readRequest() != nil else { return }
                try session.send(head(200, [("Cache-Control", "max-age=1000")], length: 1_000_000) + noise(500_000))
                // Ends when the proxy resets the connection.
                _ = try session.readRequest()
            }
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            _ = try client.connection.read(exactly: 400_000)
            proxy.server.update(policy: DestinationPolicy())
            do {
                _ = try client.connection.readToEnd()
                Issue.record("the client sees an orderly end")
            } catch let fault as ConnectionFault {
                #expect(fault.kind == .reset)
            }
            let row = try #require(try proxy.rows(kind: .failure, atLeast: 1).first)
            #expect(row.isTruncated)
            #expect(row.reason.contains("refused"), "\(row.reason)")
        }
    }

    @Test func `an origin whose certificate is not trusted is 502 with the reason`() async throws {
        try await withProxy { proxy in
            let strangers = try TestCertificates(commonName: "strangers")
            let origin = try ScriptedOrigin(tls: strangers.server()) { _ in (200, []) }
            let client = try proxy.tunnel(to: origin)
            let answer = try client.get("/a")
            #expect(answer.head.status == 502)
            #expect(answer.text.lowercased().contains("certificate"), "\(answer.text)")
            #expect(origin.requests.isEmpty)
            #expect(try proxy.rows(kind: .failure).count == 1)
        }
    }

    @Test func `an origin whose certificate is for another name is 502`() async throws {
        try await withProxy { proxy in
            let tls = try TestCertificates.shared.get().server("other.example")
            let origin = try ScriptedOrigin(tls: tls) { _ in (200, []) }
            let client = try proxy.tunnel(to: origin)
            #expect(try client.get("/a").head.status == 502)
            #expect(origin.requests.isEmpty)
        }
    }
}
