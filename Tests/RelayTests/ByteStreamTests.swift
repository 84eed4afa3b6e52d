import Core
import Cryptography
import Glibc
import RelayTesting
import Platform
import Testing

@testable import Relay

/// A server of streams on loopback, for clients on the thread of the test.
final class TestServer: Sendable {
    let tests: [TestLoop]
    let acceptor: Acceptor
    let port: UInt16

    init(
        loops: Int = 1, limit: Int = 1000, serve: @escaping @Sendable (ByteStream) -> any StreamHandler
    ) throws {
        tests = try (0..<loops).map { _ in try TestLoop() }
        let listener = try Listener(.loopback4(port: 0))
        port = listener.address.port
        acceptor = Acceptor(listener: listener.descriptor, loops: tests.map(\.loop), limit: limit) {
            loop, descriptor, peer in
            let stream = ByteStream(loop: loop, descriptor: descriptor, peer: peer)
            stream.handler = serve(stream)
        }
    }

    deinit { acceptor.stop() }

    func connect() throws -> BlockingConnection { try BlockingConnection(port: port) }
}

/// Reads everything and writes it back.
final class Echo: StreamHandler {
    private var waiting: [UInt8] = []
    private var sawEnd = false

    func streamReady(_ stream: ByteStream) {
        reading: while !sawEnd {
            switch stream.read(into: stream.loop.scratch) {
            case .count(let count): waiting += stream.loop.scratch[..<count]
            case .wouldBlock: break reading
            case .end: sawEnd = true
            case .failed: return stream.abort()
            }
        }
        while !waiting.isEmpty {
            guard case .count(let count) = waiting.withUnsafeBytes({ stream.write($0) }) else { return }
            waiting.removeFirst(count)
        }
        if sawEnd { stream.closeOrderly() }
    }
}

