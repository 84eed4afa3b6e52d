import Core
import Glibc
import Platform
import Sessions
import Testing

@testable import Control

/// RFC 9112, sections 2.3, 3.2, 6 and 9; RFC 9110, section 10.1.1.
@Suite(.timeLimit(.minutes(2))) struct PersistenceTests {
    private static let administrator = "\(ControlBench.administrator.0): \(ControlBench.administrator.1)\r\n"

    /// What comes back until the server closes, and how long that took.
    private func ask(_ bench: ControlBench, _ text: String) async throws -> (head: String, body: String, Duration) {
        let before = MonotonicTime.now()
        let all = String(decoding: try await bench.probe.raw(Array(text.utf8)), as: UTF8.self)
        let parts = all.split(separator: "\r\n\r\n", maxSplits: 1).map(String.init)
        return (parts.first ?? "", parts.count > 1 ? parts[1] : "", MonotonicTime.now() - before)
    }

    @Test func anOldClientGetsNoChunksAndTheEnd() async throws {
        try await ControlBench.run { (bench) async throws in
            let (id, token) = try await bench.open()
            #expect(try await bench.revoke(id, token).status == 200)
            for fields in ["", "Host: localhost\r\n", "Connection: keep-alive\r\n"] {
                let request = "GET /session/\(id) HTTP/1.0\r\n\(Self.administrator)\(fields)\r\n"
                let (head, body, time) = try await ask(bench, request)
                #expect(head.hasPrefix("HTTP/1.0 200 "), "\(head)")
                #expect(!head.lowercased().contains("transfer-encoding"), "\(head)")
                #expect(head.lowercased().contains("connection: close"), "\(head)")
                #expect(body.hasPrefix("{") && body.hasSuffix("}"), "\(body)")
                #expect(time < .seconds(4))
            }
        }
    }

    @Test(arguments: ["close", "Close", "x, close", "keep-alive, CLOSE"])
    func whoAsksForTheEndIsToldAndGetsIt(option: String) async throws {
        try await ControlBench.run { (bench) async throws in
            let one = "GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: \(option)\r\n\r\n"
            let (head, body, time) = try await ask(bench, one + one)
            #expect(head.hasPrefix("HTTP/1.1 200 ") && head.lowercased().contains("connection: close"), "\(head)")
            // What stands behind a last request is not answered.
            #expect(!body.contains("HTTP/1.1"), "\(body)")
            #expect(time < .seconds(4))
        }
    }

    @Test(arguments: ["", "Host: localhost\r\nHost: localhost\r\n", "Host: localhost\r\nhost: other.example\r\n"])
    func aRequestNeedsOneHost(fields: String) async throws {
        try await ControlBench.run { (bench) async throws in
            let request = "GET /status HTTP/1.1\r\n\(fields)Connection: close\r\n\r\n"
            let (head, body, _) = try await ask(bench, request)
            #expect(head.hasPrefix("HTTP/1.1 400 "), "\(head)")
            #expect(body == "a request needs one Host field")
        }
    }

    /// Sends a head, reads what comes, sends the body and reads to the end.
    private func inTwoParts(_ bench: ControlBench, _ head: String, _ body: String) async throws -> (String, String) {
        let port = bench.probe.port
        return try await bench.pool.run { () throws -> (String, String) in
            let socket = try Kernel.socket(ipv6: false)
            try Kernel.setNonBlocking(socket.number, false)
            var limit = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            #expect(Kernel.connect(socket.number, .loopback4(port: port)) == .connected)
            func send(_ text: String) { Array(text.utf8).withUnsafeBytes { _ = Kernel.send(socket.number, $0) } }
            func receive() -> [UInt8] {
                var buffer = [UInt8](repeating: 0, count: 65536)
                guard case .count(let count) = buffer.withUnsafeMutableBytes({ Kernel.recv(socket.number, into: $0) })
                else { return [] }
                return Array(buffer[..<count])
            }
            send(head)
            let first = receive()
            send(body)
            var rest: [UInt8] = []
            while case let part = receive(), !part.isEmpty { rest += part }
            return (String(decoding: first, as: UTF8.self), String(decoding: rest, as: UTF8.self))
        }
    }

    @Test func whoWaitsForAContinueGetsIt() async throws {
        try await ControlBench.run { (bench) async throws in
            let head =
                "POST /session HTTP/1.1\r\nHost: localhost\r\n\(Self.administrator)Content-Length: 2\r\n"
                + "Expect: 100-continue\r\nConnection: close\r\n\r\n"
            let (first, rest) = try await inTwoParts(bench, head, "{}")
            #expect(first == "HTTP/1.1 100 Continue\r\n\r\n")
            #expect(rest.hasPrefix("HTTP/1.1 200 ") && rest.contains("\"token\""), "\(rest)")
        }
    }

    @Test func aContinueComesAfterTheAnswersBefore() async throws {
        try await ControlBench.run { (bench) async throws in
            let head =
                "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"
                + "POST /session HTTP/1.1\r\nHost: localhost\r\n\(Self.administrator)Content-Length: 2\r\n"
                + "Expect: 100-continue\r\nConnection: close\r\n\r\n"
            let (first, rest) = try await inTwoParts(bench, head, "{}")
            let all = first + rest
            #expect(all.hasPrefix("HTTP/1.1 200 "))
            let parts = all.split(separator: "HTTP/1.1 ").map { $0.prefix(3) }
            #expect(parts == ["200", "100", "200"], "\(all)")
        }
    }

    @Test func aBodyThatIsTooLargeIsRefusedBeforeItComes() async throws {
        try await ControlBench.run { (bench) async throws in
            let head =
                "POST /session HTTP/1.1\r\nHost: localhost\r\n\(Self.administrator)"
                + "Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n"
            let (head413, body, time) = try await ask(bench, head)
            #expect(head413.hasPrefix("HTTP/1.1 413 ") && head413.lowercased().contains("connection: close"))
            #expect(body == "the request body is too large")
            #expect(time < .seconds(10))
        }
    }

    @Test func aLargeBodyBehindALastAnswerStallsNobody() async throws {
        try await ControlBench.run { (bench) async throws in
            // More than the sockets hold: whoever sends it needs somebody who reads.
            let body = String(repeating: "x", count: 32 << 20)
            let request =
                "POST /session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            let (head, text, time) = try await ask(bench, request)
            #expect(head.hasPrefix("HTTP/1.1 401 "), "\(head)")
            #expect(text == "401 Unauthorized")
            #expect(time < .seconds(10))
        }
    }
}
