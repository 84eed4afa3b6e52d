import Core
import Proxy
import RelayTesting
import Sessions
import Storage
import Testing
import Wire

/// What one session may use, whichever loops its connections are on.
@Suite struct SessionLimitTests {
    /// Two loops: new connections are spread so that neither has more than four above the other.
    private static func options(_ change: (inout ProxySettings) -> Void) -> ProxyOptions {
        var options = ProxyOptions()
        options.settings.loops = 2
        change(&options.settings)
        return options
    }

    /// Sends the beginning of a body, waits, and sends the rest; `/big` has 900,000 bytes, everything else 500,000.
    private static func halting(before: Bool = false) throws -> ScriptedOrigin {
        try ScriptedOrigin { session in
            while let request = try session.readRequest() {
                let body = noise(request.target == "/big" ? 900_000 : 500_000)
                if before { try session.waitForRelease() }
                try session.send(head(200, [("Cache-Control", "max-age=1000")], length: body.count))
                try session.send(Array(body[..<100_000]))
                if !before { try session.waitForRelease() }
                try session.send(Array(body[100_000...]))
            }
        }
    }

    // MARK: All loops count together

    @Test func `connections are counted over all loops`() async throws {
        try await withProxy(Self.options { $0.mostConnectionsPerSession = 8 }) { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let clients = try (0..<12).map { _ in try proxy.client() }
            let statuses = try clients.map { try $0.get(origin.url()).head.status }
            #expect(statuses.filter { $0 == 200 }.count == 8)
            #expect(statuses.filter { $0 == 429 }.count == 4)
            #expect(try proxy.client(proxy.other).get(origin.url()).head.status == 200)
        }
    }

    @Test func `requests are counted over all loops`() async throws {
        try await withProxy(Self.options { $0.mostExchangesPerSession = 9 }) { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let clients = try (0..<12).map { _ in try proxy.client() }
            let statuses = try clients.map { try $0.get(origin.url()).head.status }
            #expect(statuses == Array(repeating: 200, count: 9) + Array(repeating: 429, count: 3))
        }
    }

