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
    /// What the control API tells of sessions while they are alive, asked as a client asks.
    @Suite struct ControlAPITests {
        let service: LiveService
        let origin: ScriptedOrigin
        static let body = SampleBytes.noise(300_000)

        init() throws {
            service = try LiveService()
            origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let isHalting = request.target == "/halting"
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(Self.body.count)\r\n\r\n"
                    try session.send(Array(head.utf8) + Self.body[..<200_000])
                    if isHalting { try session.waitForRelease() }
                    try session.send(Array(Self.body[200_000...]))
                }
            }
        }

        /// Somebody who listens to a session's live stream.
        private final class Listening {
            struct Ended: Error { var heard: String }

            private let connection: BlockingConnection
            private var heard = ""

            init(_ service: LiveService, _ id: SessionID, _ credentials: String) throws {
                connection = try BlockingConnection(port: service.controlPort)
                try connection.send("GET /session/\(id)/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\(credentials)\r\n")
            }

            /// Waits for a text; one that has come before counts.
            func hear(_ text: String) throws {
                while !heard.contains(text) {
                    let more = try connection.readSome()
                    guard !more.isEmpty else { throw Ended(heard: heard) }
                    heard += String(decoding: more, as: UTF8.self)
                }
            }
        }

        private var admin: String { "Authorization: Basic \(Base64.encode(Array(LiveService.credentials.utf8)))\r\n" }

        private func call(
            _ method: String, _ path: String, body: String = "", fields: String = ""
        ) throws -> SeenResponse {
            let connection = try BlockingConnection(port: service.controlPort)
            let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
            try connection.send(
                "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\(admin)\(length)\(fields)\r\n\(body)"
            )
            return try #require(try connection.readResponse(to: method))
        }

        private func json(_ path: String) throws -> JSONValue { try JSONValue(parsing: try call("GET", path).body) }

        @Test func artifactsCanBeHadAsLongAsTheSessionLives() throws {
            let session = try service.open()
            let secret = "Authorization: Basic Zm9vOmJhcg==\r\n"
            #expect(try SessionConnection(service, session).get("/shared", of: origin).body == Self.body)
            let other = try service.open()
            #expect(try SessionConnection(service, other).get("/own", of: origin, fields: secret).body == Self.body)
            let digest = SHA256Hasher.digest(Self.body)
            for id in [session.id, other.id] {
                let whole = try call("GET", "/session/\(id)/artifacts/\(digest)")
                #expect(whole.head.status == 200 && whole.body == Self.body, "\(whole.head.status) \(id)")
            }
            let part = try call(
                "GET", "/session/\(session.id)/artifacts/\(digest)", fields: "Range: bytes=100-299999\r\n")
            #expect(part.head.status == 206 && part.body == Array(Self.body[100...]))
            // After a restart the bytes are compared with their digest first.
            service.process.signal(SIGTERM)
            #expect(service.process.end() == 143)
            try service.startAgain()
            for id in [session.id, other.id] {
                #expect(try call("GET", "/session/\(id)/artifacts/\(digest)").body == Self.body)
            }
            try service.place.control.revoke(session.id, token: session.token)
            #expect(try call("GET", "/session/\(session.id)/artifacts/\(digest)").body == Self.body)
            try service.place.control.end(session.id)
            #expect(try call("GET", "/session/\(session.id)/artifacts/\(digest)").head.status == 404)
        }

        @Test func aSessionIsWatchedWhileItRuns() throws {
            let opened = try call(
                "POST", "/session",
                body: #"{"policy": "permissive", "name": "watched", "labels": {"recipe": "nightly"}}"#)
            let answer = try JSONValue(parsing: opened.body)
            let id = try #require(SessionID(answer["id"]?.text ?? ""))
            let session = ControlClient.OpenedSession(id: id, token: answer["token"]?.text ?? "")
            let live = try Listening(service, id, admin)
            try live.hear("event: state")
            let client = try SessionConnection(service, session)
            try client.send("GET", "/halting", of: origin)
            #expect(origin.waitForRequests(1))
            try live.hear("event: transfers")
            #expect(
                try eventually {
                    let transfer = try json("/transfers")["transfers"]?.list?.first
                    return transfer?["url"]?.text == origin.url("/halting") && transfer?["size"] == 300_000
                        && transfer?["session-id"]?.text == id.text && (transfer?["delivered"]?.integer ?? 0) > 100_000
                })
            origin.release()
            #expect(try client.answer().body == Self.body)
            try live.hear("event: exchange\nid: 1\ndata: {\"number\":1,\"category\":\"artifact\"")
            let listed = try #require(try json("/sessions")["sessions"]?.list?.first)
            #expect(listed["session-id"]?.text == id.text && listed["name"] == "watched" && listed["state"] == "active")
            #expect(listed["labels"] == ["recipe": "nightly"] && listed["totals"]?["delivered"] == 300_000)
            let report = try service.report(session)
            #expect(report.name == "watched" && report.labels == ["recipe": "nightly"])
            try live.hear("\"state\":\"revoked\"")
            try service.place.control.end(id)
            try live.hear("event: end\ndata: {\"number\":1}")
            #expect(service.folder.text("state/\(id)/session.json").contains("\"recipe\": \"nightly\""))
        }

        @Test func nameAndLabelsOutliveTheProcess() throws {
            let opened = try call("POST", "/session", body: #"{"name": "kept", "labels": {"a": "b"}}"#)
            let id = try #require(try JSONValue(parsing: opened.body)["id"]?.text)
            service.process.signal(SIGKILL)
            _ = service.process.end()
            try service.startAgain()
            let listed = try #require(try json("/sessions")["sessions"]?.list?.first)
            #expect(listed["session-id"]?.text == id && listed["name"] == "kept" && listed["labels"] == ["a": "b"])
        }

        @Test func aServiceThatIsWatchedStopsAtOnce() throws {
            let session = try service.open()
            let live = try Listening(service, session.id, admin)
            try live.hear("event: state")
            let before = MonotonicTime.now()
            service.process.signal(SIGTERM)
            #expect(service.process.end() == 143)
            #expect(MonotonicTime.now() - before < Machine.patience(.seconds(1)))
        }
    }
}
