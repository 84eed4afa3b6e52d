import Core
import Cryptography
import Platform
import Proxy
import RelayTesting
import Sessions
import Storage
import Testing
import Wire

/// What an operator sees of the proxy: numbers, and what is wrong.
@Suite struct WatchingTests {
    /// The numbers once all that was begun has ended, which clients see a moment before it is counted.
    private static func settled(_ proxy: ProxyFixture) throws -> ProxyTotals {
        try numbers(of: proxy) { totals in
            totals.openExchanges == 0 && totals.openFills == 0
                && totals.exchanges.reduce(0) { $0 + $1.ended } == totals.startedExchanges
        }
    }

    /// The numbers as soon as something holds for them.
    private static func numbers(of proxy: ProxyFixture, when holds: (ProxyTotals) -> Bool) throws -> ProxyTotals {
        let deadline = Deadline()
        while true {
            let totals = proxy.server.counters
            if holds(totals) { return totals }
            try deadline.check()
        }
    }

    private static func counts(_ totals: ProxyTotals) -> [ExchangeOutcome: Int] {
        Dictionary(uniqueKeysWithValues: totals.exchanges.map { ($0.outcome, $0.ended) }).filter { $0.value > 0 }
    }

    @Test func `requests are counted by how they were answered`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let isKnown = request.head.fields.contains("If-None-Match")
                    let age = request.target == "/stale" ? 0 : 1_000
                    try session.respond(
                        isKnown ? 304 : 200, fields: ["Cache-Control": "max-age=\(age)", "ETag": "\"1\""],
                        body: isKnown ? [] : noise(1_000))
                }
            }
            let client = try proxy.client()
            for _ in 0..<4 { #expect(try client.get(origin.url("/a")).body == noise(1_000)) }
            #expect(try client.get(origin.url("/a"), fields: ["Cache-Control": "no-cache"]).head.status == 200)
            _ = try client.get(origin.url("/stale"))
            #expect(try client.get(origin.url("/stale"), fields: ["Cache-Control": "max-stale"]).head.status == 200)
            #expect(try client.get(origin.url("/own"), fields: ["Authorization": "Basic eA=="]).head.status == 200)
            #expect(try client.ask("TRACE", origin.url("/a")).head.status == 405)
            #expect(try client.get("http://127.0.0.1:1/").head.status >= 400)
            let totals = try Self.settled(proxy)
            #expect(
                Self.counts(totals) == [
                    .miss: 2, .hit: 3, .revalidated: 1, .stale: 1, .alone: 1, .refused: 2,
                ])
            #expect(totals.startedExchanges == 10 && totals.repeatedHits == 2)
            #expect(totals.errors["http_request_error"] == 1, "\(totals.errors.filter { $0.value > 0 })")
            #expect(totals.errors.values.reduce(0, +) == 2)
            #expect(totals.fills["complete"] == 3 && totals.fills["not-modified"] == 1 && totals.resumedFills == 0)
            #expect(totals.receivedBytes == 3_000)
            for exchanges in totals.exchanges {
                #expect(exchanges.duration.count == exchanges.ended)
                #expect(exchanges.firstByte.count == exchanges.ended, "\(exchanges.outcome)")
                #expect(exchanges.firstByte.nanoseconds <= exchanges.duration.nanoseconds)
            }
            // Bodies with their heads.
            for (source, bodies) in [("network", 3_000), ("cache", 4_000), ("revalidated", 1_000), ("own", 0)] {
                #expect((bodies + 1..<bodies + 4_000).contains(totals.sentBytes[source] ?? 0), "\(source)")
            }
        }
    }

    @Test func `whoever joins a download is counted, and so is what broke off`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    try session.send(head(200, [("Cache-Control", "max-age=9")], length: 500_000))
                    try session.send(noise(200_000))
                    try session.waitForRelease()
                    if request.target == "/cut" { return session.reset() }
                    try session.send(Array(noise(500_000)[200_000...]))
                }
            }
            let (first, second) = (try proxy.client(), try proxy.client(proxy.other))
            try first.send("GET", origin.url("/a"))
            #expect(origin.waitForRequests(1))
            try second.send("GET", origin.url("/a"))
            try proxy.waitForReaders(2, of: origin.url("/a"))
            #expect(proxy.server.counters.openExchanges == 2 && proxy.server.counters.openFills == 1)
            origin.release()
            #expect(try first.answer().body == noise(500_000))
            #expect(try second.answer().body == noise(500_000))
            try first.send("GET", origin.url("/cut"))
            #expect(origin.waitForRequests(2))
            #expect(try !first.connection.readSome().isEmpty)
            origin.release()
            #expect(throws: ConnectionFault.self) { while try !first.connection.readSome().isEmpty {} }
            try second.send("GET", origin.url("/left"))
            try proxy.waitForReaders(1, of: origin.url("/left"))
            second.connection.reset()
            _ = try Self.numbers(of: proxy) { Self.counts($0)[.aborted] == 1 }
            origin.release()
            let totals = try Self.settled(proxy)
            #expect(Self.counts(totals) == [.miss: 1, .joined: 1, .failed: 1, .aborted: 1])
            #expect(totals.fills["failed"] == 1 && totals.fills["complete"] == 2)
            #expect(totals.errors["http_response_incomplete"] == 1)
        }
    }

    @Test func `connections, tunnels and handshakes are counted`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1], fields: [("Cache-Control", "no-store")], tls: true)
            let stranger = try proxy.connect()
            try stranger.send("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")
            #expect(try stranger.readResponse()?.head.status == 407)
            let client = try proxy.tunnel(to: origin)
            for _ in 0..<3 { #expect(try client.get("/a").body == [1]) }
            let totals = try Self.settled(proxy)
            #expect(totals.acceptedConnections == 2 && totals.openConnections == 2)
            #expect(totals.unauthenticatedConnections == 1 && totals.challenges == 1 && totals.tunnels == 1)
            #expect(totals.errors.values.allSatisfy { $0 == 0 }, "asking for credentials is no error")
            #expect(totals.originsOpened == 1 && totals.originsReused == 2 && totals.originsFailed == 0)
            #expect(totals.originsActive == 0 && totals.originsIdle == 1)
            let full = totals.handshakes.filter { $0.result == "full" }
            #expect(full.map(\.side) == ["client", "origin"] && full.map(\.count) == [1, 1])
            #expect(totals.handshakes.filter { $0.result != "full" }.allSatisfy { $0.count == 0 })

            var broken = try proxy.client()
            try broken.openTunnel(to: "127.0.0.1:\(origin.port)")
            try broken.connection.send([22, 3, 1, 0, 5, 9, 9, 9, 9, 9])
            stranger.close()
            let later = try Self.numbers(of: proxy) { $0.unauthenticatedConnections == 0 && $0.openConnections == 1 }
            let failed = later.handshakes.filter { $0.result == "failed" }
            #expect(failed.map(\.side) == ["client", "origin"] && failed.map(\.count) == [1, 0])
            #expect(Set(later.queues.map(\.name)) == ["storage", "inspect", "leaves", "resolve", "loops"])
            #expect(later.queues.allSatisfy { $0.waiting == 0 && $0.refused == 0 && ($0.capacity ?? 0) > 0 })
        }
    }

    @Test func `a record that waits or cannot be written is a problem until it goes on`() async throws {
        try await withProxy { proxy in
            #expect(proxy.server.problems() == [])
            let deadline = Deadline()
            var time = MonotonicTime.now()
            /// Waits for what is told, while hours go by.
            func wait(for problems: [String]) throws {
                while proxy.server.problems(now: time) != problems {
                    time = time + .seconds(6)
                    try deadline.check()
                }
            }
            // Nobody uses the record: it is tried all the same.
            proxy.records.fail(StoreError(.full, "record", "/some/path has no room"))
            try wait(for: ["record: it cannot be written: no space left in the service"])
            proxy.records.fail(nil)
            try wait(for: [])
            proxy.records.hold()
            proxy.recorder.probe { _ in }
            try wait(for: ["record: changes wait for more than 2.0 seconds"])
            proxy.records.release()
            await proxy.recorder.drain()
            try wait(for: [])
        }
    }

    @Test func `as many connections as are accepted are a problem`() async throws {
        var options = ProxyOptions()
        options.settings.loops = 1
        options.settings.mostConnections = 1
        try await withProxy(options) { proxy in
            let client = try proxy.client()
            _ = try client.ask("TRACE", "http://a.example/")
            #expect(proxy.server.problems() == ["connections: there are 1, the most that are accepted"])
        }
    }
}
