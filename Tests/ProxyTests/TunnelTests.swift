import Core
import Cryptography
import Platform
import Proxy
import RelayTesting
import Sessions
import Storage
import Testing
import Wire

/// TLS towards clients.
@Suite struct TunnelTests {
    @Test func `a second tunnel resumes the first one's TLS session`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1], tls: true)
            let first = try proxy.tunnel(to: origin)
            // The tickets of TLS 1.3 come with the first answer.
            _ = try first.get("/1")
            #expect(!first.connection.isResumed)
            let second = try proxy.tunnel(to: origin)
            #expect(try second.get("/2").body == [1])
            #expect(second.connection.isResumed)
        }
    }

    @Test func `what a tunnel asks first is answered as in the tunnels before, each recorded`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                while let request = try session.readRequest() {
                    try session.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=100\r\nContent-Length: 2\r\n\r\n")
                    try session.send(Array(request.target.utf8.prefix(2)))
                }
            }
            for number in 1...5 {
                #expect(try proxy.tunnel(to: origin).get("/a").text == "/a")
                #expect(try proxy.rows(atLeast: number).count == number)
            }
            #expect(try proxy.tunnel(to: origin).get("/b").text == "/b")
            #expect(try proxy.tunnel(to: origin, proxy.other).get("/a").text == "/a")
            #expect(
                try proxy.rows(atLeast: 6).map(\.url) == Array(repeating: origin.url("/a"), count: 5) + [
                    origin.url("/b")
                ])
            #expect(try proxy.rows(proxy.other, atLeast: 1).map(\.url) == [origin.url("/a")])
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `a request that another tunnel's host has answered is refused in this one`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                while try session.readRequest() != nil {
                    try session.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=100\r\nContent-Length: 1\r\n\r\na")
                }
            }
            let other = try ScriptedOrigin(serving: [1], tls: true)
            for _ in 0..<3 { #expect(try proxy.tunnel(to: origin).get("/a").text == "a") }
            let host = "127.0.0.1:\(origin.port)"
            let here = try proxy.tunnel(to: other)
            try here.connection.send("GET /a HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(try here.answer().head.status == 421)
        }
    }

    @Test func `the first request of a tunnel is refused when its session has ended since`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                while try session.readRequest() != nil {
                    try session.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=100\r\nContent-Length: 1\r\n\r\na")
                }
            }
            for _ in 0..<3 { #expect(try proxy.tunnel(to: origin).get("/a").text == "a") }
            let late = try proxy.tunnel(to: origin)
            proxy.permissive.close()
            #expect(try late.get("/a").head.status == 403)
        }
    }

    @Test func `the leaf is for the CONNECT host whatever the client's hello says`() async throws {
        try await withProxy { proxy in
            var client = try proxy.client()
            try client.openTunnel(to: "right.example:443")
            try client.connection.startTLS(proxy.trust, host: "right.example")
            var other = try proxy.client()
            try other.openTunnel(to: "right.example:443")
            #expect(throws: (any Error).self) { try other.connection.startTLS(proxy.trust, host: "wrong.example") }
        }
    }

    @Test func `a complete answer ends with close_notify, and what is cut does not`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                guard let request = try session.readRequest() else { return }
                if request.target == "/cut" {
                    try session.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n")
                    try session.send(noise(150_000))
                    return session.reset()
                }
                // Ends with the connection.
                try session.send("HTTP/1.1 200 OK\r\n\r\n")
                try session.send(noise(150_000))
            }
            let whole = try proxy.tunnel(to: origin)
            try whole.send("GET", "/whole", version: "HTTP/1.0")
            let answer = try whole.answer()
            #expect(answer.body == noise(150_000))
            #expect(try whole.connection.readToEnd().isEmpty, "an orderly end throws nothing")
            let cut = try proxy.tunnel(to: origin)
            try cut.send("GET", "/cut")
            #expect(throws: ConnectionFault.self) { _ = try cut.connection.readToEnd() }
        }
    }

    @Test func `an origin that ends TLS without close_notify is not taken for complete`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                guard try session.readRequest() != nil else { return }
                try session.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=100\r\n\r\n")
                try session.send(noise(10_000))
                session.close()
            }
            let client = try proxy.tunnel(to: origin)
            #expect(try client.get("/a").head.status == 502)
            #expect(try proxy.rows(kind: .failure).count == 1)
        }
    }

    @Test func `a client that does not trust us costs nothing but its connection`() async throws {
        try await withProxy { proxy in
            let stranger = try TestCertificates(commonName: "somebody else").client()
            for _ in 0..<3 {
                var client = try proxy.client()
                try client.openTunnel(to: "a.example:443")
                #expect(throws: (any Error).self) { try client.connection.startTLS(stranger, host: "a.example") }
            }
            let origin = try ScriptedOrigin(serving: [1], tls: true)
            #expect(try proxy.tunnel(to: origin).get("/a").body == [1])
            // Its report shows nothing: the log has to, whichever thread comes to tell it first.
            var told: [String] = []
            let deadline = Deadline()
            while told.count < 3 {
                try deadline.check()
                told = proxy.lines.withLock { $0 }.filter { $0.contains("TLS with") }
            }
            #expect(told.map { $0.prefix { $0 != " " } }.sorted() == ["debug", "debug", "warning"], "\(told)")
            let warning = try #require(told.first { $0.hasPrefix("warning") })
            let about = "[\(proxy.permissive.id)] https://a.example:443: TLS with 127.0.0.1:"
            #expect(warning.contains(about), "\(warning)")
            #expect(warning.contains("does not trust our certificate"), "\(warning)")
        }
    }

    @Test func `a permissive answer does not wait for its inspection longer than it may`() async throws {
        var options = ProxyOptions()
        options.settings.inspectionWait = .zero
        try await withProxy(options) { proxy in
            let wheel = SampleWheel.bytes(padding: 2_000_000)
            let origin = try ScriptedOrigin(serving: wheel)
            #expect(try proxy.client().get(origin.url("/" + SampleWheel.fileName)).body == wheel)
            // The verdict comes when it comes, to the same row.
            let row = try #require(
                try proxy.records.rows(of: proxy.permissive.id, atLeast: 1) { $0.result != nil }.first)
            #expect(row.number == 1)
            #expect(!row.judgement.isEmpty)
        }
    }
}
