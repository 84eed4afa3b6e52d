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
    @Suite struct KillTests {
        /// What a client has received in full.
        private struct Received: Hashable {
            var session: SessionID
            var url: String
            var digest: String
        }

        private struct Progress {
            var received: [Received] = []
            var wrong: [String] = []
            var isOver = false
        }

        /// The body of a path: sizes from 300 bytes to 2 MB, so that some are held whole and others only at their end.
        private static func body(_ path: String) -> [UInt8] {
            let digest = SHA256Hasher.digest(Array(path.utf8))
            let size = [300, 9_000, 70_000, 300_000, 2_000_000][Int(digest.bytes[0]) % 5]
            return SampleBytes.noise(size, seed: UInt64(digest.bytes[1]) << 8 | UInt64(digest.bytes[2]))
        }

        /// Downloads until told to stop, again after each failure.
        private static func download(
            from origin: ScriptedOrigin, port: UInt16, _ session: ControlClient.OpenedSession, seed: UInt64,
            _ progress: Monitor<Progress>
        ) {
            var random = SeededNumbers(seed: seed)
            while !progress.withLock({ $0.isOver }) {
                let isCached = Bool.random(using: &random)
                let isShared = Int.random(in: 0..<10, using: &random) < 6
                let number = Int.random(in: 0..<(isShared ? 40 : 1_000_000_000), using: &random)
                let path = "/\(isCached ? "cached" : "plain")/\(number)"
                let answer = try? SessionConnection(port: port, session).get(
                    path, of: origin, fields: "Connection: close\r\n")
                guard let answer else {
                    // The service is just being started again.
                    usleep(2000)
                    continue
                }
                progress.change { progress in
                    if answer.head.status != 200 {
                        progress.wrong.append("\(path): \(answer.head.status) \(answer.text.prefix(200))")
                    } else if answer.body != body(path) {
                        progress.wrong.append("\(path): \(answer.body.count) wrong bytes")
                    } else {
                        progress.received.append(
                            Received(
                                session: session.id, url: origin.url(path),
                                digest: SHA256Hasher.digest(answer.body).hex))
                    }
                }
            }
        }

        @Test func whateverWasReceivedInFullIsInTheRecordAfterKills() throws {
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let lifetime = request.target.hasPrefix("/cached/") ? 1000 : 0
                    try session.respond(
                        fields: ["Cache-Control": "max-age=\(lifetime)"], body: Self.body(request.target))
                }
            }
            let service = try LiveService()
            let sessions = try [service.open(), service.open()]
            let progress = Monitor(Progress())
            let clients = Latch(count: 4)
            let port = service.proxyPort
            for number in 0..<4 {
                startThread(name: "client-\(number)") {
                    Self.download(
                        from: origin, port: port, sessions[number % 2], seed: UInt64(number + 1), progress)
                    clients.signal()
                }
            }
            var random = SeededNumbers(seed: 2031)
            var starts: [Duration] = []
            for _ in 0..<(Machine.runsLongTests ? 200 : 25) {
                let pause = Duration.milliseconds(Int.random(in: 20..<370, using: &random))
                _ = progress.wait(until: .now() + pause) { $0.wrong.isEmpty ? nil : true }
                service.process.signal(SIGKILL)
                #expect(service.process.end() == 1000 + SIGKILL)
                starts.append(try service.startAgain())
            }
            progress.change { $0.isOver = true }
            #expect(clients.wait(atMost: .seconds(60)))
            let (received, wrong) = progress.withLock { ($0.received, $0.wrong) }
            #expect(wrong.isEmpty)
            #expect(received.count > 25)
            var recorded: Set<Received> = []
            for session in sessions {
                let report = try service.report(session)
                #expect(report.recordComplete && report.hasGapFreeNumbers)
                for artifact in report.artifacts {
                    for download in artifact.downloads {
                        recorded.insert(
                            Received(session: session.id, url: download.url, digest: artifact.metadata.sha256))
                    }
                }
            }
            #expect(Set(received).subtracting(recorded).isEmpty)
            starts.sort()
            #expect(starts[starts.count / 2] < Machine.patience(.seconds(1)), "\(starts)")
        }
    }
}

/// Random numbers that are the same for the same seed (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
