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
    @Suite struct StopTests {
        let service: LiveService

        init() throws { service = try LiveService() }

        /// Sends a part of what it announced, and the rest when told.
        private func origin(sending part: Int, of whole: Int) throws -> ScriptedOrigin {
            try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                while try session.readRequest() != nil {
                    try session.send("HTTP/1.1 200 OK\r\nContent-Length: \(whole)\r\n\r\n")
                    try session.send(SampleBytes.noise(part))
                    try session.waitForRelease()
                    try session.send(Array(SampleBytes.noise(whole)[part...]))
                }
            }
        }

        private func startDownload(
            _ origin: ScriptedOrigin, of session: ControlClient.OpenedSession
        ) throws -> SessionConnection {
            var client = try SessionConnection(service, session)
            try client.openTunnel(to: origin, trust: service.trust)
            try client.send("GET", "/large", of: origin)
            // The head and something of the body.
            var received = 0
            while received < 1000 { received += try client.connection.readSome().count }
            return client
        }

        @Test func aTransferThatOutlastsTheStopIsCutAndRecordedAsTruncated() throws {
            let origin = try origin(sending: 200_000, of: 1_000_000)
            let session = try service.open()
            let client = try startDownload(origin, of: session)
            let before = MonotonicTime.now()
            service.process.signal(SIGTERM)
            #expect(throws: ConnectionFault.self, "no client takes it for complete") {
                _ = try client.connection.readToEnd()
            }
            #expect(service.process.end() == 143)
            #expect(MonotonicTime.now() - before < Machine.patience(.seconds(1)))
            try service.startAgain()
            let report = try service.report(session)
            let transfer = try #require(report.failedTransfers.first)
            #expect(report.exchanges.count == 1)
            #expect(transfer.isTruncated && transfer.number == 1)
            #expect((1...200_000).contains(transfer.delivered ?? 0), "\(transfer.delivered ?? -1)")
            #expect(report.recordComplete)
        }

        @Test func aTransferThatEndsInTimeIsLeftToEnd() throws {
            let origin = try origin(sending: 200_000, of: 300_000)
            let session = try service.open()
            let client = try startDownload(origin, of: session)
            service.process.signal(SIGTERM)
            #expect(service.process.waitForLog("stopping: SIGTERM"))
            origin.release()
            // In order, with close_notify, and all of it.
            let rest = try client.connection.readToEnd()
            #expect(rest.suffix(100_000) == SampleBytes.noise(300_000).suffix(100_000))
            #expect(service.process.end() == 143)
            try service.startAgain()
            let report = try service.report(session)
            #expect(report.digests(of: origin.url("/large")) == [SHA256Hasher.digest(SampleBytes.noise(300_000)).hex])
        }

        @Test func aSecondServiceOnTheSameStateLeavesTheFirstAlone() throws {
            let origin = try ScriptedOrigin { _ in (200, Array("fine".utf8)) }
            let session = try service.open()
            let second = try LiveService.start(service.folder, ["--permissive-mode"])
            #expect(second.end() == 1)
            #expect(second.errors.contains("another fetch-service uses the state folder"))
            #expect(try SessionConnection(service, session).get("/", of: origin).text == "fine")
            #expect(try service.report(session).exchanges.count == 1)
        }
    }
}
