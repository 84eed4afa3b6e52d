import Core
import Cryptography
import Glibc
import Platform
import RelayTesting
import ReportModel
import Testing
import Wire

@testable import fetchctl

extension EndToEnd {
    /// Clients that send what no client should, on both ports; afterwards the service is as it was before.
    @Suite struct BadInputTests {
        enum Port: String, CaseIterable { case proxy, control }

        let service: LiveService
        let origin: ScriptedOrigin
        let session: ControlClient.OpenedSession
        let facts: ProcessFacts
        private let descriptors: Int?

        init() throws {
            service = try LiveService()
            // Not kept open, so that the count of descriptors does not depend on which loop has one pooled.
            origin = try ScriptedOrigin { session in
                if try session.readRequest() != nil {
                    try session.respond(fields: ["Connection": "close"], text: "fine")
                }
            }
            session = try service.open()
            facts = ProcessFacts(process: service.place.processID)
            descriptors = facts.descriptorsOfExchanges?.count
        }

        private func number(_ port: Port) -> UInt16 { port == .proxy ? service.proxyPort : service.controlPort }

        private func connect(_ port: Port, patience: Duration = .seconds(10)) throws -> BlockingConnection {
            try BlockingConnection(port: number(port), patience: patience)
        }

        /// The status of the answer to some bytes; `nil` when the connection was ended without any.
        private func status(ofSending bytes: [UInt8], to port: Port) throws -> Int? {
            let connection = try connect(port)
            // It may be closed before all is sent.
            try? connection.send(bytes)
            connection.endWriting()
            return (try? connection.readResponse())?.head.status
        }

        /// Both ports answer, and nothing is left open.
        private func expectHealth() throws {
            let answer = try SessionConnection(service, session).get("/after", of: origin)
            #expect(answer.head.status == 200 && answer.text == "fine")
            _ = try service.place.control.status()
            if let descriptors {
                var now: [String] = []
                let isBack = eventually(atMost: Machine.patience(.seconds(5))) {
                    now = facts.descriptorsOfExchanges ?? []
                    return now.count <= descriptors
                }
                #expect(isBack, "\(descriptors) before, now \(now)")
            }
            let report = try service.report(session)
            #expect(report.recordComplete && report.hasGapFreeNumbers)
            service.process.signal(SIGTERM)
            #expect(service.process.end() == 143)
        }

        @Test(arguments: Port.allCases) func garbageIsRefused(port: Port) throws {
            for seed in 1...20 {
                let status = try status(ofSending: SampleBytes.noise(20_000, seed: UInt64(seed)), to: port)
                #expect(status == nil || (400..<500).contains(status ?? 0), "\(status ?? 0)")
            }
            let texts = [
                "\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nA B: c\r\n\r\n",
                "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}",
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            ]
            for text in texts {
                let status = try status(ofSending: Array(text.utf8), to: port)
                // On the control port some of these are well-formed requests without credentials or for nothing there.
                #expect(status == nil || (400..<600).contains(status ?? 0), "\(text.debugDescription): \(status ?? 0)")
            }
            try expectHealth()
        }

        @Test(arguments: Port.allCases) func aHeadOfAMegabyteIsRefused(port: Port) throws {
            let before = facts.residentBytes
            let target = port == .proxy ? origin.url("/") : "/status"
            let head = Array("GET \(target) HTTP/1.1\r\nHost: a\r\nX-Long: ".utf8)
            for _ in 0..<8 {
                let status = try status(
                    ofSending: head + [UInt8](repeating: 0x61, count: 1 << 20) + [13, 10, 13, 10], to: port)
                #expect(status == nil || [400, 413, 431].contains(status), "\(status ?? 0)")
            }
            let fields = (0..<40_000).map { "X-\($0): some value\r\n" }.joined()
            let status = try status(
                ofSending: Array("GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8), to: port)
            #expect(status == nil || [400, 413, 431].contains(status), "\(status ?? 0)")
            #expect(facts.residentBytes - before < 16 << 20)
            try expectHealth()
        }

        @Test func aHeadOfAMegabyteWithGoodCredentialsIsRefusedWithAStatus() throws {
            let connection = try SessionConnection(service, session)
            let long = String(repeating: "a", count: 100_000)
            try connection.send("GET", "/long", of: origin, fields: "X-Long: \(long)\r\n")
            #expect(try connection.answer().head.status == 431)
            #expect(!origin.requests.contains { $0.target == "/long" })
            try expectHealth()
        }

        @Test(arguments: Port.allCases) func requestsThatStopHalfwayAreForgotten(port: Port) throws {
            let whole =
                "POST \(port == .proxy ? origin.url("/half") : "/session") HTTP/1.1\r\nHost: a\r\n"
                + "Content-Length: 1000\r\n\r\n{\"policy\":"
            for end in stride(from: 1, through: whole.utf8.count, by: 7) {
                let connection = try connect(port)
                try connection.send(Array(whole.utf8.prefix(end)))
                if end % 2 == 0 { connection.reset() } else { connection.close() }
            }
            try expectHealth()
        }

        @Test func tunnelsThatStopHalfwayAreForgotten() throws {
            let tls = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { _ in (200, []) }
            for beginning in [[], [0x16], [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], SampleBytes.noise(5000)] {
                for isReset in [false, true] {
                    let connection = try connect(.proxy)
                    let pair = Base64.encode(Array("\(session.id):\(session.token)".utf8))
                    try connection.send(
                        "CONNECT 127.0.0.1:\(tls.port) HTTP/1.0\r\nProxy-Authorization: Basic \(pair)\r\n\r\n")
                    #expect(try connection.readResponse(to: "CONNECT")?.head.status == 200)
                    try? connection.send(beginning)
                    if isReset { connection.reset() } else { connection.close() }
                }
            }
            try expectHealth()
        }

        @Test func clientsThatAreTooSlowDisturbNobody() throws {
            let slow = try Port.allCases.flatMap { port in try (0..<150).map { _ in try connect(port) } }
            let request = Array("GET /status HTTP/1.1\r\nHost: a\r\nX-Slow: ".utf8)
            for index in 0..<25 {
                for connection in slow {
                    try? connection.send([index < request.count ? request[index] : 0x61])
                }
                let before = MonotonicTime.now()
                #expect(try SessionConnection(service, session).get("/\(index)", of: origin).text == "fine")
                _ = try service.place.control.status()
                #expect(MonotonicTime.now() - before < Machine.patience(.seconds(1)))
            }
            for connection in slow { connection.close() }
            try expectHealth()
        }

        @Test(.enabled(if: Machine.runsLongTests, "takes 35 s; set FETCH_SERVICE_LONG_TESTS"))
        func aHeadThatNeverEndsIsNotAwaitedForEver() throws {
            for port in Port.allCases {
                let connection = try connect(port, patience: .seconds(40))
                try connection.send("GET /status HTTP/1.1\r\nHost: a\r\n")
                let answer = try? connection.readToEnd()
                #expect(answer == nil || answer?.starts(with: Array("HTTP/1.1 4".utf8)) == true || answer == [])
            }
            try expectHealth()
        }

        @Test(arguments: Port.allCases) func clientsThatNeverReadAreNoTrouble(port: Port) throws {
            let request =
                port == .proxy
                ? "GET \(origin.url("/unread")) HTTP/1.1\r\nHost: a\r\n\r\n" : "GET /status HTTP/1.1\r\nHost: a\r\n\r\n"
            for _ in 0..<20 {
                let connection = try connect(port)
                try? connection.send(String(repeating: request, count: 200))
                connection.close()
            }
            try expectHealth()
        }
    }
}
