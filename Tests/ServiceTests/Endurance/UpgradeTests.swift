import Core
import Cryptography
import Foundation
import Glibc
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

@testable import fetchctl

extension EndToEnd {
    /// The service is replaced while clients ask, as an upgrade does it under a service manager.
    @Suite struct UpgradeTests {
        let folder: TemporaryFolder
        let manager: ServiceManagerDouble

        init() throws {
            folder = try TemporaryFolder.configured()
            try folder.write(
                "http-proxy:\n  rules:\n    - dst: [127.0.0.0/8]\n      access: allow\n", to: "conf/acl.yaml")
            try folder.write("stop-timeout: 30s\npermissive-mode: true\n", to: "conf/service.yaml")
            try Kernel.replaceFile(folder.file("trust.pem"), with: TestCertificates.shared.get().certificatePEM)
            manager = try ServiceManagerDouble(in: folder)
        }

        private func start(_ name: String) throws -> ManagedProcess {
            let service = try manager.start(name, environment: ["SSL_CERT_FILE": folder.file("trust.pem")])
            guard try manager.waitForReport("READY") != nil else {
                throw ServiceProcess.Failure(text: folder.text("\(name).log"))
            }
            return service
        }

        @Test func noRequestFailsWhileTheServiceIsReplaced() throws {
            let answer: @Sendable (SeenRequest) -> (Int, [UInt8]) = { (200, Array("answer to \($0.target)".utf8)) }
            let origin = try ScriptedOrigin(answering: answer)
            let secureOrigin = try ScriptedOrigin(
                tls: TestCertificates.shared.get().server(), answering: answer)
            var service = try start("0")
            let session = try manager.controlClient.openSession(policy: .permissive, timeout: nil)
            let port = manager.proxy.address.port
            let trust = try TLSClientContext(trust: .only(try Kernel.contents(of: folder.file("state/.store/ca.pem"))))
            let load = Load()
            let client = try manager.controlClient
            for number in 0..<4 {
                load.start("plain \(number)") { count in
                    try Self.askPlainly(port, session, origin, path: "/\(number)/\(count)", load)
                }
            }
            load.start("tunnel") { count in
                var connection = try SessionConnection(port: port, session)
                try connection.openTunnel(to: secureOrigin, trust: trust)
                try Self.expect(try connection.get("/tunnel/\(count)", of: secureOrigin), "/tunnel/\(count)")
                load.delivered()
            }
            load.start("control") { _ in _ = try client.status() }
            for round in 1...3 {
                #expect(load.waitForProgress(), "the clients are stuck: \(load.failures)")
                service.signal(SIGTERM)
                // The clients go on: they wait in the backlog of the sockets.
                #expect(service.end() == 143, "\(folder.text("\(round - 1).out"))")
                service = try start("\(round)")
            }
            #expect(load.waitForProgress(), "the clients are stuck: \(load.failures)")
            load.stop()
            #expect(load.failures == [])
            #expect(load.deliveries > 50)

            try client.revoke(session.id, token: session.token)
            let file = try Kernel.open(folder.file("report"), O_WRONLY | O_CREAT | O_TRUNC)
            try client.copyReport(of: session.id, to: file.number)
            try file.close()
            let report = try LiveService.readReport(folder.file("report"))
            #expect(report.hasGapFreeNumbers && report.recordComplete)
            #expect(report.failedTransfers.isEmpty, "\(report.failedTransfers)")
            // Nothing was delivered that is not in the record.
            #expect(report.exchanges.count >= load.deliveries)
            service.signal(SIGTERM)
            #expect(service.end() == 143)
        }

        @Test func aTransferThatEndsWithinTheStopTimeoutIsNotCut() throws {
            let body = SampleBytes.noise(1_000_000)
            let origin = try ScriptedOrigin(tls: nil) { session in
                while try session.readRequest() != nil {
                    try session.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
                    try session.send(Array(body[..<200_000]))
                    try session.waitForRelease()
                    try session.send(Array(body[200_000...]))
                }
            }
            let first = try start("0")
            let session = try manager.controlClient.openSession(policy: .permissive, timeout: nil)
            let connection = try SessionConnection(port: manager.proxy.address.port, session)
            try connection.send("GET", "/large", of: origin)
            #expect(origin.waitForRequests(1))
            first.signal(SIGTERM)
            #expect(manager.waitForLog("stopping: SIGTERM", of: "0"))
            let second = try manager.start("1", environment: ["SSL_CERT_FILE": folder.file("trust.pem")])
            #expect(manager.waitForLog("waiting for the service", of: "1"))
            origin.release()
            #expect(try connection.answer().body == body)
            #expect(first.end() == 143)
            #expect(try manager.waitForReport("READY") != nil)
            #expect(try manager.controlClient.status().activeSessions?.map(\.id) == [session.id.text])
            second.signal(SIGTERM)
            #expect(second.end() == 143)
        }

