import Core
import Cryptography
import FoundationEssentials
import Glibc
import Platform
import PlatformTesting
import RelayTesting
import ReportModel
import Testing
import Wire

@testable import fetchctl

extension EndToEnd {
    /// A build's session as a build farm's manager and its builders drive it.
    @Suite struct LaunchpadTests {
        let service: LiveService
        let origin: ScriptedOrigin
        let secure: ScriptedOrigin

        init() throws {
            service = try LiveService()
            let script: ScriptedOrigin.Script = { session in
                while let request = try session.readRequest() {
                    try session.respond(
                        fields: ["Cache-Control": "max-age=1000"], text: "body of \(request.target)")
                }
            }
            origin = try ScriptedOrigin(script: script)
            secure = try ScriptedOrigin(tls: TestCertificates.shared.get().server(), script: script)
        }

        /// One call of the control API as bytes, and its answer.
        private func call(
            _ method: String, _ path: String, body: String = "", authorization: String? = nil
        ) throws -> SeenResponse {
            let connection = try BlockingConnection(port: service.controlPort)
            let credentials = authorization.map { "Authorization: \($0)\r\n" } ?? ""
            let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
            try connection.send("\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(credentials)\(length)\r\n\(body)")
            return try #require(try connection.readResponse(to: method))
        }

        private var admin: String { "Basic " + Base64.encode(Array(LiveService.credentials.utf8)) }

        @Test(.enabled(if: ClientProgram.pythonHas("requests"), "Python's requests is not installed"))
        func aBuildLivesThroughItsSession() throws {
            let script = """
                import base64, json, os, re, sys
                import requests
                control, proxy, plain, secure, authority, folder = sys.argv[1:]
                authorization = {"Authorization": "Basic " + base64.b64encode(b"farm:pass:word").decode()}
                steps = {}
                answer = requests.post(
                    control + "/session", json={"policy": "permissive"}, headers=authorization, timeout=30)
                answer.raise_for_status()
                session = answer.json()
                host = proxy.split("//")[1].rstrip("/")
                url = "http://%s:%s@%s" % (session["id"], session["token"], host)
                build = requests.Session()
                build.trust_env = False
                build.proxies = {"http": url, "https": url}
                build.verify = authority
                steps["plain"] = build.get(plain + "/one", timeout=30).text
                steps["secure"] = build.get(secure + "/two", timeout=30).text
                # The id is taken back out of the revocation URL, as builders do.
                revocation = "%s/session/%s/token" % (control, session["id"])
                assert re.match(".*/session/(.*)/token", revocation).group(1) == session["id"]
                answer = requests.get(control + "/session/" + session["id"], json={}, headers=authorization)
                steps["early report"] = [answer.status_code, answer.text]
                answer = requests.delete(revocation, json={"token": session["token"]}, timeout=60)
                steps["revoked"] = [answer.status_code, answer.json()["session-id"] == session["id"]]
                # The same connections, which are still open.
                steps["plain after"] = build.get(plain + "/three", timeout=30).status_code
                try:
                    steps["secure after"] = build.get(secure + "/four", timeout=30).status_code
                except requests.exceptions.ProxyError as error:
                    steps["secure after"] = 407 if "407" in str(error) else str(error)
                with requests.get(
                        control + "/session/" + session["id"], json={}, headers=authorization, stream=True,
                        timeout=60) as answer:
                    answer.raise_for_status()
                    with open(os.path.join(folder, "metadata.json"), "wb") as file:
                        for piece in answer.iter_content(8192):
                            file.write(piece)
                status = requests.get(control + "/status").json()
                steps["listed"] = session["id"] in [one["session-id"] for one in status["active-sessions"]]
                for name, call, path in [
                        ("end", requests.delete, "/session/"), ("report after end", requests.get, "/session/"),
                        ("end again", requests.delete, "/session/"), ("resources", requests.delete, "/resources/")]:
                    steps[name] = call(control + path + session["id"], headers=authorization).status_code
                status = requests.get(control + "/status").json()
                steps["listed after"] = session["id"] in [one["session-id"] for one in status["active-sessions"]]
                steps["spool after"] = os.path.exists(os.path.join(folder, "state", session["id"]))
                steps["id"] = session["id"]
                print(json.dumps(steps))
                """
            let folder = service.folder
            try folder.write(script, to: "build.py")
            let run = try ClientProgram.run(
                [
                    "python3", folder.file("build.py"), service.place.controlURL, service.place.proxyURL,
                    origin.url(""), secure.url(""), service.authorityFile, folder.path,
                ], in: folder)
            try #require(run.status == 0, "\(run.errors)")
            let steps = try JSONValue(parsing: Array(run.output.utf8))
            func integers(_ name: String) -> Int64? { steps[name]?.integer }
            #expect(steps["plain"]?.text == "body of /one" && steps["secure"]?.text == "body of /two")
            #expect(steps["early report"] == .list([.integer(400), .string("session token is active")]))
            #expect(steps["revoked"] == .list([.integer(200), .bool(true)]))
            #expect(integers("plain after") == 407 && integers("secure after") == 407)
            #expect(steps["listed"] == .bool(true) && steps["listed after"] == .bool(false))
            #expect(integers("end") == 200 && integers("report after end") == 404)
            #expect(integers("end again") == 404 && integers("resources") == 200)
            #expect(steps["spool after"] == .bool(false))
            #expect(origin.requests.map(\.target) == ["/one"] && secure.requests.map(\.target) == ["/two"])
            let report = try LiveService.readReport(folder.file("metadata.json"))
            #expect(report.policy == "permissive" && report.recordComplete && report.hasGapFreeNumbers)
            #expect(
                Set(report.artifacts.flatMap(\.downloads).map(\.url)) == [origin.url("/one"), secure.url("/two")])
            #expect(steps["id"]?.text == report.sessionID)
        }

