import Cache
import Core
import Proxy
import Relay
import RelayTesting
import Storage
import Testing
import Wire

/// Every limit is crossed once, and the answer names it.
@Suite struct LimitTests {
    @Test func `a session has so many connections and no more`() async throws {
        var options = ProxyOptions()
        options.settings.loops = 1
        options.settings.mostConnectionsPerSession = 2
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let clients = try (0..<3).map { _ in try proxy.client() }
            #expect(try clients[0].get(origin.url()).head.status == 200)
            #expect(try clients[1].get(origin.url()).head.status == 200)
            let refused = try clients[2].get(origin.url())
            #expect(refused.head.status == 429)
            #expect(refused.text.contains("2 connections"))
            // Others are not touched, and a connection that closes makes room.
            #expect(try proxy.client(proxy.other).get(origin.url()).head.status == 200)
            clients[0].connection.close()
            let deadline = Deadline()
            while try proxy.client().get(origin.url()).head.status != 200 { try deadline.check() }
        }
    }

    @Test func `a session makes so many exchanges and no more, which its record says`() async throws {
        var options = ProxyOptions()
        options.settings.loops = 1
        options.settings.mostExchangesPerSession = 3
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            for number in 1...3 { #expect(try client.get(origin.url("/\(number)")).head.status == 200) }
            let refused = try client.get(origin.url("/4"))
            #expect(refused.head.status == 429)
            #expect(refused.text.contains("3 requests"))
            #expect(origin.requests.count == 3)
            #expect(try proxy.rows(kind: .refusal).count == 1)
        }
    }

    @Test func `an address has so many connections without credentials and no more`() async throws {
        var options = ProxyOptions()
        options.settings.mostUnauthenticatedPerAddress = 3
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            // Those that have authenticated do not count.
            var known: [ProxyClient] = []
            for _ in 0..<5 {
                known.append(try proxy.client())
                #expect(try known[known.count - 1].get(origin.url()).head.status == 200)
            }
            let strangers = try (0..<3).map { _ in try proxy.client() }
            for stranger in strangers {
                try stranger.connection.send("GET \(origin.url()) HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try stranger.answer().head.status == 407)
            }
            let refused = try proxy.client()
            let answer = try refused.answer()
            #expect(answer.head.status == 429)
            #expect(answer.text.contains("3 unauthenticated"))
            #expect(refused.connection.isClosedByPeer)
            strangers[0].connection.close()
            let deadline = Deadline()
            while true {
                let again = try proxy.client()
                if let answer = try? again.get(origin.url()), answer.head.status == 200 { break }
                try deadline.check()
            }
        }
    }

    @Test func `bodies are so large and no larger in both directions`() async throws {
        var options = ProxyOptions()
        options.settings.largestBody = 100_000
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    if request.target == "/chunked" {
                        try session.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n")
                        try session.send(noise(200_000))
                        try session.send("\r\n0\r\n\r\n")
                    } else {
                        try session.respond(body: noise(request.target == "/large" ? 100_001 : 100_000))
                    }
                }
            }
            #expect(try proxy.client().get(origin.url("/fits")).body.count == 100_000)
            let large = try proxy.client().get(origin.url("/large"))
            #expect(large.head.status == 502)
            #expect(large.text.contains("100000"))
            let chunked = try proxy.client()
            try chunked.send("GET", origin.url("/chunked"))
            // What has not begun when it is noticed is answered, else cut.
            do {
                #expect(try chunked.answer().head.status == 502)
            } catch let fault as ConnectionFault {
                #expect(fault.kind == .reset)
            }
            let up = try proxy.client().ask("POST", origin.url("/up"), fields: ["Content-Length": "100001"])
            #expect(up.head.status == 413)
            #expect(up.text.contains("100000"))
            let streamed = try proxy.client()
            try streamed.send("POST", origin.url("/up"), fields: ["Transfer-Encoding": "chunked"])
            try streamed.connection.send(Array("30d40\r\n".utf8) + noise(200_000))
            #expect(try streamed.answer(to: "POST").head.status == 413)
            #expect(!origin.requests.contains { $0.target == "/up" })
        }
    }

    @Test func `a session meets so many new hosts a minute and no more`() async throws {
        var options = ProxyOptions()
        options.settings.loops = 1
        options.settings.mostNewHostsPerMinute = 3
        try await withProxy(options) { proxy in
            var statuses: [Int] = []
            for number in 0..<5 {
                var client = try proxy.client()
                do {
                    try client.openTunnel(to: "host\(number).example:443")
                    try client.connection.startTLS(proxy.trust, host: "host\(number).example")
                    statuses.append(200)
                } catch let refused as ProxyClient.TunnelRefused {
                    statuses.append(refused.answer?.head.status ?? 0)
                }
            }
            #expect(statuses == [200, 200, 200, 429, 429])
        }
    }

    @Test func `a tunnel whose handshake does not come is closed`() async throws {
        var options = ProxyOptions()
        options.settings.handshakeTimeout = .milliseconds(200)
        try await withProxy(options) { proxy in
            var client = try proxy.client()
            try client.openTunnel(to: "a.example:443")
            // The beginning of a hello, and no more.
            try client.connection.send([0x16, 3, 1])
            #expect(client.connection.isClosedByPeer)
        }
    }

    @Test func `a client that takes nothing is cut and recorded`() async throws {
        var options = ProxyOptions()
        options.settings.stallTimeout = .milliseconds(300)
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin(serving: noise(30_000_000))
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            let deadline = Deadline()
            while try proxy.rows().first?.isTruncated != true { try deadline.check() }
            let row = try #require(try proxy.rows().first)
            #expect(row.row.delivered < 30_000_000)
        }
    }
}