@Suite(.timeLimit(.minutes(2))) struct ByteStreamTests {
    private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) } }

    @Test func `a client that ends its side still gets everything`() throws {
        let server = try TestServer { _ in Echo() }
        let client = try server.connect()
        let bytes = pattern(300_000)
        try client.send(bytes)
        client.endWriting()
        #expect(try client.readToEnd() == bytes)
    }

    @Test func `a TLS client that ends its side still gets everything`() throws {
        let context = try TestCertificates.shared.get().server()
        let server = try TestServer { stream in
            stream.startServerTLS(context)
            return Echo()
        }
        let client = try server.connect()
        try client.startTLS(TestCertificates.shared.get().client(), host: "127.0.0.1")
        let bytes = pattern(300_000)
        try client.send(bytes)
        client.endWriting()
        #expect(try client.readToEnd() == bytes)
    }

    @Test func `TLS begins with bytes that were read already, or only looked at`() throws {
        let context = try TestCertificates.shared.get().server()
        let server = try TestServer { _ in
            Reaction { stream in
                var first: [UInt8] = [0]
                guard case .count = first.withUnsafeMutableBytes({ stream.peek(into: $0) }), looksLikeTLS(first) else {
                    return
                }
                guard case .count = first.withUnsafeMutableBytes({ stream.read(into: $0) }) else { return }
                stream.startServerTLS(context, prefix: first)
                stream.handler = Echo()
            }
        }
        let client = try server.connect()
        try client.startTLS(TestCertificates.shared.get().client(), host: "127.0.0.1")
        try client.send("hello")
        #expect(try client.read(exactly: 5) == Array("hello".utf8))
    }

    @Test func `a handshake that is no TLS fails with a reason`() throws {
        let context = try TestCertificates.shared.get().server()
        let failure = Monitor<String?>(nil)
        let server = try TestServer { stream in
            stream.startServerTLS(context)
            return Reaction { stream in
                failure.change { $0 = stream.failure }
                stream.closeOrderly()
            }
        }
        try server.connect().send("GET / HTTP/1.1\r\n\r\n")
        let reason = try #require(failure.wait(until: .now() + .seconds(20)) { $0 })
        #expect(reason.hasPrefix("TLS: "))
    }

    @Test(arguments: [false, true])
    func `much more than the socket takes arrives in order`(_ isTLS: Bool) throws {
        let context = try TestCertificates.shared.get().server()
        let bytes = pattern(12 << 20)
        let sent = Monitor(0)
        let server = try TestServer { stream in
            if isTLS { stream.startServerTLS(context) }
            return Reaction { stream in
                while true {
                    let start = sent.withLock { $0 }
                    if start == bytes.count { return stream.closeOrderly() }
                    let head = Array(bytes[start..<min(start + 9, bytes.count)])
                    let body = min(start + 9, bytes.count)..<min(start + 70_000, bytes.count)
                    let outcome = bytes[body].withUnsafeBytes { stream.write(head: head, body: $0) }
                    guard case .count(let count) = outcome else { return }
                    sent.change { $0 += count }
                }
            }
        }
        let client = try server.connect()
        if isTLS {
            try client.startTLS(TestCertificates.shared.get().client(), host: "127.0.0.1")
        } else {
            try client.send("x")
        }
        #expect(try client.readToEnd() == bytes)
    }

    @Test func `an aborted stream is a reset for the peer`() throws {
        let server = try TestServer { _ in
            Reaction { stream in
                _ = [65, 66].withUnsafeBytes { stream.write($0) }
                stream.abort()
            }
        }
        let client = try server.connect()
        try client.send("x")
        #expect(throws: ConnectionFault.self) { while try !client.readSome().isEmpty {} }
    }

    @Test func `an aborted TLS stream sends no close_notify`() throws {
        let context = try TestCertificates.shared.get().server()
        let server = try TestServer { stream in
            stream.startServerTLS(context)
            return Reaction { $0.abort() }
        }
        let client = try server.connect()
        #expect(throws: ConnectionFault.self) {
            try client.startTLS(TestCertificates.shared.get().client(), host: "127.0.0.1")
            while try !client.readSome().isEmpty {}
        }
    }

    /// Closes after the peer's end, however it was told to begin.
    private func closer(_ isTLS: Bool) throws -> TestServer {
        let context = try TestCertificates.shared.get().server()
        return try TestServer { stream in
            if isTLS { stream.startServerTLS(context) }
            return Reaction { stream in
                while stream.handshakeDone {
                    switch stream.read(into: stream.loop.scratch) {
                    case .count: _ = Array("answer".utf8).withUnsafeBytes { stream.write($0) }
                    case .wouldBlock: return
                    case .end: return stream.closeAfterPeer()
                    case .failed: return stream.abort()
                    }
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func `after the peer's end between two messages the stream is closed without a word or a reset`(
        _ isTLS: Bool
    ) throws {
        let server = try closer(isTLS)
        let client = try server.connect()
        if isTLS { try client.startTLS(TestCertificates.shared.get().client(), host: "127.0.0.1") }
        try client.send("ask")
        #expect(try client.read(exactly: 6) == Array("answer".utf8))
        client.endWriting()
        if isTLS {
            do {
                _ = try client.readToEnd()
                Issue.record("a close_notify came")
            } catch let fault as ConnectionFault {
                #expect(fault.kind == .truncated)
            }
        } else {
            #expect(try client.readToEnd().isEmpty)
        }
    }

    @Test func `closing after a peer that has not ended is orderly`() throws {
        let context = try TestCertificates.shared.get().server()
        let server = try TestServer { stream in
            stream.startServerTLS(context)
            return Reaction { if $0.handshakeDone { $0.closeAfterPeer() } }
        }
        let client = try server.connect()
        try client.startTLS(TestCertificates.shared.get().client(), host: "127.0.0.1")
        #expect(try client.readToEnd().isEmpty)
    }

    @Test func `a silent TLS client gets its ticket nevertheless`() throws {
        let context = try TestCertificates.shared.get().server()
        let server = try TestServer { stream in
            stream.startServerTLS(context)
            return Echo()
        }
        let trust = try TestCertificates.shared.get().client()
        let silent = try BlockingConnection(port: server.port, patience: .milliseconds(100))
        try silent.startTLS(trust, host: "127.0.0.1")
        for _ in 0..<200 where trust.sessionCount == 0 { _ = try? silent.readSome() }
        let next = try server.connect()
        try next.startTLS(trust, host: "127.0.0.1")
        #expect(next.isResumed)
    }

    @Test(arguments: [false, true])
    func `an orderly end delivers the last bytes though the peer goes on sending`(_ isTLS: Bool) throws {
        let context = try TestCertificates.shared.get().server()
        let server = try TestServer { stream in
            if isTLS { stream.startServerTLS(context) }
            return Reaction { stream in
                guard stream.handshakeDone else { return }
                _ = Array("refused".utf8).withUnsafeBytes { stream.write($0) }
                stream.closeOrderly()
            }
        }
        let client = try server.connect()
        if isTLS { try client.startTLS(TestCertificates.shared.get().client(), host: "127.0.0.1") }
        try client.send([UInt8](repeating: 1, count: 100_000))
        #expect(try client.readToEnd() == Array("refused".utf8))
        client.close()
    }

    @Test func `a file is sent without reading it, and a short one is noticed`() throws {
        let bytes = pattern(3 << 20)
        var template = Array("/tmp/relay-test-XXXXXX".utf8CString)
        let file = SharedDescriptor(adopting: mkstemp(&template))
        unlink(template)
        _ = bytes.withUnsafeBytes { write(file.raw, $0.baseAddress, $0.count) }
        let sent = Monitor(0)
        let end = Monitor<ByteStream.Outcome?>(nil)
        let server = try TestServer { _ in
            Reaction { stream in
                while true {
                    let start = sent.withLock { $0 }
                    let outcome = stream.sendFile(file, offset: Int64(start), count: (3 << 20) + 100 - start)
                    guard case .count(let count) = outcome else {
                        if outcome == .wouldBlock { return }
                        end.change { $0 = outcome }
                        return stream.closeOrderly()
                    }
                    sent.change { $0 += count }
                }
            }
        }
        let client = try server.connect()
        try client.send("x")
        #expect(try client.readToEnd() == bytes)
        #expect(end.withLock { $0 } == .end)
    }

    @Test func `a stream has one call per turn, and a further one when it asks`() throws {
        let turns = Monitor<[UInt64]>([])
        let server = try TestServer { _ in
            Reaction { stream in
                turns.change { $0.append(stream.loop.now.nanoseconds) }
                var byte: [UInt8] = [0]
                switch byte.withUnsafeMutableBytes({ stream.read(into: $0) }) {
                case .count:
                    stream.requestTurn()
                    stream.requestTurn()
                case .wouldBlock: break
                default: stream.closeOrderly()
                }
            }
        }
        let client = try server.connect()
        try client.send("abcdefghij")
        client.endWriting()
        #expect(try client.readToEnd().isEmpty)
        let seen = turns.withLock { $0 }
        #expect(seen.count >= 11 && Set(seen).count == seen.count)
    }

    @Test func `an event for a closed stream reaches nobody, whoever has its number now`() throws {
        let test = try TestLoop()
        let loop = test.loop
        let calls = Monitor<[String]>([])
        try test.run {
            let one = try Kernel.socketPair()
            let two = try Kernel.socketPair()
            // All of it happens in one turn, so that both events are in one batch of the next.
            let made = one.take { first, second in
                (ByteStream(loop: loop, descriptor: first, peer: .any4(port: 0)), second.release())
            }
            let other = two.take { first, second in
                (ByteStream(loop: loop, descriptor: first, peer: .any4(port: 0)), second.release())
            }
            for (mine, theirs, name) in [(made.0, other.0, "first"), (other.0, made.0, "second")] {
                mine.handler = Reaction { _ in
                    calls.change { $0.append(name) }
                    let number = theirs.raw
                    theirs.abort()
                    mine.handler = nil
                    guard let third = try? Kernel.socketPair() else { return }
                    third.take { first, second in
                        #expect(first.number == number)
                        ByteStream(loop: loop, descriptor: first, peer: .any4(port: 0)).handler = Reaction { _ in
                            calls.change { $0.append("third") }
                        }
                        _ = second.release()
                    }
                }
            }
            for raw in [made.1, other.1] { _ = [UInt8(1)].withUnsafeBytes { Kernel.send(raw, $0) } }
        }
        try test.settle()
        #expect(calls.withLock { $0.count } == 1)
    }

    @Test func `closing in the callback, twice, and using it afterwards are harmless`() throws {
        let outcomes = Monitor<[ByteStream.Outcome]>([])
        let server = try TestServer { _ in
            Reaction { stream in
                stream.closeOrderly()
                stream.closeOrderly()
                stream.abort()
                stream.requestTurn()
                stream.shutdownWrite()
                outcomes.change {
                    $0.append(stream.read(into: stream.loop.scratch))
                    $0.append([UInt8(1)].withUnsafeBytes { stream.write($0) })
                }
            }
        }
        let client = try server.connect()
        try client.send("x")
        _ = try? client.readToEnd()
        let seen = try #require(outcomes.wait(until: .now() + .seconds(20)) { $0.isEmpty ? nil : $0 })
        #expect(seen == [.failed("the connection is closed"), .failed("the connection is closed")])
    }

    @Test func `the end of a loop resets its streams`() throws {
        let loop = try EventLoop(index: 1)
        loop.start()
        let listener = try Listener(.loopback4(port: 0))
        let accepted = Latch()
        let acceptor = Acceptor(listener: listener.descriptor, loops: [loop]) { loop, descriptor, peer in
            ByteStream(loop: loop, descriptor: descriptor, peer: peer).handler = Echo()
            accepted.signal()
        }
        let client = try BlockingConnection(port: listener.address.port)
        accepted.wait()
        loop.stop()
        #expect(throws: ConnectionFault.self) { try client.readToEnd() }
        acceptor.stop()
    }
}

@Suite(.timeLimit(.minutes(1))) struct AcceptorTests {
    @Test func `at the limit a connection waits until another one closes`() throws {
        let server = try TestServer(limit: 2) { _ in Echo() }
        let loop = server.tests[0].loop
        let first = try server.connect()
        let second = try server.connect()
        for client in [first, second] {
            try client.send("a")
            #expect(try client.readSome() == [97])
        }
        let third = try server.connect()
        try third.send("b")
        try server.tests[0].settle()
        #expect(loop.acceptedConnections == 2)
        first.reset()
        #expect(try third.readSome() == [98])
        #expect(loop.acceptedConnections == 2)
    }

    @Test func `connections are spread over the loops`() throws {
        let server = try TestServer(loops: 2) { _ in Echo() }
        let clients = try (0..<40).map { _ in try server.connect() }
        for client in clients {
            try client.send("a")
            #expect(try client.readSome() == [97])
        }
        let counts = server.tests.map(\.loop.acceptedConnections)
        #expect(counts.reduce(0, +) == 40 && counts.allSatisfy { $0 >= 10 }, "\(counts)")
    }

    @Test func `a stopped acceptor takes nobody`() throws {
        let server = try TestServer { _ in Echo() }
        server.acceptor.stop()
        try server.tests[0].settle()
        let client = try server.connect()
        try client.send("a")
        try server.tests[0].settle()
        #expect(server.tests[0].loop.acceptedConnections == 0)
    }
}
