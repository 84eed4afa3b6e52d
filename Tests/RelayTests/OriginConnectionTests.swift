import Core
import Relay
import RelayTesting
import Platform
import Testing
import Wire

@Suite(.timeLimit(.minutes(2))) struct OriginConnectionTests {
    @Test func `a request is answered and the connection used again`() throws {
        let origin = try ScriptedOrigin { request in (200, Array("hello \(request.target)".utf8)) }
        let pool = try TestPool()
        let first = try pool.ask(OriginKey(origin), get("/one")).outcome()
        #expect(first.events == [.head(200, .length(10)), .end(trailers: [])])
        #expect(String(decoding: first.body, as: UTF8.self) == "hello /one")
        #expect(first.isReused == false && first.receivedAnything == true)
        let second = try pool.ask(OriginKey(origin), get("/two?x=%2F")).outcome()
        #expect(String(decoding: second.body, as: UTF8.self) == "hello /two?x=%2F")
        #expect(second.isReused == true)
        #expect(origin.connectionCount == 1)
        #expect(origin.requests.map(\.target) == ["/one", "/two?x=%2F"])
        #expect(origin.requests[0].head.fields.all("Host") == ["origin.example"])
    }

    @Test func `with fresh a new connection is made`() throws {
        let origin = try ScriptedOrigin { _ in (200, []) }
        let pool = try TestPool()
        _ = try pool.ask(OriginKey(origin)).outcome()
        #expect(try pool.ask(OriginKey(origin), fresh: true).outcome().isReused == false)
        #expect(origin.connectionCount == 2)
    }

    @Test func `connections stay with the scope of their credentials`() throws {
        let origin = try ScriptedOrigin { _ in (200, []) }
        let pool = try TestPool()
        _ = try pool.ask(OriginKey(origin, scope: "one"), get()).outcome()
        #expect(try pool.ask(OriginKey(origin, scope: "two"), get()).outcome().isReused == false)
        #expect(try pool.ask(OriginKey(origin), get()).outcome().isReused == false)
        #expect(try pool.ask(OriginKey(origin, scope: "one"), get()).outcome().isReused == true)
    }

    @Test func `a connection that carried NTLM or Negotiate is never used again`() throws {
        let origin = try ScriptedOrigin { _ in (200, []) }
        let pool = try TestPool()
        for value in ["NTLM abc", "negotiate abc"] {
            _ = try pool.ask(OriginKey(origin), get("/", ["Authorization": value])).outcome()
            #expect(try pool.idleCount == 0)
        }
    }

    @Test func `chunks are taken apart and trailers delivered`() throws {
        let origin = try ScriptedOrigin { session in
            while try session.readRequest() != nil {
                try session.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n")
                try session.waitForRelease()
                try session.send("4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n")
            }
        }
        let pool = try TestPool()
        let exchange = pool.ask(OriginKey(origin))
        #expect(exchange.waitForBody(3))
        origin.release()
        let outcome = try exchange.outcome()
        #expect(outcome.events == [.head(200, .chunked), .end(trailers: ["X-Sum: 7"])])
        #expect(outcome.body == Array("abcdefg".utf8))
        #expect(try pool.idleCount == 1)
    }

    @Test func `interim answers come before the head`() throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            try session.respond(204)
        }
        let pool = try TestPool()
        let outcome = try pool.ask(OriginKey(origin)).outcome()
        #expect(outcome.events == [.interim(100), .interim(103), .head(204, .none), .end(trailers: [])])
    }

    @Test(arguments: ["HEAD", "GET"])
    func `answers without content end with their head`(_ method: String) throws {
        let origin = try ScriptedOrigin { session in
            while let request = try session.readRequest() {
                try session.send(
                    request.head.method == "HEAD"
                        ? "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
                        : "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n")
            }
        }
        let pool = try TestPool()
        for _ in 0..<2 {
            let outcome = try pool.ask(OriginKey(origin), get(method: method)).outcome()
            #expect(outcome.events.last == .end(trailers: []) && outcome.body.isEmpty)
        }
        #expect(origin.connectionCount == 1)
    }

    @Test(arguments: [false, true])
    func `a body until the end of the connection ends in order`(_ isTLS: Bool) throws {
        let origin = try ScriptedOrigin(tls: isTLS ? TestCertificates.shared.get().server() : nil) { session in
            _ = try session.readRequest()
            try session.send("HTTP/1.1 200 OK\r\n\r\nall of it")
        }
        let pool = try TestPool()
        let outcome = try pool.ask(OriginKey(origin)).outcome()
        #expect(outcome.events == [.head(200, .untilClose), .end(trailers: [])])
        #expect(outcome.body == Array("all of it".utf8))
        #expect(try pool.idleCount == 0)
    }

    /// Bytes that do not repeat within a piece.
    private static let large = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8 ^ $0 >> 13) }

    @Test(arguments: ["length", "length over TLS", "close", "close over TLS"], [700, 30_000, 600_000])
    func `a large body is the same in whatever pieces it comes`(_ how: String, _ pieceSize: Int) throws {
        let (hasLength, isTLS) = (how.hasPrefix("length"), how.hasSuffix("TLS"))
        let origin = try ScriptedOrigin(tls: isTLS ? TestCertificates.shared.get().server() : nil) { session in
            _ = try session.readRequest()
            let length = hasLength ? "Content-Length: \(Self.large.count)\r\n" : ""
            try session.send("HTTP/1.1 200 OK\r\n\(length)\r\n")
            for start in stride(from: 0, to: Self.large.count, by: pieceSize) {
                try session.send(Array(Self.large[start..<min(start + pieceSize, Self.large.count)]))
            }
            if hasLength { try session.waitForRelease() }
        }
        let pool = try TestPool()
        let outcome = try pool.ask(OriginKey(origin)).outcome()
        #expect(outcome.body == Self.large)
        #expect(outcome.events.last == .end(trailers: []))
        #expect(try pool.idleCount == (hasLength ? 1 : 0))
        origin.release()
    }

    @Test(arguments: [false, true]) func `what comes behind a large body is no part of it`(_ isTLS: Bool) throws {
        let origin = try ScriptedOrigin(tls: isTLS ? TestCertificates.shared.get().server() : nil) { session in
            _ = try session.readRequest()
            try session.send(
                Array("HTTP/1.1 200 OK\r\nContent-Length: \(Self.large.count)\r\n\r\n".utf8) + Self.large
                    + Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8))
            try session.waitForRelease()
        }
        let pool = try TestPool()
        #expect(try pool.ask(OriginKey(origin)).outcome().body == Self.large)
        // Nobody is given a connection on which an answer stands that nobody asked for.
        let deadline = MonotonicTime.now() + .seconds(20)
        while try pool.idleCount > 0, MonotonicTime.now() < deadline {}
        #expect(try pool.idleCount == 0)
        origin.release()
    }

    @Test func `a large body that is cut short has closed early`() throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.send(
                Array("HTTP/1.1 200 OK\r\nContent-Length: \(Self.large.count + 1)\r\n\r\n".utf8) + Self.large)
        }
        let pool = try TestPool()
        let outcome = try pool.ask(OriginKey(origin)).outcome()
        guard case .failed(.closedEarly, 502, let reason) = outcome.events.last else {
            Issue.record("\(outcome.events)")
            return
        }
        #expect(reason.hasPrefix("1 bytes of the origin's answer are missing"))
        #expect(outcome.body == Self.large)
    }

    @Test func `a TLS body cut without close_notify has closed early`() throws {
        let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
            _ = try session.readRequest()
            try session.send("HTTP/1.1 200 OK\r\n\r\npart")
            session.close()
        }
        let pool = try TestPool()
        let outcome = try pool.ask(OriginKey(origin)).outcome()
        guard case .failed(.closedEarly, 502, let reason) = outcome.events.last else {
            Issue.record("\(outcome.events)")
            return
        }
        #expect(reason.contains("close_notify"))
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\n\r\npart", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", "HTTP/1.1 200 O", "",
    ])
    func `a reset is never the end of an answer`(_ sent: String) throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.send(sent)
            try session.waitForRelease()
            session.reset()
        }
        let pool = try TestPool()
        let exchange = pool.ask(OriginKey(origin))
        #expect(origin.waitForRequests(1))
        if sent.contains("part") { #expect(exchange.waitForBody(4)) }
        origin.release()
        let outcome = try exchange.outcome()
        guard case .failed(.closedEarly, 502, _) = outcome.events.last else {
            Issue.record("\(outcome.events)")
            return
        }
        #expect(outcome.receivedAnything == !sent.isEmpty || sent == "HTTP/1.1 200 O")
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", "HTTP/1.1 200 O",
    ])
    func `an orderly end within an answer has closed early`(_ sent: String) throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.send(sent)
        }
        let pool = try TestPool()
        let outcome = try pool.ask(OriginKey(origin)).outcome()
        guard case .failed(.closedEarly, 502, _) = outcome.events.last else {
            Issue.record("\(outcome.events)")
            return
        }
    }

    private static let ambiguous = [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\na", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "garbage\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n",
        String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 11),
        "HTTP/1.1 200 OK\r\nA: " + String(repeating: "a", count: 70000) + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" + String(repeating: "A: b\r\n", count: 201) + "\r\n",
    ]

    @Test(arguments: ambiguous.indices)
    func `what two parsers could read differently is refused`(_ index: Int) throws {
        let sent = Self.ambiguous[index]
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.send(sent)
        }
        let pool = try TestPool()
        let outcome = try pool.ask(OriginKey(origin)).outcome()
        guard case .failed(.malformed, 502, _) = outcome.events.last else {
            Issue.record("\(outcome.events)")
            return
        }
        #expect(try pool.idleCount == 0)
    }

    @Test func `bytes after an answer end the connection, not the answer`() throws {
        let origin = try ScriptedOrigin { session in
            while try session.readRequest() != nil {
                try session.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            }
        }
        let pool = try TestPool()
        for _ in 0..<2 {
            let outcome = try pool.ask(OriginKey(origin)).outcome()
            #expect(outcome.body == Array("ok".utf8) && outcome.isReused == false)
        }
    }

    @Test func `an unused connection that speaks is closed`() throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.respond(text: "one")
            try session.waitForRelease()
            try session.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        }
        let pool = try TestPool()
        _ = try pool.ask(OriginKey(origin)).outcome()
        #expect(try pool.idleCount == 1)
        origin.release()
        #expect(try pool.waitForIdle(0))
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ])
    func `a connection that the origin will close is not kept`(_ sent: String) throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.send(sent)
            try session.waitForRelease()
        }
        let pool = try TestPool()
        #expect(try pool.ask(OriginKey(origin)).outcome().body == Array("ok".utf8))
        #expect(try pool.idleCount == 0)
        origin.release()
    }

    @Test func `a pooled connection that died unnoticed fails before anything was received`() throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.respond(text: "one")
            guard session.index == 0 else { return }
            // The second request arrives, then the connection dies without an answer.
            _ = try session.readRequest()
            session.reset()
        }
        let pool = try TestPool()
        _ = try pool.ask(OriginKey(origin)).outcome()
        let stale = try pool.ask(OriginKey(origin)).outcome()
        guard case .failed(.closedEarly, 502, _) = stale.events.last else {
            Issue.record("\(stale.events)")
            return
        }
        #expect(stale.isReused == true && stale.receivedAnything == false)
        let retry = try pool.ask(OriginKey(origin), fresh: true).outcome()
        #expect(retry.body == Array("one".utf8))
    }

    @Test func `a late cancel does not hit the next user of the connection`() throws {
        let origin = try ScriptedOrigin { request in (200, Array(request.target.utf8)) }
        let pool = try TestPool()
        let first = Monitor<OriginConnection?>(nil)
        _ = try pool.ask(OriginKey(origin), get("/1")) { _, connection in first.change { $0 = connection } }.outcome()
        let second = pool.ask(OriginKey(origin), get("/2")) { _, _ in first.withLock { $0 }?.cancel() }
        #expect(try second.outcome().body == Array("/2".utf8))
        #expect(origin.connectionCount == 1)
    }

    @Test func `a cancelled exchange resets the connection and says nothing more`() throws {
        let faults = Monitor<[ConnectionFault.Kind]>([])
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
            do {
                _ = try session.connection.readSome()
                faults.change { $0.append(.ended) }
            } catch let fault as ConnectionFault {
                faults.change { $0.append(fault.kind) }
            }
        }
        let pool = try TestPool()
        let exchange = pool.ask(OriginKey(origin)) { exchange, _ in exchange.onBody = { $0.cancel() } }
        #expect(exchange.waitForBody(4))
        #expect(faults.wait(until: .now() + .seconds(10)) { $0.first } == .reset)
        try pool.test.settle()
        #expect(exchange.state.withLock { $0.events } == [.head(200, .length(100))])
    }

    @Test func `reading stops while paused and goes on when resumed`() throws {
        let size = 8 << 20
        let origin = try ScriptedOrigin { _ in (200, [UInt8](repeating: 7, count: size)) }
        let pool = try TestPool()
        let exchange = pool.ask(OriginKey(origin)) { exchange, _ in exchange.onBody = { $0.pauseReading() } }
        #expect(exchange.waitForBody(1))
        try pool.test.settle()
        #expect(exchange.state.withLock { $0.body.count } <= 128 * 1024)
        try pool.test.run {
            exchange.onBody = nil
            exchange.connection?.resumeReading()
        }
        #expect(try exchange.outcome().body.count == size)
    }
}
