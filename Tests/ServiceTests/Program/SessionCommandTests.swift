import Core
import Glibc
import PlatformTesting
import RelayTesting
import Testing
import Wire

@testable import fetchctl

extension EndToEnd {
    /// `fetchctl`'s commands for sessions at the real service, from a session's opening to its end.
    @Suite struct SessionCommandTests {
        let service: LiveService
        let origin: ScriptedOrigin

        init() throws {
            let folder = try TemporaryFolder.configured()
            service = try LiveService(["--control-socket", folder.file("fetchctl.socket")], in: folder)
            origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    guard String(decoding: request.head.target, as: UTF8.self) == "/held.bin" else {
                        try session.respond(body: SampleBytes.noise(300))
                        continue
                    }
                    let body = SampleBytes.noise(400_000, seed: 2)
                    try session.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
                    try session.send(Array(body[..<200_000]))
                    try session.waitForRelease()
                    try session.send(Array(body[200_000...]))
                }
            }
        }

        private func json(_ command: String) throws -> JSONValue {
            let result = try service.fetchctl(command, "--json")
            #expect(result.status == 0 && result.errors.isEmpty, "\(result)")
            return try JSONValue(parsing: Array(result.output.utf8))
        }

        private func expectFailure(_ result: ClientProgram.Result, _ text: String) {
            #expect(result.status == 1 && result.output.isEmpty && result.errors.contains(text), "\(result)")
        }

        @Test func whatASessionDoesIsShown() throws {
            let session = try service.open()
            #expect(try SessionConnection(service, session).get("/done.bin", of: origin).body.count == 300)
            let held = try SessionConnection(service, session)
            try held.send("GET", "/held.bin", of: origin)
            let isUnderWay = try eventually {
                let top = try json("top")
                let done = top["transfers"]?.list?.first?["delivered"]?.integer ?? 0
                return done >= 150_000 && top["sessions"]?.list?.first?["totals"]?["exchanges"] == 1
            }
            #expect(isUnderWay)
            let sessions = try service.fetchctl("sessions").output.split(separator: "\n")
            #expect(sessions.count == 2 && sessions[0].hasPrefix("SESSION"))
            let row = sessions[1].split(separator: " ").map(String.init)
            #expect(row.first == session.id.text && row.contains("active") && row.contains("permissive"), "\(row)")
            #expect(try json("sessions")["sessions"]?.list?.compactMap { $0["session-id"]?.text } == [session.id.text])
            // Not at a terminal: once, and then it ends.
            let top = try service.fetchctl("top")
            #expect(top.status == 0 && top.errors.isEmpty && !top.output.contains("\u{1b}"))
            let transfer = top.output.split(separator: "\n").last ?? ""
            #expect(transfer.hasPrefix("GET \(origin.url("/held.bin"))  delivering  network  "), "\(top.output)")
            #expect(transfer.contains("400 kB"))
            origin.release()
            #expect(try held.answer().body.count == 400_000)
            #expect(try eventually { try json("top")["transfers"] == [] })
            #expect(try !service.fetchctl("top").output.contains("held.bin"))
        }

        @Test func aSessionIsClosedReportedAndEnded() throws {
            let session = try service.open()
            let id = session.id.text
            #expect(try SessionConnection(service, session).get("/done.bin", of: origin).body.count == 300)
            let listed = try service.fetchctl("list-artifacts", "--session-id", id)
            #expect(listed.status == 0)
            let artifacts = try JSONValue(parsing: Array(listed.output.utf8)).list ?? []
            #expect(artifacts.map { $0["downloads"]?.list?.first?["url"]?.text } == [origin.url("/done.bin")])
            expectFailure(try service.fetchctl("report", id), "revoke it first: fetchctl revoke \(id) TOKEN")
            expectFailure(try service.fetchctl("revoke", id, "guessed"), "invalid session token: ")
            let revoked = try service.fetchctl("revoke", id, session.token)
            #expect(revoked.status == 0 && revoked.output.isEmpty && revoked.errors.isEmpty, "\(revoked)")
            #expect(try service.fetchctl("sessions").output.contains("revoked"))
            let table = try service.fetchctl("report", id)
            #expect(table.status == 0 && table.output.contains("done.bin"), "\(table)")
            #expect(table.output.contains("1 artifact, 300 B: 300 B from the network"), "\(table)")
            for form in ["--json", "--format=json"] {
                let report = try JSONValue(parsing: Array(try service.fetchctl("report", id, form).output.utf8))
                #expect(report["session-id"]?.text == id && report["record-complete"] == true)
            }
            #expect(try service.fetchctl("end", id).status == 0)
            #expect(try service.fetchctl("sessions").output == "No session is alive.\n")
            let gone = "there is no session \(id): "
            expectFailure(try service.fetchctl("end", id), gone)
            expectFailure(try service.fetchctl("report", id), gone)
            expectFailure(try service.fetchctl("revoke", id, session.token), gone)
            expectFailure(try service.fetchctl("list-artifacts", "--session-id", id), gone)
        }
    }
}
