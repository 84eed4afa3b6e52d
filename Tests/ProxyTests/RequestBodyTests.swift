import Core
import Proxy
import RelayTesting
import Storage
import Platform
import Testing
import Wire

/// Bodies of requests: both framings, backpressure, and `Expect: 100-continue`.
@Suite struct RequestBodyTests {
    @Test(arguments: [1, 70_000, 3_000_000])
    func `a body with a length arrives whole and is in the record`(_ count: Int) async throws {
        try await withProxy { proxy in
            let body = noise(count)
            let origin = try ScriptedOrigin { ($0.body == body ? 200 : 500, []) }
            let client = try proxy.client()
            let answer = try client.ask(
                "POST", origin.url("/up"), fields: ["Content-Length": String(count)], body: body)
            #expect(answer.head.status == 200)
            #expect(proxy.server.counters.uploadedBytes == count)
            let row = try #require(try proxy.rows().first)
            #expect(row.download["request-body"]?["size"]?.integer == Int64(count))
            #expect(row.download["request-body"]?["sha256"]?.text == sha256(body).hex)
        }
    }

    @Test func `a chunked body arrives chunked, with extensions dropped and trailers kept`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            let chunks = "5;name=value\r\nhello\r\n6;a=\"b;c\"\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n"
            let answer = try client.ask(
                "PUT", origin.url("/up"), fields: ["Transfer-Encoding": "chunked"], body: Array(chunks.utf8))
            #expect(answer.head.status == 200)
            let seen = try #require(origin.requests.first)
            #expect(seen.text == "hello world")
            #expect(seen.trailers.first("X-Sum") == "11")
            #expect(seen.head.fields.all("Transfer-Encoding") == ["chunked"])
            #expect(!seen.head.fields.contains("Content-Length"))
            let row = try #require(try proxy.rows().first)
            #expect(row.download["request-body"]?["sha256"]?.text == sha256(Array("hello world".utf8)).hex)
        }
    }

    @Test func `an empty chunked body is in the record too`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            _ = try client.ask(
                "POST", origin.url("/up"), fields: ["Transfer-Encoding": "chunked"], body: Array("0\r\n\r\n".utf8))
            let row = try #require(try proxy.rows().first)
            #expect(row.download["request-body"]?["size"]?.integer == 0)
            #expect(row.download["request-body"]?["sha256"]?.text == sha256([]).hex)
        }
    }

    @Test func `an origin that does not read stops the client`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readHead()
                try session.waitForRelease()
            }
            let client = try proxy.client(patience: .milliseconds(300))
            try client.send("POST", origin.url("/up"), fields: ["Content-Length": String(1 << 30)])
            let piece = [UInt8](repeating: 7, count: 1 << 20)
            var sent = 0
            // Sending stops when all buffers on the way are full, which are the kernel's and little of ours.
            while sent < 256, (try? client.connection.send(piece)) != nil { sent += 1 }
            #expect(sent < 64, "\(sent) MiB were taken")
            client.connection.reset()
            origin.release()
        }
    }

    @Test func `an early refusal reaches a client that is still sending`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readHead()
                try session.respond(413, text: "too much")
            }
            let client = try proxy.client()
            try client.send("POST", origin.url("/up"), fields: ["Content-Length": "100000000"], body: noise(100))
            let answer = try client.answer(to: "POST")
            #expect(answer.head.status == 413)
            #expect(answer.text == "too much")
            #expect(answer.head.fields.first("Connection") == "close")
        }
    }

    @Test func `a client that breaks off its body is recorded and the origin sees no end`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            try client.send("POST", origin.url("/up"), fields: ["Content-Length": "100"], body: noise(50))
            #expect(origin.waitForConnections(1))
            client.connection.close()
            let row = try #require(try proxy.rows(kind: .failure, atLeast: 1).first)
            #expect(row.isTruncated)
            #expect(origin.requests.isEmpty)
        }
    }

    // MARK: Expect: 100-continue

    private static let expecting: KeyValuePairs<String, String> = ["Expect": "100-continue", "Content-Length": "4"]

    @Test func `the origin's 100 lets the client go on`() async throws {
        var options = ProxyOptions()
        options.settings.continueWait = .seconds(60)
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { session in
                guard let head = try session.readHead() else { return }
                #expect(head.fields.first("Expect") == "100-continue")
                try session.send("HTTP/1.1 100 Continue\r\n\r\n")
                let body = try session.connection.read(exactly: 4)
                try session.respond(body: body)
            }
            let client = try proxy.client()
            try client.send("POST", origin.url("/up"), fields: Self.expecting)
            #expect(origin.waitForRequests(1))
            let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
            #expect(try client.connection.read(exactly: interim.count) == interim)
            try client.connection.send("abcd")
            #expect(try client.answer(to: "POST").text == "abcd")
        }
    }

    @Test func `an origin that says nothing does not keep the client waiting`() async throws {
        var options = ProxyOptions()
        options.settings.continueWait = .milliseconds(50)
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { (200, $0.body) }
            let client = try proxy.client()
            try client.send("POST", origin.url("/up"), fields: Self.expecting)
            let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
            #expect(try client.connection.read(exactly: interim.count) == interim)
            try client.connection.send("abcd")
            let answer = try client.answer(to: "POST")
            #expect(answer.text == "abcd")
            #expect(answer.interim.isEmpty)
        }
    }

    @Test func `an origin that refuses is heard without the body`() async throws {
        var options = ProxyOptions()
        options.settings.continueWait = .seconds(60)
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readHead()
                try session.respond(401, text: "who are you")
            }
            let client = try proxy.client()
            try client.send("POST", origin.url("/up"), fields: Self.expecting)
            let answer = try client.answer(to: "POST")
            #expect(answer.head.status == 401)
            #expect(answer.interim.isEmpty)
        }
    }

    @Test func `a client that does not wait for 100 is served all the same`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { (200, $0.body) }
            let client = try proxy.client()
            try client.send("POST", origin.url("/up"), fields: Self.expecting, body: Array("abcd".utf8))
            #expect(try client.answer(to: "POST").text == "abcd")
        }
    }

    @Test func `an expectation that nobody knows is 417`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            #expect(try client.get(origin.url(), fields: ["Expect": "miracles"]).head.status == 417)
            #expect(origin.connectionCount == 0)
        }
    }
}