        @Test(arguments: ["JSON body", "bare token"]) func revocationCoversWhatIsOpenAndWhatIsCached(how: String) throws
        {
            let session = try service.open()
            let plain = try SessionConnection(service, session)
            var tunnel = try SessionConnection(service, session)
            try tunnel.openTunnel(to: secure, trust: service.trust)
            #expect(try plain.get("/kept", of: origin).text == "body of /kept")
            #expect(try tunnel.get("/kept", of: secure).text == "body of /kept")
            let path = "/session/\(session.id)/token"
            let answer =
                how == "JSON body"
                ? try call("DELETE", path, body: "{\"token\":\"\(session.token)\"}")
                : try call("DELETE", path, authorization: "Basic \(session.token)")
            #expect(answer.head.status == 200)
            #expect(try JSONValue(parsing: answer.body)["session-id"]?.text == session.id.text)
            #expect([407, nil].contains(refusal(plain, origin)))
            #expect([407, nil].contains(refusal(tunnel, secure)))
            // A new connection is told, though the cache could answer.
            #expect(refusal(try SessionConnection(service, session), origin) == 407)
            #expect(origin.requests.count == 1 && secure.requests.count == 1)
            #expect(try service.reportOfRevoked(session.id).exchanges.count == 2)
        }

        /// The catalog of the cache is written a little later.
        @Test func theSpoolHasTheBytesOfASessionThatEndsAtOnce() throws {
            for round in 0..<20 {
                let session = try service.open()
                let answer = try SessionConnection(service, session).get("/\(round)", of: origin)
                try service.place.control.revoke(session.id, token: session.token)
                try service.place.control.end(session.id)
                var hasher = SHA256Hasher()
                hasher.update(answer.body)
                let digest = hasher.finish()
                let path = service.folder.file("state/\(session.id)/assets/\(digest.hex).data")
                #expect(try Kernel.contents(of: path) == answer.body)
            }
        }

        /// The status of a refused request; `nil` when the connection was ended.
        private func refusal(_ client: SessionConnection, _ origin: ScriptedOrigin) -> Int? {
            (try? client.get("/kept", of: origin))?.head.status
        }

        @Test func aRevocationWithTheWrongTokenChangesNothing() throws {
            let session = try service.open()
            let path = "/session/\(session.id)/token"
            let wrong = try call("DELETE", path, body: "{\"token\":\"\(String(repeating: "x", count: 22))\"}")
            #expect(wrong.head.status == 400 && wrong.text.contains("invalid session token"))
            #expect(try call("DELETE", path, authorization: "Basic nonsense").head.status == 400)
            #expect(try call("DELETE", "/session/0123456789abcdef/token", body: "{\"token\":\"x\"}").head.status == 404)
            #expect(try SessionConnection(service, session).get("/still", of: origin).head.status == 200)
        }

        @Test func callsWithoutCredentialsAreRefused() throws {
            let session = try service.open()
            for (method, path) in [
                ("POST", "/session"), ("GET", "/session/\(session.id)"), ("DELETE", "/session/\(session.id)"),
                ("DELETE", "/resources/\(session.id)"),
            ] {
                #expect(try call(method, path, body: "{}").head.status == 401, "\(method) \(path)")
            }
            // Each failed login takes a while.
            for pair in ["farm:word", ":"] {
                let wrong = "Basic " + Base64.encode(Array(pair.utf8))
                #expect(try call("GET", "/session/\(session.id)", authorization: wrong).head.status == 401)
            }
            #expect(try call("GET", "/session/\(session.id)", body: "{}", authorization: admin).head.status == 400)
            #expect(try SessionConnection(service, session).get("/still", of: origin).head.status == 200)
        }
    }
}
