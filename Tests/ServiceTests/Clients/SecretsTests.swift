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
    /// Sessions with secrets of all kinds, and where these must not be.
    @Suite struct SecretsTests {
        private static let basic = "builder:hunter2-basic"
        private static let macaroon = "root=hunter2-macaroon,discharge=more"
        private static let password = "hunter2-keystone"

        /// What must be nowhere: each credential as it is, and in base64 without what depends on its end.
        private static let needles = [basic, macaroon, password, "hunter2"].flatMap { credential -> [String] in
            let encoded = Base64.encode(Array(credential.utf8))
            return [credential, String(encoded.prefix(encoded.utf8.count / 4 * 4 - 4))]
        }

        let service: LiveService
        let origin: ScriptedOrigin

        init() throws {
            service = try LiveService(["--verbosity", "debug"])
            origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                while let request = try session.readRequest() {
                    let authorization = request.head.fields.first("Authorization") ?? ""
                    switch request.target {
                    case "/git/echo": try session.respond(text: "you sent \(authorization)")
                    case "/git/large": try session.respond(body: SampleBytes.noise(300_000, seed: 7))
                    case "/v3/auth/tokens":
                        try session.respond(
                            201, fields: ["X-Subject-Token": "token-of-hunter"], text: #"{"token":{"user":"build"}}"#)
                    default:
                        try session.respond(fields: ["Cache-Control": "max-age=1000"], text: "of \(request.target)")
                    }
                }
            }
        }

        /// One call of the control API by the administrator.
        private func call(_ method: String, _ path: String, body: String = "") throws -> SeenResponse {
            let connection = try BlockingConnection(port: service.controlPort)
            let admin = "Basic " + Base64.encode(Array(LiveService.credentials.utf8))
            try connection.send(
                "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: \(admin)\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            return try #require(try connection.readResponse(to: method))
        }

        private func open() throws -> ControlClient.OpenedSession {
            let secrets: JSONValue = [
                [
                    "type": "basic-auth", "url": .string(origin.url("/git/**")),
                    "basic-credentials": .string(Self.basic),
                ],
                [
                    "type": "macaroon", "url": .string(origin.url("/store/*")),
                    "macaroon-credentials": .string(Self.macaroon),
                ],
                [
                    "type": "keystone-v3", "url": .string(origin.url("/v3/auth/tokens")),
                    "keystone-v3-credentials": .string("build:" + Self.password),
                ],
                [
                    "type": "macaroon", "url": "https://never.example/**",
                    "macaroon-credentials": .string(Self.macaroon),
                ],
            ]
            let body = JSONValue.object(["policy": "permissive", "secrets": secrets]).json
            let answer = try call("POST", "/session", body: String(decoding: body, as: UTF8.self))
            try #require(answer.head.status == 200, "\(answer.text)")
            let members = try JSONValue(parsing: answer.body)
            return ControlClient.OpenedSession(
                id: try #require(SessionID(members["id"]?.text ?? "")), token: try #require(members["token"]?.text))
        }

        private func tunnel(_ session: ControlClient.OpenedSession) throws -> SessionConnection {
            var client = try SessionConnection(service, session)
            try client.openTunnel(to: origin, trust: service.trust)
            return client
        }

        /// Makes one request of each kind, and sees that the origin got what it should.
        private func use(_ session: ControlClient.OpenedSession) throws {
            let client = try tunnel(session)
            #expect(try client.get("/git/a", of: origin).text == "of /git/a")
            #expect(try client.get("/git/large", of: origin).body.count == 300_000)
            #expect(try client.get("/store/b", of: origin).text == "of /store/b")
            #expect(try client.get("/plain", of: origin).text == "of /plain")
            let echo = try client.get("/git/echo", of: origin)
            #expect(echo.head.status == 502 && !echo.text.contains("hunter2"))
            let body = #"{"auth":{"identity":{"password":{"user":{"domain":{"id":"d"}}}},"scope":"x"}}"#
            try client.connection.send(
                "POST /v3/auth/tokens HTTP/1.1\r\nHost: 127.0.0.1:\(origin.port)\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            let token = try client.answer(to: "POST")
            #expect(token.head.status == 201 && token.head.fields.first("X-Subject-Token") == "token-of-hunter")

            let seen = Dictionary(origin.requests.map { ($0.target, $0) }, uniquingKeysWith: { $1 })
            let basic = "Basic " + Base64.encode(Array(Self.basic.utf8))
            #expect(seen["/git/a"]?.head.fields.all("Authorization") == [basic])
            #expect(seen["/store/b"]?.head.fields.all("Authorization") == ["macaroon " + Self.macaroon])
            #expect(seen["/plain"]?.head.fields.contains("Authorization") == false)
            #expect(seen["/v3/auth/tokens"]?.text.contains("\"password\":\"\(Self.password)\"") == true)
        }

        /// Everything that the service has written, and what the kernel shows of it.
        private func traces() throws -> [(name: String, bytes: Data)] {
            var traces: [(String, Data)] = []
            let files = FileManager.default.enumerator(atPath: service.folder.path)
            while let name = files?.nextObject() as? String {
                let path = service.folder.file(name)
                guard let bytes = try? Data(Kernel.contents(of: path, limit: 1 << 28)) else { continue }
                traces.append((name, bytes))
            }
            for name in ["environ", "cmdline"] {
                let bytes = try? Kernel.contents(of: "/proc/\(service.place.processID)/\(name)")
                traces.append((name, Data(bytes ?? [])))
            }
            return traces
        }

        private func expectNoTrace() throws {
            let traces = try traces()
            #expect(traces.contains { $0.name.hasSuffix("records.db") } && traces.contains { $0.name == "err" })
            for (name, bytes) in traces {
                for needle in Self.needles where bytes.range(of: Data(needle.utf8)) != nil {
                    Issue.record("\(needle) is in \(name)")
                }
            }
        }

        @Test func credentialsOfAllKindsReachTheOriginAndNothingElse() throws {
            let session = try open()
            try use(session)
            try expectNoTrace()
            let path = service.folder.file("report-\(session.id)")
            let report = try service.report(session)
            #expect(report.secrets.map(\.type) == ["basic-auth", "macaroon", "keystone-v3", "macaroon"])
            #expect(report.secrets.map(\.uses) == [3, 1, 1, 0])
            #expect(report.secrets[3].reason == "no request matched the url")
            #expect(report.failedTransfers.map(\.secret) == [0])
            #expect(report.exchanges.filter { $0.url.hasSuffix("/plain") }.map(\.secret) == [nil])
            #expect(report.recordComplete && report.hasGapFreeNumbers)
            #expect(try Kernel.stat(path) != nil)
            #expect(service.process.waitForLog("no request matched the url of these secrets (counted from 0): 3"))
            try expectNoTrace()
            #expect(try call("DELETE", "/session/\(session.id)").head.status == 200)
            let head = try JSONValue(parsing: Array(service.folder.text("state/\(session.id)/session.json").utf8))
            #expect(head["secrets"]?.list?.count == 4)
            try expectNoTrace()
        }

        @Test func afterAKillTheCredentialsAreLostAndNothingGoesOutBare() throws {
            let session = try open()
            try use(session)
            service.process.signal(SIGKILL)
            #expect(service.process.end() == 1000 + SIGKILL)
            try service.startAgain()
            #expect(service.process.waitForLog("session secrets lost"))
            let before = origin.requests.count
            let client = try tunnel(session)
            for path in ["/git/a", "/git/new", "/store/b", "/v3/auth/tokens"] {
                let answer = try client.get(path, of: origin)
                #expect(answer.head.status == 503 && answer.text.hasPrefix("session secrets lost"), "\(path)")
            }
            #expect(origin.requests.count == before)
            #expect(try client.get("/other", of: origin).text == "of /other")
            let report = try service.report(session)
            #expect(report.refusedRequests.map(\.secret) == [0, 0, 1, 2])
            // Those of before the kill, and those that went without.
            #expect(report.secrets.map(\.uses) == [3, 1, 1, 0] && report.secrets.map(\.unused) == [2, 1, 1, 0])
            try expectNoTrace()
        }

        @Test func theAdministratorsCredentialsAreNotInTheEnvironment() throws {
            do {
                let environment = try Kernel.contents(of: "/proc/\(service.place.processID)/environ")
                let text = String(decoding: environment, as: UTF8.self)
                #expect(text.contains("SSL_CERT_FILE="))
                #expect(!text.contains(LiveService.credentials) && !text.contains("pass:word"))
            } catch {
                #expect(error.code == EACCES && geteuid() != 0, "only the system's administrator may look: \(error)")
            }
            #expect(try call("GET", "/session/unknown").head.status == 404, "they are in force")
        }
    }
}
