import Core
import Glibc
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

@testable import fetchctl

extension EndToEnd {
    @Suite struct FewDescriptorsTests {
        @Test func theServiceWorksWithFewDescriptorsWhateverClientsOpen() throws {
            let service = try LiveService(descriptors: 256)
            #expect(
                service.process.waitForLog(
                    "limits: 256 descriptors, 128 of them kept for the record, control and log; 32 client connections"))
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() { try session.respond(text: request.target) }
            }
            let session = try service.open()
            // More than it may have descriptors: some are served, the rest waits in the kernel's backlog.
            let clients = try (0..<300).map { _ in
                try SessionConnection(service, session, patience: .milliseconds(200))
            }
            for (index, client) in clients.enumerated() { try client.send("GET", "/\(index)", of: origin) }
            #expect(clients.filter { (try? $0.answer())?.head.status == 200 }.count >= 16)
            // The control API and the record go on meanwhile.
            #expect(try service.open().id != session.id)
            for client in clients { client.connection.close() }
            let later = try SessionConnection(service, session)
            #expect(try later.get("/later", of: origin).text == "/later")
            later.connection.close()
            let report = try service.report(session)
            #expect(report.recordComplete)
            #expect(report.artifacts.flatMap(\.downloads).contains { $0.url.hasSuffix("/later") })
            #expect(!service.folder.text("err").contains("cannot be recorded"))
        }
    }
}