        @Test func secretsOfOpenSessionsAreKeptAndWrittenNowhere() throws {
            let origin = try ScriptedOrigin(
                tls: TestCertificates.shared.get().server(),
                answering: { (200, Array("\($0.head.fields.contains("Authorization"))".utf8)) })
            let first = try start("0")
            let session = try open(
                secret: [
                    "type": "basic-auth", "url": .string(origin.url("/**")), "basic-credentials": "farm:hunter2-kept",
                ])
            first.signal(SIGTERM)
            #expect(first.end() == 143)

            let second = try start("1")
            #expect(manager.waitForLog("sessions whose secrets were handed over: 1", of: "1"))
            #expect(manager.kept.isEmpty, "the manager was told to forget them")
            let open = ProcessFacts(process: second.id).descriptors ?? []
            #expect(!open.contains { $0.contains("memfd:") }, "nothing of them is open: \(open)")
            let trust = try TLSClientContext(
                trust: .only(try Kernel.contents(of: folder.file("state/.store/ca.pem"))))
            var connection = try SessionConnection(port: manager.proxy.address.port, session)
            try connection.openTunnel(to: origin, trust: trust)
            #expect(try connection.get("/a", of: origin).text == "true")
            let value = "Basic " + Base64.encode(Array("farm:hunter2-kept".utf8))
            #expect(origin.requests.map { $0.head.fields.all("Authorization") } == [[value]])
            #expect(try text(of: folder.path).contains("hunter2") == false)

            // Who was killed leaves nothing, and what the one before left is used up.
            second.signal(SIGKILL)
            #expect(second.end() == 1000 + SIGKILL)
            let third = try start("2")
            #expect(manager.waitForLog("session secrets lost", of: "2"))
            third.signal(SIGTERM)
            #expect(third.end() == 143)
        }

        @Test func whatIsNoHandoverDoesNotPreventTheStart() throws {
            var bytes = Array("nonsense".utf8)
            let file = try SecretFile("secrets", holding: SecretBytes(taking: &bytes))
            manager.sockets.append(("secrets", file.descriptor))
            let service = try start("0")
            #expect(manager.waitForLog("WARN : the secrets that were handed over cannot be used", of: "0"))
            #expect(try file.contents().count == 0, "it is wiped")
            service.signal(SIGTERM)
            #expect(service.end() == 143)

            manager.sockets[2].descriptor = SharedDescriptor(adopting: Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC))
            #expect(try manager.start("1").end() == 1)
            #expect(folder.text("1.log").contains("what was passed as 'secrets' is no file in memory of ours"))
        }

        /// Opens a session with a secret.
        private func open(secret: JSONValue) throws -> ControlClient.OpenedSession {
            let connection = try BlockingConnection(port: manager.control.address.port)
            let body = JSONValue.object(["policy": "permissive", "secrets": .list([secret])]).json
            try connection.send(
                "POST /session HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic "
                    + Base64.encode(Array(ServiceManagerDouble.credentials.utf8))
                    + "\r\nContent-Length: \(body.count)\r\n\r\n" + String(decoding: body, as: UTF8.self))
            let answer = try #require(try connection.readResponse(to: "POST"))
            let members = try JSONValue(parsing: answer.body)
            return ControlClient.OpenedSession(
                id: try #require(SessionID(members["id"]?.text ?? "")), token: try #require(members["token"]?.text))
        }

        /// Everything that stands in files below a folder.
        private func text(of folder: String) throws -> String {
            var text = ""
            let files = FileManager.default.enumerator(atPath: folder)
            while let name = files?.nextObject() as? String {
                guard let bytes = try? Kernel.contents(of: "\(folder)/\(name)", limit: 1 << 28) else { continue }
                text += String(decoding: bytes, as: UTF8.self)
            }
            return text
        }

        // MARK: Clients

        /// Asks a few times over one connection, as HTTP clients do: again on a fresh one when a used one has ended.
        private static func askPlainly(
            _ port: UInt16, _ session: ControlClient.OpenedSession, _ origin: ScriptedOrigin, path: String, _ load: Load
        ) throws {
            let connection = try SessionConnection(port: port, session)
            for number in 0..<5 {
                let isUsed = number > 0
                let answer: SeenResponse?
                do {
                    try connection.send("GET", "\(path)/\(number)", of: origin)
                    answer = try connection.connection.readResponse(to: "GET")
                } catch let fault as ConnectionFault where isUsed && fault.kind == .reset {
                    return
                }
                guard let answer else {
                    if isUsed { return }
                    throw SessionConnection.Ended()
                }
                try expect(answer, "\(path)/\(number)")
                load.delivered()
                if answer.head.fields.list("Connection").contains("close") { return }
            }
        }

        private static func expect(_ answer: SeenResponse, _ path: String) throws {
            guard answer.head.status == 200, answer.text.hasPrefix("answer to "), answer.text.hasSuffix(path) else {
                throw ServiceProcess.Failure(text: "\(path): \(answer.head.status) \(answer.text)")
            }
        }
    }
}

/// Clients that ask again and again, each on a thread of its own.
private final class Load: Sendable {
    private struct State {
        var counts: [String: Int] = [:]
        var failures: [String] = []
        var deliveries = 0
        var running = 0
        var isOver = false
    }

    private let state = Lock(State())

    /// Starts a client; `body` is called with the number of the call.
    func start(_ name: String, _ body: @escaping @Sendable (Int) throws -> Void) {
        state.withLock {
            $0.counts[name] = 0
            $0.running += 1
        }
        startThread(name: name) { [self] in
            while !state.withLock({ $0.isOver }) {
                do {
                    try body(state.withLock { $0.counts[name] ?? 0 })
                } catch {
                    state.withLock { $0.failures.append("\(name): \(error)") }
                }
                state.withLock { $0.counts[name, default: 0] += 1 }
            }
            state.withLock { $0.running -= 1 }
        }
    }

    func delivered() { state.withLock { $0.deliveries += 1 } }

    var failures: [String] { state.withLock { $0.failures } }
    var deliveries: Int { state.withLock { $0.deliveries } }

    /// Waits until every client has been served some times more.
    func waitForProgress() -> Bool {
        let before = state.withLock { $0.counts }
        return eventually(atMost: .seconds(60)) {
            state.withLock { state in before.allSatisfy { (state.counts[$0.key] ?? 0) >= $0.value + 5 } }
        }
    }

    /// Ends the clients and returns when they have ended.
    func stop() {
        state.withLock { $0.isOver = true }
        _ = eventually { state.withLock { $0.running } == 0 }
    }
}