    @Test func `requests that are answered from memory count too`() async throws {
        try await withProxy(Self.options { $0.mostExchangesPerSession = 9 }) { proxy in
            let origin = try ScriptedOrigin(serving: noise(1_000))
            let client = try proxy.client()
            let statuses = try (0..<12).map { _ in try client.get(origin.url("/a")).head.status }
            #expect(statuses == Array(repeating: 200, count: 9) + Array(repeating: 429, count: 3))
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `new hosts are counted over all loops`() async throws {
        try await withProxy(Self.options { $0.mostNewHostsPerMinute = 8 }) { proxy in
            var clients = try (0..<12).map { _ in try proxy.client() }
            var refused = 0
            for index in clients.indices {
                do {
                    try clients[index].openTunnel(to: "host\(index).example:443")
                    try clients[index].connection.startTLS(proxy.trust, host: "host\(index).example")
                } catch let error as ProxyClient.TunnelRefused {
                    #expect(error.answer?.text.contains("8 new hosts") == true)
                    refused += 1
                }
            }
            #expect(refused == 4)
        }
    }

    // MARK: Downloads

    @Test func `a session has so many downloads under way and no more`() async throws {
        try await withProxy(Self.options { $0.mostFillsPerSession = 2 }) { proxy in
            let origin = try Self.halting()
            let clients = try (0..<2).map { _ in try proxy.client() }
            for (index, client) in clients.enumerated() { try client.send("GET", origin.url("/\(index)")) }
            #expect(origin.waitForRequests(2))
            let refused = try proxy.client().get(origin.url("/2"))
            #expect(refused.head.status == 429)
            #expect(refused.text.contains("2 downloads"))
            #expect(refused.head.fields.contains("Retry-After"))
            #expect(try proxy.rows(kind: .refusal).count == 1)
            // Joining one that is under way is none, and others are not touched.
            let joining = try proxy.client()
            try joining.send("GET", origin.url("/0"))
            try proxy.waitForReaders(2, of: origin.url("/0"))
            let other = try proxy.client(proxy.other)
            try other.send("GET", origin.url("/2"))
            #expect(origin.waitForRequests(3))
            for _ in 0..<3 { origin.release() }
            for client in clients + [joining, other] { #expect(try client.answer().body.count == 500_000) }
            // What has ended makes room.
            let deadline = Deadline()
            origin.release()
            while try proxy.client().get(origin.url("/3")).head.status != 200 { try deadline.check() }
        }
    }

    @Test func `a session's downloads have so many bytes under way and no more`() async throws {
        try await withProxy(Self.options { $0.mostStagedPerSession = 1_000_000 }) { proxy in
            let origin = try Self.halting()
            let first = try proxy.client()
            try first.send("GET", origin.url("/big"))
            _ = try first.connection.read(exactly: 50_000)
            let refused = try proxy.client().get(origin.url("/more"))
            #expect(refused.head.status == 429)
            #expect(refused.text.contains("1000000 bytes under way"))
            let other = try proxy.client(proxy.other)
            try other.send("GET", origin.url("/other"))
            _ = try other.connection.read(exactly: 50_000)
            for _ in 0..<2 { origin.release() }
            _ = try first.connection.read(exactly: 850_000)
            // One alone may be larger than the limit.
            let whole = noise(3_000_000)
            let large = try ScriptedOrigin(serving: whole)
            let deadline = Deadline()
            while true {
                let answer = try proxy.client().get(large.url("/a"))
                if answer.head.status == 200 {
                    #expect(answer.body == whole)
                    break
                }
                try deadline.check()
            }
        }
    }

    @Test func `a body of unknown length is stopped where it crosses the limit`() async throws {
        try await withProxy(Self.options { $0.mostStagedPerSession = 2_000_000 }) { proxy in
            let origin = try Self.halting()
            let unknown = try ScriptedOrigin { session in
                guard try session.readRequest() != nil else { return }
                try session.send("HTTP/1.1 200 OK\r\n\r\n")
                for _ in 0..<100 { try session.send(noise(100_000)) }
            }
            let first = try proxy.client()
            try first.send("GET", origin.url("/big"))
            _ = try first.connection.read(exactly: 50_000)
            let second = try proxy.client()
            try second.send("GET", unknown.url("/a"))
            #expect(second.failure() == .reset)
            let row = try #require(try proxy.rows(kind: .failure, atLeast: 1).first)
            #expect(row.reason.contains("2000000 bytes under way"))
            #expect(row.row.delivered < 3_000_000)
            origin.release()
            _ = try first.connection.read(exactly: 850_000)
        }
    }

    @Test func `those who joined a download are not touched by the limits of who began it`() async throws {
        try await withProxy(Self.options { $0.mostStagedPerSession = 1_000_000 }) { proxy in
            let held = try Self.halting()
            let first = try proxy.client()
            try first.send("GET", held.url("/big"))
            _ = try first.connection.read(exactly: 50_000)
            // Of known length: the joiner asks for itself.
            let known = try Self.halting(before: true)
            // Of unknown length: it goes on for the joiner.
            let body = noise(4_000_000)
            let unknown = try ScriptedOrigin { session in
                guard try session.readRequest() != nil else { return }
                try session.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=1000\r\n\r\n")
                try session.waitForRelease()
                try session.send(body)
            }
            for (origin, whole) in [(known, noise(500_000)), (unknown, body)] {
                let leader = try proxy.client()
                try leader.send("GET", origin.url("/a"))
                #expect(origin.waitForRequests(1))
                let joiner = try proxy.client(proxy.other)
                try joiner.send("GET", origin.url("/a"))
                try proxy.waitForReaders(2, of: origin.url("/a"))
                for _ in 0..<2 { origin.release() }
                #expect(try joiner.answer().body == whole)
                if origin.port == known.port { #expect(try leader.answer().head.status == 429) }
            }
            held.release()
            _ = try first.connection.read(exactly: 850_000)
        }
    }

    // MARK: Inspection

    @Test func `a session's artifacts take so much inspection and no more`() async throws {
        try await withProxy(Self.options { $0.mostInspectionTimePerSession = .nanoseconds(1) }) { proxy in
            let origin = try ScriptedOrigin(serving: Array("text".utf8))
            #expect(try proxy.client().get(origin.url("/1")).head.status == 200)
            let refused = try proxy.client().get(origin.url("/2"))
            #expect(refused.head.status == 429)
            #expect(refused.text.contains("inspection"))
            #expect(try proxy.client(proxy.other).get(origin.url("/2")).head.status == 200)
        }
    }
}
