import Cache
import Core
import MemoryStorage
import Proxy
import RelayTesting
import Sessions
import Storage
import Platform
import Testing
import Wire

/// Bytes in the store: damaged ones, and none because there is no room.
@Suite struct StagingTests {
    // MARK: Small bodies

    @Test func `small bodies that come while the store is busy are stored together with each other`() async throws {
        let store = HoldingStore(holdingPuts: true)
        var options = ProxyOptions()
        options.blobs = store
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin(serving: noise(5_000), fields: [("Cache-Control", "max-age=1000")])
            let clients = try (0..<8).map { _ in try proxy.client() }
            for (index, client) in clients.enumerated() { try client.send("GET", origin.url("/\(index)")) }
            let deadline = Deadline()
            while origin.requests.count < 8 { try deadline.check() }
            store.release()
            for client in clients { #expect(try client.answer().body == noise(5_000)) }
            #expect(try proxy.rows(atLeast: 8).count == 8)
            for index in 0..<8 { #expect(try proxy.client().get(origin.url("/\(index)")).body == noise(5_000)) }
            #expect(origin.requests.count == 8)
        }
    }

    @Test func `a client that leaves while its small body is being stored is recorded as cut off`() async throws {
        let store = HoldingStore(holdingPuts: true)
        var options = ProxyOptions()
        options.blobs = store
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin(serving: noise(5_000), fields: [("Cache-Control", "max-age=1000")])
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            let deadline = Deadline()
            while origin.requests.isEmpty { try deadline.check() }
            client.connection.reset()
            #expect(try proxy.rows(kind: .failure, atLeast: 1).first?.isTruncated == true)
            store.release()
            #expect(try proxy.client().get(origin.url("/a")).body == noise(5_000))
            #expect(origin.requests.count == 1)
        }
    }

    // MARK: Damage

