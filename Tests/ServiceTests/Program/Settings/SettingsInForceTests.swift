import Core
import Cryptography
import Glibc
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

@testable import fetchctl

extension EndToEnd {
    /// What is written in `service.yaml` is what the service does.
    @Suite struct SettingsInForceTests {
        let folder: TemporaryFolder

        init() throws { folder = try TemporaryFolder.configured() }

        private func service(_ settings: String) throws -> LiveService {
            try folder.write(settings, to: "conf/service.yaml")
            return try LiveService(in: folder)
        }

        private func status(of service: LiveService) throws -> String {
            let connection = try BlockingConnection(port: service.controlPort)
            try connection.send("GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return try connection.readResponse(to: "GET")?.text ?? ""
        }

        private func expectOneRecordedDownload(_ service: LiveService) throws {
            let origin = try ScriptedOrigin { _ in (200, Array("content".utf8)) }
            let session = try service.open()
            #expect(try SessionConnection(service, session).get("/file", of: origin).text == "content")
            let report = try service.report(session)
            #expect(report.recordComplete && report.exchanges.count == 1)
            #expect(report.digests(of: origin.url("/file")) == [SHA256Hasher.digest(Array("content".utf8)).hex])
        }

        @Test func limitsAreCrossedWhereTheyWereDrawn() throws {
            let service = try service("limits:\n  body: 1K\n  session-requests: 2\n")
            let origin = try ScriptedOrigin { _ in (200, [UInt8](repeating: 0x61, count: 2_000)) }
            let session = try service.open()
            let connection = try SessionConnection(service, session)
            #expect(try connection.get("/large", of: origin).head.status == 502)
            let second = try SessionConnection(service, session)
            #expect(try second.get("/large", of: origin).head.status == 502)
            let third = try SessionConnection(service, session).get("/large", of: origin)
            #expect(third.head.status == 429 && third.text.contains("2"))
        }

        @Test func theCacheMayHaveAFolderOfItsOwn() throws {
            let service = try service("cache.folder: \(folder.file("cache"))\n")
            try expectOneRecordedDownload(service)
            let names = Set(try Kernel.names(inFolder: folder.file("cache")))
            #expect(names.isSuperset(of: ["cache.db", "content", "lock"]))
            #expect(try (Kernel.stat(folder.file("cache"))?.mode ?? 0) & 0o777 == 0o700)
            #expect(try Kernel.stat(folder.file("state/.store/content")) == nil)
            // Nobody else may use it, whatever its state folder.
            let other = try ServiceProcess(
                folder,
                [
                    "--spool", folder.file("other"), "--config", folder.file("conf"), "--proxy-port", "0",
                    "--control-port", "0", "--bind", "127.0.0.1",
                ], isBare: true)
            #expect(other.end() == 1)
            #expect(other.errors.contains("another fetch-service uses the cache folder \(folder.file("cache"))"))
        }

        @Test func theRecordMaySurviveTheMachine() throws {
            // What the other way of recording left in its journal is not lost.
            var service = try service("record-durability: process\n")
            let origin = try ScriptedOrigin { _ in (200, Array("content".utf8)) }
            let session = try service.open()
            #expect(try SessionConnection(service, session).get("/first", of: origin).text == "content")
            service.process.signal(SIGKILL)
            _ = service.process.end()
            service = try self.service("record-durability: power\n")
            #expect(try SessionConnection(service, session).get("/second", of: origin).text == "content")
            let report = try service.report(session)
            #expect(report.recordComplete && report.exchanges.count == 2 && report.hasGapFreeNumbers)
            try expectOneRecordedDownload(service)
        }

        @Test func theLogMayBeJSON() throws {
            let service = try service("log: {format: json, file: \(folder.file("log"))}\n")
            let session = try service.open()
            #expect(
                service.process.waitForLog(
                    "\"message\":\"create permissive session\",\"session\":\"\(session.id)\"}", in: "log"))
            let lines = folder.text("log").split(separator: "\n")
            #expect(lines.allSatisfy { $0.hasPrefix("{\"time\":\"") && $0.hasSuffix("}") })
        }

        @Test func credentialsMayComeFromAFile() throws {
            try folder.write("boss:secret word\n", to: "credentials")
            try folder.write("control.credentials-file: \(folder.file("credentials"))\n", to: "conf/service.yaml")
            let service = try ServiceProcess(folder)
            let place = try service.waitUntilReady()
            #expect(place.control.credentials == "boss:secret word")
            _ = try place.control.openSession(policy: .strict, timeout: nil)
            #expect(try Kernel.stat(folder.file("state/.store/admin.auth")) == nil)
        }

        @Test func whatCanChangeChangesWithoutDroppingAConnection() throws {
            let service = try service("permissive-mode: true\n")
            let origin = try ScriptedOrigin { (200, Array($0.target.utf8)) }
            let session = try service.open()
            let connection = try SessionConnection(service, session)
            #expect(try connection.get("/before", of: origin).text == "/before")
            try folder.write("sessions.default-lifetime: 90s\nlog.verbosity: debug\n", to: "conf/service.yaml")
            service.process.signal(SIGHUP)
            #expect(service.process.waitForLog("sessions.default-lifetime is now 90s, before it was 6h"))
            #expect(service.process.waitForLog("service.yaml was read again"))
            #expect(try connection.get("/after", of: origin).text == "/after")
            let other = try service.open()
            // A session that lives stays as it is.
            let status = try status(of: service)
            #expect(status.contains("\"timeout\":21600,") && status.contains("\(other.id)"))
            #expect(status.contains("\"timeout\":90,"))
        }

        @Test func whatTheRulesNowDenyIsClosed() throws {
            let service = try service("")
            let origin = try ScriptedOrigin { (200, Array($0.target.utf8)) }
            let session = try service.open()
            let connection = try SessionConnection(service, session)
            #expect(try connection.get("/before", of: origin).text == "/before")
            try folder.write("", to: "conf/acl.yaml")
            service.process.signal(SIGHUP)
            #expect(service.process.waitForLog("acl.yaml was read again"))
            let refused = try connection.get("/after", of: origin)
            #expect(refused.head.status == 403 && refused.text.contains("loopback"))
            #expect(origin.requests.count == 1)
        }
    }
}
