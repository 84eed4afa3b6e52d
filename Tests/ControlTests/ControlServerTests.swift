import Core
import Glibc
import Platform
import Sessions
import Testing

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct ControlServerTests {
    @Test func aRequestThatDoesNotEndIsCutOff() async throws {
        try await ControlBench.run(adjust: { $0.readTimeout = .milliseconds(200) }) { (bench) async throws in
            for start in ["", "GET /sta", "POST /session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{"] {
                let head = String(decoding: try await bench.probe.raw(Array(start.utf8)), as: UTF8.self)
                #expect(!head.contains("HTTP/1.1 200"), "\(start)")
            }
        }
    }

    @Test(arguments: [
        "\u{0}\u{1}\u{2}garbage\r\n\r\n", "GET\r\n\r\n", "GET /status HTTP/9.9\r\n\r\n",
        "POST /session HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET /status HTTP/1.1\r\nHost: localhost\r\nbad name: x\r\n\r\n",
    ])
    func garbageIsAnsweredOrClosed(text: String) async throws {
        try await ControlBench.run(adjust: { $0.readTimeout = .seconds(2) }) { (bench) async throws in
            let reply = String(decoding: try await bench.probe.raw(Array(text.utf8)), as: UTF8.self)
            #expect(reply.isEmpty || reply.hasPrefix("HTTP/1.1 4"), "\(reply)")
            #expect(try await bench.probe.send("GET", "/status").status == 200)
        }
    }

    @Test func aHugeHeadIsRefused() async throws {
        try await ControlBench.run(adjust: { $0.readTimeout = .seconds(2) }) { (bench) async throws in
            let head = "GET /status HTTP/1.1\r\nHost: localhost\r\nX: " + String(repeating: "x", count: 1 << 20)
            let reply = String(decoding: try await bench.probe.raw(Array("\(head)\r\n\r\n".utf8)), as: UTF8.self)
            #expect(reply.isEmpty || reply.hasPrefix("HTTP/1.1 4"))
        }
    }

    @Test func connectionsStayUsable() async throws {
        try await ControlBench.run { (bench) async throws in
            let one = "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let two = "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            let reply = String(decoding: try await bench.probe.raw(Array((one + two).utf8)), as: UTF8.self)
            #expect(reply.contains("HTTP/1.1 200") && reply.contains("HTTP/1.1 404"))
        }
    }

    @Test func connectionsBeyondTheLimitAreClosed() async throws {
        try await ControlBench.run(adjust: { $0.mostConnections = 0 }) { (bench) async throws in
            #expect(try await bench.probe.raw(Array("GET /status HTTP/1.1\r\n\r\n".utf8)).isEmpty)
        }
    }

    @Test func aStoppedServerLetsGoOfIdleConnectionsAtOnce() async throws {
        let bench = try ControlBench()
        let idle = try Kernel.socket(ipv6: false)
        try Kernel.setNonBlocking(idle.number, false)
        #expect(Kernel.connect(idle.number, .loopback4(port: bench.probe.port)) == .connected)
        while bench.server.connectionCount == 0 { await Task.yield() }
        let before = MonotonicTime.now()
        try await bench.end()
        #expect(MonotonicTime.now() - before < .seconds(5))
        #expect(bench.server.connectionCount == 0)
    }

    @Test func whoHasJustConnectedIsAnsweredWhileTheServerStops() async throws {
        let bench = try ControlBench()
        let fresh = SharedDescriptor(adopting: try Kernel.socket(ipv6: false))
        try Kernel.setNonBlocking(fresh.raw, false)
        #expect(Kernel.connect(fresh.raw, .loopback4(port: bench.probe.port)) == .connected)
        while bench.server.connectionCount == 0 { await Task.yield() }
        let stop = Task { await bench.server.stop(grace: .seconds(20)) }
        let reply = try await bench.pool.run { () throws -> [UInt8] in
            let request = Array("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
            _ = request.withUnsafeBytes { Kernel.send(fresh.raw, $0) }
            var all: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while case .count(let count) = buffer.withUnsafeMutableBytes({ Kernel.recv(fresh.raw, into: $0) }),
                count > 0
            {
                all += buffer[..<count]
            }
            return all
        }
        #expect(String(decoding: reply, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        await stop.value
        #expect(bench.server.connectionCount == 0)
        try await bench.end()
    }

    @Test(arguments: [
        ("GET /status HTTP/1.x\r\nHost: localhost\r\n\r\n", 400), ("GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}", 400), ("GET /status HTTP/1.1\r\nA B: c\r\n\r\n", 400),
        ("GET /status HTTP/1.1\r\nX-Long: \(String(repeating: "a", count: 20_000))\r\n\r\n", 431),
        ("GET /status HTTP/1.1\r\n\(String(repeating: "X: y\r\n", count: 300))\r\n", 431),
    ]) func whatCannotBeParsedIsRefusedWithAStatus(request: String, status: Int) async throws {
        try await ControlBench.run { (bench) async throws in
            let reply = String(decoding: try await bench.probe.raw(Array(request.utf8)), as: UTF8.self)
            #expect(reply.hasPrefix("HTTP/1.1 \(status) "), "\(reply)")
            #expect(reply.contains("\r\n\r\nthe request cannot be read: "))
        }
    }

    @Test func nonsenseBehindARequestDoesNotTakeItsAnswer() async throws {
        try await ControlBench.run { (bench) async throws in
            let request = "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let reply = String(decoding: try await bench.probe.raw(Array("\(request)\0\0\0\r\n".utf8)), as: UTF8.self)
            #expect(reply.hasPrefix("HTTP/1.1 200 "), "\(reply)")
            #expect(reply.contains("active-sessions"))
        }
    }

    @Test(arguments: ["ZZ\r\n{}\r\n", "-1\r\n", "2\r\n{}2\r\n"])
    func aBodyThatCannotBeReadIsTheClientsFault(chunks: String) async throws {
        try await ControlBench.run { (bench) async throws in
            for path in ["/session", "/cache/gc"] {
                let (name, value) = ControlBench.administrator
                let request =
                    "POST \(path) HTTP/1.1\r\nHost: localhost\r\n\(name): \(value)\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n\(chunks)"
                let reply = String(decoding: try await bench.probe.raw(Array(request.utf8)), as: UTF8.self)
                #expect(reply.hasPrefix("HTTP/1.1 400 "), "\(reply)")
                #expect(reply.contains("the request body cannot be read: "))
            }
        }
    }

    @Test func whoeverConnectsWhileItStopsHarmsNothing() async throws {
        for _ in 0..<20 {
            let bench = try ControlBench()
            let port = bench.probe.port
            let isOver = Lock(false)
            let ended = Latch(count: 2)
            for _ in 0..<2 {
                startThread(name: "knocking") {
                    let request = Array("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
                    while !isOver.withLock({ $0 }) {
                        // Not blocking: in the end nobody empties the backlog.
                        guard let socket = try? Kernel.socket(ipv6: false) else { continue }
                        if case .failed = Kernel.connect(socket.number, .loopback4(port: port)) { continue }
                        _ = request.withUnsafeBytes { Kernel.send(socket.number, $0) }
                        // The answer, or nothing for a moment.
                        var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
                        poll(&entry, 1, 50)
                    }
                    ended.signal()
                }
            }
            #expect(try await bench.probe.send("GET", "/status").status == 200)
            try await bench.end()
            #expect(bench.server.connectionCount == 0)
            isOver.withLock { $0 = true }
            ended.wait()
        }
    }

    @Test func aServerThatIsStoppedAsItStartsAcceptsNobody() async throws {
        for _ in 0..<20 {
            let bench = try ControlBench()
            try await bench.end()
            #expect(bench.server.connectionCount == 0)
        }
    }
}