    @Test(arguments: [1_000, 500_000])
    func `a body that was damaged in the store is never delivered in full`(_ count: Int) async throws {
        let store = TamperingStore()
        var options = ProxyOptions()
        options.blobs = store
        try await withProxy(options) { proxy in
            let body = noise(count)
            // A private answer is not kept in memory, so it is read from the store.
            let origin = try ScriptedOrigin(serving: body, fields: [("Cache-Control", "max-age=1000")])
            let fields: KeyValuePairs<String, String> = ["Authorization": "Bearer x"]
            _ = try proxy.client().get(origin.url("/a"), fields: fields)
            store.spoil(sha256(body))
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"), fields: fields)
            // Either it was noticed before anything went, and fetched again, or the client sees a break.
            do {
                #expect(try client.answer().body == body)
                #expect(origin.requests.count == 2)
            } catch let fault as ConnectionFault {
                #expect(fault.kind == .reset)
                #expect(count > 64 << 10)
                #expect(try proxy.rows(kind: .failure, atLeast: 1).first?.reason.contains("damaged") == true)
            }
            #expect(try proxy.client().get(origin.url("/a"), fields: fields).body == body)
            #expect(origin.requests.count == 2)
            #expect(try proxy.client().get(origin.url("/a"), fields: fields).body == body)
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `a body that is evicted while it is delivered is delivered in full`() async throws {
        let store = TamperingStore()
        var options = ProxyOptions()
        options.blobs = store
        try await withProxy(options) { proxy in
            let body = noise(1_000_000)
            let origin = try ScriptedOrigin(serving: body, fields: [("Cache-Control", "max-age=1000")])
            #expect(try proxy.client().get(origin.url("/a")).body == body)
            // The first hit, whose bytes are compared with their digest before the last of them go.
            store.evictWhenOpened(sha256(body))
            #expect(try proxy.client().get(origin.url("/a")).body == body)
            #expect(origin.requests.count == 1)
            #expect(try proxy.rows(atLeast: 2).allSatisfy { $0.status == 200 && !$0.row.isTruncated })
            #expect(try proxy.client().get(origin.url("/a")).body == body)
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `a body whose bytes are gone is fetched again`() async throws {
        try await withProxy { proxy in
            let body = noise(300_000)
            let origin = try ScriptedOrigin(serving: body)
            _ = try proxy.client().get(origin.url("/a"))
            let blob = try proxy.storedBlob(sha256(body))
            try proxy.cache.blobs.remove(blob)
            #expect(try proxy.client().get(origin.url("/a")).body == body)
            #expect(origin.requests.count == 2)
        }
    }

    // MARK: No room

    @Test(arguments: [1_000, 3_000_000], ["length", "chunked"])
    func `without room permissive sessions go on uncached and recorded`(_ count: Int, _ framing: String) async throws {
        var options = ProxyOptions()
        options.blobs = FailingStore.always()
        try await withProxy(options) { proxy in
            let body = noise(count)
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.send(body, framing: framing)
                }
            }
            for number in 1...2 {
                #expect(try proxy.client().get(origin.url("/a")).body == body)
                #expect(origin.requests.count == number, "it must not be answered from a cache")
            }
            let rows = try proxy.rows()
            #expect(rows.map(\.row.digest) == [sha256(body), sha256(body)])
            #expect(rows.allSatisfy { $0.row.delivered == Int64(count) })
        }
    }

    /// Faults are counted: the first change fails, then the second, until a run passes untouched.
    @Test func `wherever the room ends the client gets everything`() async throws {
        let body = noise(1_000_000)
        for change in stride(from: 0, through: 24, by: 3) {
            var options = ProxyOptions()
            options.blobs = FailingStore.from(change)
            try await withProxy(options) { proxy in
                let origin = try ScriptedOrigin(serving: body)
                #expect(try proxy.client().get(origin.url("/a")).body == body, "change \(change)")
                #expect(try proxy.rows().first?.row.digest == sha256(body))
            }
        }
    }

    @Test func `without room a slow client is waited for`() async throws {
        var options = ProxyOptions()
        options.blobs = FailingStore.always()
        try await withProxy(options) { proxy in
            let body = noise(40_000_000)
            let sent = Lock(0)
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.send(head(200, [], length: body.count))
                for start in stride(from: 0, to: body.count, by: 1_000_000) {
                    try session.send(Array(body[start..<start + 1_000_000]))
                    sent.withLock { $0 = start + 1_000_000 }
                }
            }
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            // Until the origin stands still nothing is read; what it has sent then is in the buffers on the way.
            var last = -1
            let deadline = Deadline()
            var still = 0
            while still < 400 {
                let now = sent.withLock { $0 }
                still = now == last ? still + 1 : 0
                last = now
                try deadline.check()
            }
            #expect(last < body.count, "the origin was never stopped")
            #expect(try client.answer().body == body)
        }
    }

    @Test func `without room an HTTP 1.0 client that must have the length is refused`() async throws {
        var options = ProxyOptions()
        options.blobs = FailingStore.always()
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.send(noise(3_000_000), framing: "chunked")
            }
            let client = try proxy.client()
            let answer = try client.ask("GET", origin.url("/a"), version: "HTTP/1.0")
            #expect(answer.head.status == 503)
            #expect(answer.text.contains("no space"), "\(answer.text)")
        }
    }

    @Test func `without a working catalog everything is still delivered and recorded`() async throws {
        try await withProxy { proxy in
            proxy.catalogFailure.withLock { $0 = StoreError(.unavailable, "write the catalog", "broken") }
            let body = noise(100_000)
            let origin = try ScriptedOrigin(serving: body)
            for _ in 0..<2 { #expect(try proxy.client().get(origin.url("/a")).body == body) }
            #expect(try proxy.rows().count == 2)
        }
    }
}

extension OriginSession {
    /// Sends a body in one of the framings that origins use.
    fileprivate func send(_ body: [UInt8], framing: String) throws {
        if framing == "length" {
            return try send(head(200, [("Cache-Control", "max-age=1000")], length: body.count) + body)
        }
        try send("HTTP/1.1 200 OK\r\nCache-Control: max-age=1000\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in stride(from: 0, to: body.count, by: 50_000) {
            let piece = body[start..<min(start + 50_000, body.count)]
            try send(Array((String(piece.count, radix: 16) + "\r\n").utf8) + piece + [13, 10])
        }
        try send("0\r\n\r\n")
    }
}
