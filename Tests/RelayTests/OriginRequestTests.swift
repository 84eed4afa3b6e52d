import Core
import Relay
import RelayTesting
import Platform
import Testing
import Wire

@Suite(.timeLimit(.minutes(2))) struct OriginRequestTests {
    /// Sends `bytes` piece by piece as the connection takes them.
    private func uploader(
        _ bytes: [UInt8], piece: Int, trailers: Fields? = nil
    ) -> @Sendable (Exchange, OriginConnection) -> Void {
        { exchange, connection in
            let sent = Monitor(0)
            let send: @Sendable (OriginConnection) -> Void = { connection in
                while true {
                    let start = sent.withLock { $0 }
                    if start == bytes.count { return connection.endBody(trailers: trailers) }
                    let end = min(bytes.count, start + piece)
                    let taken = bytes[start..<end].withUnsafeBytes { connection.sendBody($0) }
                    sent.change { $0 += taken }
                    if taken < end - start { return }
                }
            }
            exchange.onWritable = send
            connection.loopForTests.execute { send(connection) }
        }
    }

    @Test(arguments: [1, 1000, 100_000, 3_000_000])
    func `a body with a length arrives whole`(_ piece: Int) throws {
        let origin = try ScriptedOrigin { session in
            while let request = try session.readRequest() { try session.respond(body: request.body) }
        }
        let body = (0..<(piece < 10 ? 300 : 3_000_000)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let pool = try TestPool()
        let exchange = pool.ask(
            OriginKey(origin), get(method: "PUT"), body: .length(Int64(body.count)),
            prepare: uploader(body, piece: piece))
        #expect(try exchange.outcome().body == body)
        #expect(origin.requests[0].head.fields.all("Content-Length") == [String(body.count)])
        #expect(try pool.idleCount == 1)
    }

    @Test(arguments: [1, 1000, 100_000, 3_000_000], [false, true])
    func `a chunked body arrives whole with its trailers`(_ piece: Int, _ isTLS: Bool) throws {
        let origin = try ScriptedOrigin(tls: isTLS ? TestCertificates.shared.get().server() : nil) { session in
            while let request = try session.readRequest() { try session.respond(body: request.body) }
        }
        let body = (0..<(piece < 10 ? 300 : 3_000_000)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var trailers = Fields()
        trailers.append("X-Sum", "1")
        let pool = try TestPool()
        let exchange = pool.ask(
            OriginKey(origin), get(method: "POST", ["Content-Length": "5"]), body: .chunked,
            prepare: uploader(body, piece: piece, trailers: trailers))
        #expect(try exchange.outcome().body == body)
        let request = try #require(origin.requests.first)
        #expect(request.head.fields.all("Transfer-Encoding") == ["chunked"])
        #expect(!request.head.fields.contains("Content-Length"))
        #expect(request.trailers.first("X-Sum") == "1")
        #expect(try pool.idleCount == 1)
    }

    @Test func `each chunk is sent at once and in full`() throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readHead()
            let start = try session.connection.read(exactly: 8)
            try session.respond(body: start)
        }
        let pool = try TestPool()
        let exchange = pool.ask(OriginKey(origin), get(method: "POST"), body: .chunked) { _, connection in
            connection.loopForTests.execute {
                _ = Array("abc".utf8).withUnsafeBytes { connection.sendBody($0) }
            }
        }
        #expect(try exchange.outcome().body == Array("3\r\nabc\r\n".utf8))
    }

    @Test func `an early refusal stops the body and the connection is not used again`() throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readHead()
            try session.respond(413, text: "too large")
            try session.waitForRelease()
        }
        let pool = try TestPool()
        let swallowed = Monitor(-1)
        let exchange = pool.ask(OriginKey(origin), get(method: "PUT"), body: .length(1 << 30)) { exchange, _ in
            exchange.onHead = { connection in
                let taken = [UInt8](repeating: 0, count: 1000).withUnsafeBytes { connection.sendBody($0) }
                swallowed.change { $0 = connection.wantsBody ? -2 : taken }
            }
        }
        let outcome = try exchange.outcome()
        #expect(outcome.events == [.head(413, .length(9)), .end(trailers: [])])
        #expect(swallowed.withLock { $0 } == 1000)
        #expect(try pool.idleCount == 0)
        origin.release()
    }

    @Test func `a success that begins early lets the body go on`() throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readHead()
            try session.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            try session.send(session.connection.read(exactly: 4))
        }
        let pool = try TestPool()
        let exchange = pool.ask(OriginKey(origin), get(method: "POST"), body: .length(4)) { exchange, _ in
            exchange.onHead = { connection in
                _ = Array("echo".utf8).withUnsafeBytes { connection.sendBody($0) }
                connection.endBody()
            }
        }
        #expect(try exchange.outcome().body == Array("echo".utf8))
    }

    @Test func `a body longer or shorter than its length fails the exchange`() throws {
        let origin = try ScriptedOrigin { session in _ = try session.readRequest() }
        let pool = try TestPool()
        for count in [3, 5] {
            let exchange = pool.ask(OriginKey(origin), get(method: "PUT"), body: .length(4)) { _, connection in
                connection.loopForTests.execute {
                    _ = [UInt8](repeating: 65, count: count).withUnsafeBytes { connection.sendBody($0) }
                    connection.endBody()
                }
            }
            guard case .failed(.malformed, 400, _) = try exchange.outcome().events.last else {
                Issue.record("\(count) bytes were accepted")
                return
            }
        }
    }

    @Test func `an origin that stops reading gives backpressure`() throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readHead()
            try session.waitForRelease()
            _ = try session.connection.read(exactly: 24 << 20)
            try session.respond()
        }
        let pool = try TestPool()
        let body = [UInt8](repeating: 1, count: 24 << 20)
        let blocked = Monitor(-1)
        let exchange = pool.ask(OriginKey(origin), get(method: "PUT"), body: .length(24 << 20)) {
            exchange, connection in
            let sent = Monitor(0)
            let send: @Sendable (OriginConnection) -> Void = { connection in
                let start = sent.withLock { $0 }
                let taken = body[start...].withUnsafeBytes { connection.sendBody($0) }
                sent.change { $0 += taken }
                blocked.change { if $0 < 0 { $0 = taken } }
            }
            exchange.onWritable = send
            connection.loopForTests.execute { send(connection) }
        }
        let taken = try #require(blocked.wait(until: .now() + .seconds(20)) { $0 >= 0 ? $0 : nil })
        #expect(taken > 0 && taken < 24 << 20)
        origin.release()
        #expect(try exchange.outcome().events == [.head(200, .length(0)), .end(trailers: [])])
    }

    // MARK: Credentials

    private func secret(_ text: String) -> SecretBytes {
        var bytes = Array(text.utf8)
        return SecretBytes(taking: &bytes)
    }

    @Test(arguments: [false, true])
    func `credentials are added to the head that goes out`(_ isTLS: Bool) throws {
        let origin = try ScriptedOrigin(tls: isTLS ? TestCertificates.shared.get().server() : nil) { session in
            while let request = try session.readRequest() { try session.respond(body: request.body) }
        }
        let pool = try TestPool()
        let exchange = pool.ask(
            OriginKey(origin), get(method: "PUT", ["X-First": "1"]), body: .length(3),
            authorization: secret("macaroon abc"), prepare: uploader([1, 2, 3], piece: 2))
        #expect(try exchange.outcome().body == [1, 2, 3])
        let fields = try #require(origin.requests.first).head.fields
        #expect(fields.all("Authorization") == ["macaroon abc"] && fields.first("X-First") == "1")
        #expect(fields.all("Content-Length") == ["3"])
    }

    @Test func `without the credentials that it should have nothing is sent`() throws {
        let origin = try ScriptedOrigin { session in
            while let request = try session.readRequest() { try session.respond(body: request.body) }
        }
        let pool = try TestPool()
        let gone = secret("macaroon abc")
        gone.wipe()
        let exchange = pool.ask(OriginKey(origin), get(), authorization: gone)
        #expect(try exchange.outcome().events == [.failed(.closedEarly, 503, "the session has ended")])
        #expect(origin.requests.isEmpty)
        #expect(try pool.idleCount == 0)
    }
}

extension OriginConnection {
    /// The loop that runs the caller; connections are only touched there.
    var loopForTests: EventLoop {
        guard let loop = EventLoop.current else { preconditionFailure("not on a loop") }
        return loop
    }
}
