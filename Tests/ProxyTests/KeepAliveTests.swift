import Proxy
import RelayTesting
import Platform
import Testing
import Wire

/// Connections of clients: how long they live, and in which order answers come.
@Suite struct KeepAliveTests {
    @Test func `many requests go through one connection`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { (200, Array($0.target.utf8)) }
            let client = try proxy.client()
            for path in ["/a", "/b", "/c"] {
                let answer = try client.get(origin.url(path))
                #expect(answer.head.status == 200)
                #expect(answer.text == path)
            }
            #expect(origin.connectionCount == 1)
            #expect(try proxy.rows().map(\.status) == [200, 200, 200])
        }
    }

    @Test func `pipelined requests are answered in order`() async throws {
        try await withProxy { proxy in
            let slow = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.waitForRelease()
                    try session.respond(text: "slow")
                }
            }
            let quick = try ScriptedOrigin { (200, Array($0.target.utf8)) }
            let client = try proxy.client()
            var requests = "GET \(slow.url()) HTTP/1.1\r\nHost: x\r\n\(client.authorization)\r\n"
            for number in 1...20 {
                requests += "GET \(quick.url("/\(number)")) HTTP/1.1\r\nHost: x\r\n\(client.authorization)\r\n"
            }
            try client.connection.send(requests)
            #expect(slow.waitForRequests(1))
            slow.release()
            #expect(try client.answer().text == "slow")
            for number in 1...20 { #expect(try client.answer().text == "/\(number)") }
        }
    }

    @Test func `a request split at every byte is understood`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { (200, $0.body) }
            let client = try proxy.client()
            let text =
                "POST \(origin.url("/split")) HTTP/1.1\r\nHost: x\r\n\(client.authorization)"
                + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n"
            for byte in text.utf8 { try client.connection.send([byte]) }
            #expect(try client.answer(to: "POST").text == "abcde")
        }
    }

    @Test func `an HTTP 1.0 client is answered and the connection closed`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, Array("old".utf8)) }
            let client = try proxy.client()
            let answer = try client.ask("GET", origin.url(), version: "HTTP/1.0")
            #expect(answer.text == "old")
            #expect(answer.head.fields.first("Connection") == "close")
            #expect(client.connection.isClosedByPeer)
            #expect(origin.requests.first?.head.version == .http11)
        }
    }

    @Test func `an HTTP 1.0 client that asks for it keeps its connection`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { (200, Array($0.target.utf8)) }
            let client = try proxy.client()
            for path in ["/1", "/2"] {
                let answer = try client.ask(
                    "GET", origin.url(path), version: "HTTP/1.0", fields: ["Connection": "keep-alive"])
                #expect(answer.text == path)
                #expect(answer.head.fields.first("Connection") == "keep-alive")
            }
        }
    }

    @Test func `an HTTP 1.0 client gets a body of unknown length with its length`() async throws {
        try await withProxy { proxy in
            let body = noise(300_000)
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    for start in stride(from: 0, to: body.count, by: 100_000) {
                        try session.send("186a0\r\n")
                        try session.send(Array(body[start..<start + 100_000]) + [13, 10])
                    }
                    try session.send("0\r\n\r\n")
                }
            }
            let client = try proxy.client()
            let answer = try client.ask("GET", origin.url(), version: "HTTP/1.0")
            #expect(answer.head.fields.first("Content-Length") == "300000")
            #expect(!answer.head.fields.contains("Transfer-Encoding"))
            #expect(answer.body == body)
        }
    }

    @Test func `Connection close is obeyed`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, Array("bye".utf8)) }
            let client = try proxy.client()
            let answer = try client.get(origin.url(), fields: ["Connection": "close"])
            #expect(answer.text == "bye")
            #expect(answer.head.fields.first("Connection") == "close")
            #expect(client.connection.isClosedByPeer)
        }
    }

    @Test func `a client that has ended its side still gets its answer`() async throws {
        try await withProxy { proxy in
            let body = noise(500_000)
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.waitForRelease()
                    try session.respond(body: body)
                }
            }
            let client = try proxy.client()
            try client.send("GET", origin.url())
            client.connection.endWriting()
            #expect(origin.waitForRequests(1))
            origin.release()
            #expect(try client.answer().body == body)
            #expect(client.connection.isClosedByPeer)
            #expect(try proxy.rows().first?.isTruncated == false)
        }
    }

    @Test(arguments: [false, true])
    func `HEAD is answered without a body`(_ isCached: Bool) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    try session.send(
                        "HTTP/1.1 200 OK\r\nCache-Control: max-age=100\r\nContent-Length: 5\r\n\r\n"
                            + (request.head.method == "HEAD" ? "" : "hello"))
                }
            }
            let client = try proxy.client()
            if isCached { _ = try client.get(origin.url("/h")) }
            let answer = try client.ask("HEAD", origin.url("/h"))
            #expect(answer.head.status == 200)
            #expect(answer.head.fields.first("Content-Length") == "5")
            #expect(origin.requests.count == 1)
            // The connection is in step.
            #expect(try client.get(origin.url("/h")).text == "hello")
        }
    }

    @Test(arguments: ["PROPFIND", "FROB", "PATCH", "DELETE", "OPTIONS", "get"])
    func `every method is passed on as it is`(_ method: String) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { (200, Array($0.head.method.utf8)) }
            let client = try proxy.client()
            #expect(try client.ask(method, origin.url("/m")).text == method)
            #expect(try client.ask(method, origin.url("/m")).text == method)
            #expect(origin.requests.map(\.head.method) == [method, method], "nothing of it is cached")
        }
    }

    @Test func `an idle connection is closed after its time`() async throws {
        var options = ProxyOptions()
        options.settings.idleTimeout = .milliseconds(200)
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            _ = try client.get(origin.url())
            #expect(client.connection.isClosedByPeer)
        }
    }

    @Test func `a dead pooled connection is replaced without the client noticing`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                guard try session.readRequest() != nil else { return }
                try session.respond(text: "\(session.index)")
                // The second request on this connection is met with a reset.
                if session.index == 0 {
                    _ = try session.readHead()
                    session.reset()
                }
            }
            let client = try proxy.client()
            #expect(try client.get(origin.url("/1")).text == "0")
            #expect(try client.get(origin.url("/2")).text == "1")
        }
    }
}
