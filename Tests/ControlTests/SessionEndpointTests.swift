import Core
import Foundation
import Sessions
import SessionsTesting
import Storage
import Platform
import Testing
import Wire

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct SessionEndpointTests {
    @Test func theLifeOfASession() async throws {
        try await ControlBench.run { (bench) async throws in
            let (id, token) = try await bench.open(#"{"policy": "permissive", "timeout": 60}"#)
            #expect(SessionID(id) != nil && id.utf8.count == 32 && token.utf8.count >= 22)

            let active = try await bench.asAdmin("GET", "/session/\(id)")
            #expect(active.status == 400 && active.text == "session token is active")

            let revoked = try await bench.revoke(id, token)
            #expect(revoked.status == 200 && revoked.fields.first("Content-Type") == "application/json")
            #expect(revoked.member("session-id") == id && revoked.member("spool-path") == bench.folder)
            let start = try #require(WallTime(rfc3339: revoked.member("start-time") ?? ""))
            let end = try #require(WallTime(rfc3339: revoked.member("end-time") ?? ""))
            #expect(start <= end)
            #expect(try await bench.revoke(id, token).member("end-time") == end.rfc3339)

            let report = try await bench.probe.send(
                "GET", "/session/\(id)", [ControlBench.administrator], body: Array("{}".utf8))
            #expect(report.status == 200 && report.text == #"{"artifacts":[]}"# && report.isComplete)
            #expect(report.fields.first("Content-Type") == "application/json")

            #expect(try await bench.asAdmin("DELETE", "/resources/\(id)").status == 409)
            let finished = try await bench.asAdmin("DELETE", "/session/\(id)")
            #expect(finished.status == 200 && finished.body.isEmpty)
            #expect(FileManager.default.fileExists(atPath: "\(bench.folder)/\(id)/session.json"))
            #expect(try await bench.asAdmin("GET", "/session/\(id)").status == 404)
            #expect(try await bench.asAdmin("DELETE", "/session/\(id)").status == 404)
            #expect(try await bench.revoke(id, token).status == 404)

            let deleted = try await bench.asAdmin("DELETE", "/resources/\(id)")
            #expect(deleted.status == 200 && deleted.body.isEmpty)
            #expect(!FileManager.default.fileExists(atPath: "\(bench.folder)/\(id)"))
            #expect(try await bench.asAdmin("DELETE", "/resources/\(id)").status == 200)
        }
    }

    @Test func onlyFoldersOfSessionsAreDeleted() async throws {
        try await ControlBench.run { (bench) async throws in
            let long = String(repeating: "a", count: 65)
            for name in ["other", long] {
                try Kernel.mkdir("\(bench.folder)/\(name)")
                try Kernel.replaceFile("\(bench.folder)/\(name)/file", with: [1])
            }
            try Kernel.replaceFile("\(bench.folder)/plain", with: [1])
            for id in ["other", "plain", long, String(repeating: "z9", count: 1_000), "0"] {
                let reply = try await bench.asAdmin("DELETE", "/resources/\(id)")
                #expect(reply.status == 200 && reply.body.isEmpty, "\(id)")
            }
            for id in ["A", "a.b", "a%2Fb", "..%2Fa", "%2E%2E", "a%00", "a-b", "a%20"] {
                let reply = try await bench.asAdmin("DELETE", "/resources/\(id)")
                #expect(
                    reply.status == 400 && reply.text == "the id of a session has letters a-z and digits only", "\(id)")
            }
            for path in ["other/file", "\(long)/file", "plain"] {
                #expect(FileManager.default.fileExists(atPath: "\(bench.folder)/\(path)"), "\(path)")
            }
        }
    }

    @Test func statusListsLiveSessions() async throws {
        try await ControlBench.run(adjust: { $0.proxyPort = 4711 }) { (bench) async throws in
            let empty = try await bench.probe.send("GET", "/status")
            #expect(empty.status == 200 && empty.fields.first("Content-Type") == "application/json")
            #expect(empty.text.hasSuffix(#""session-count":0,"active-session-count":0,"active-sessions":[]}"#))
            let (id, token) = try await bench.open(#"{"timeout": 100}"#)
            _ = try await bench.revoke(id, token)
            let one = try await bench.probe.send("GET", "/status")
            let object = try #require(try JSONSerialization.jsonObject(with: Data(one.body)) as? [String: Any])
            #expect(object["proxy-port"] as? Int == 4711)
            #expect(object["session-count"] as? Int == 1 && object["uptime"] as? Int != nil)
            #expect(WallTime(rfc3339: object["start-time"] as? String ?? "") != nil)
            let session = try #require((object["active-sessions"] as? [[String: Any]])?.first)
            #expect(session["session-id"] as? String == id && session["policy"] as? String == "strict")
            #expect(session["timeout"] as? Int == 100 && session["age"] as? Int == 0)
            #expect(WallTime(rfc3339: session["start-time"] as? String ?? "") != nil)
        }
    }

    @Test func statusCanHideTheSessions() async throws {
        try await ControlBench.run(adjust: { $0.statusDetail = .counts }) { (bench) async throws in
            let (id, _) = try await bench.open()
            let text = try await bench.probe.send("GET", "/status").text
            #expect(text.hasSuffix(#""session-count":1,"active-session-count":1,"active-sessions":[]}"#))
            #expect(!text.contains(id))
        }
    }

    @Test(arguments: [
        ("{}", SessionPolicy.strict, 21_600), (#"{"policy": "Permissive"}"#, .strict, 21_600),
        (#"{"policy": "permissive"}"#, .permissive, 21_600), (#"{"timeout": 0}"#, .strict, 21_600),
        (#"{"timeout": 7}"#, .strict, 7), (#"{"timeout": 18446744073709551615}"#, .strict, 604_800),
        (#"{"timeout": 9223372036854775807}"#, .strict, 604_800),
        (#"{"timeout": 9223372036854775808}"#, .strict, 604_800), (#"{"timeout": 1e400}"#, .strict, 604_800),
        (#"{"timeout": 1e30}"#, .strict, 604_800), (#"{"timeout": 1e18}"#, .strict, 604_800),
        (#"{"timeout": -0}"#, .strict, 21_600),
        (#"{"surprise": [1, {"a": null}], "timeout": 8} trailing"#, .strict, 8), ("null", .strict, 21_600),
        (#"{"secrets": [], "policy": null}"#, .strict, 21_600),
    ])
    func acceptedCreations(body: String, policy: SessionPolicy, timeout: Int64) async throws {
        try await ControlBench.run { (bench) async throws in
            let reply = try await bench.asAdmin("POST", "/session", body)
            #expect(reply.status == 200, "\(reply.text)")
            let id = try #require(SessionID(reply.member("id") ?? ""))
            let row = try #require(try bench.records.session(id))
            #expect(row.policy == policy && row.timeout == timeout)
            // Nothing but id and token unless there is something to tell: the craft tools forbid other keys.
            let told = try JSONValue(parsing: reply.body)
            guard case .object(let members) = told else {
                Issue.record("\(reply.text)")
                return
            }
            let hasTimeout = row.timeout != 21_600
            #expect(members["timeout"] == (hasTimeout ? .integer(timeout) : nil))
            #expect(["{}", "null"].contains(body) == false || Set(members.keys) == ["id", "token"])
        }
    }

    // MARK: What is accepted with a warning

    private static let odd = [
        (#"{"surprise": 1, "b\u0007c": 2}"#, "unknown keys 'b\\u{7}c', 'surprise'", "timeout"),
        (
            #"{"secrets": [{"type": "macaroon", "url": "https://a.example/**", "macaroon-credentials": "x1234","#
                + #" "allow_http": true}]}"#, "unknown keys 'secrets[0].allow_http'", "allow-http"
        ),
        (#"{"policy": "Permissive"}"#, "unknown policy 'Permissive'", "known are strict and permissive"),
        (#"{"policy": ""}"#, "unknown policy ''", "known are strict and permissive"),
        (#"{"timeout": 604801}"#, "the timeout is too long", "at most 604800 seconds are allowed"),
        (#"{"timeout": 100000000000000000000}"#, "the timeout is too long", "at most 604800 seconds are allowed"),
        (#"{"timeout": 1e400}"#, "the timeout is too long", "at most 604800 seconds are allowed"),
    ]

    @Test(arguments: odd) func whatIsOddIsAcceptedWithAWarning(body: String, problem: String, allowed: String)
        async throws
    {
        try await ControlBench.run { (bench) async throws in
            let reply = try await bench.asAdmin("POST", "/session", body)
            #expect(reply.status == 200)
            let warnings = try #require(try JSONValue(parsing: reply.body)["warnings"]?.texts)
            #expect(
                warnings.count == 1 && warnings[0].hasPrefix(problem) && warnings[0].contains(allowed), "\(warnings)")
        }
    }

    @Test(arguments: odd) func theStrictAPIRefusesWhatIsOdd(body: String, problem: String, allowed: String) async throws
    {
        try await ControlBench.run(adjust: { $0.isStrict = true }) { (bench) async throws in
            let reply = try await bench.asAdmin("POST", "/session", body)
            #expect(
                reply.status == 400 && reply.text.contains(problem) && reply.text.contains(allowed), "\(reply.text)")
            #expect(try bench.records.sessions().isEmpty)
            let usual = #"{"policy": "permissive", "timeout": 604800, "name": "a", "labels": {}, "secrets": []}"#
            let fine = try await bench.asAdmin("POST", "/session", usual)
            #expect(fine.status == 200 && !fine.text.contains("warnings"))
        }
    }

    @Test func unknownKeysInTheConfigurationAreLoggedOnly() async throws {
        let body = #"{"inspectors-configuration": {"git": {}, "unknown": "git.url gti\u001b"}}"#
        try await ControlBench.run { (bench) async throws in
            let reply = try await bench.asAdmin("POST", "/session", body)
            guard case .object(let members) = try JSONValue(parsing: reply.body) else {
                throw HTTPProbe.Failure(text: reply.text)
            }
            #expect(reply.status == 200 && Set(members.keys) == ["id", "token"])
            let known = #"unknown keys "inspectors-configuration.git.url", "inspectors-configuration.gti\u{1b}""#
            #expect(bench.lines.withLock { $0 }.contains { $0.hasPrefix("warning POST /session: \(known): ignored") })
        }
        try await ControlBench.run(adjust: { $0.isStrict = true }) { (bench) async throws in
            let one = body.replacingOccurrences(of: #" gti\u001b"#, with: "")
            let reply = try await bench.asAdmin("POST", "/session", one)
            #expect(reply.status == 400)
            #expect(reply.text.contains(#"unknown key "inspectors-configuration.git.url""#), "\(reply.text)")
            #expect(try bench.records.sessions().isEmpty)
            let fine = #"{"inspectors-configuration": {"git": {}}}"#
            #expect(try await bench.asAdmin("POST", "/session", fine).status == 200)
        }
    }

    @Test func aUsualRequestHasNoWarnings() async throws {
        try await ControlBench.run { (bench) async throws in
            for body in ["{}", #"{"policy": "strict"}"#, #"{"policy": null, "timeout": 604800}"#] {
                #expect(try await bench.asAdmin("POST", "/session", body).text.contains("warnings") == false)
            }
        }
    }

    // MARK: Names and labels

    @Test func namesAndLabelsAreRecorded() async throws {
        try await ControlBench.run { (bench) async throws in
            let longest = String(repeating: "é", count: 200)
            let labels = (0..<32).map { "\"\($0)\": \"\(longest)\"" }.joined(separator: ", ")
            let (id, _) = try await bench.open("{\"name\": \"\(longest)\", \"labels\": {\(labels)}}")
            let session = try #require(SessionID(id))
            let row = try #require(try bench.records.session(session))
            #expect(row.name == longest)
            guard case .object(let kept) = try JSONValue(parsing: row.labels) else {
                throw HTTPProbe.Failure(text: "labels")
            }
            #expect(kept.count == 32 && kept["31"]?.text == longest)
            let (other, _) = try await bench.open(#"{"name": null, "labels": {}}"#)
            let otherSession = try #require(SessionID(other))
            let plain = try #require(try bench.records.session(otherSession))
            #expect(plain.name.isEmpty && plain.labels.isEmpty)
        }
    }

    private static let tooLong = String(repeating: "x", count: 201)

    @Test(arguments: [
        (#"{"name": 5}"#, "'name' must be a string"),
        ("{\"name\": \"\(tooLong)\"}", "'name' is longer than 200 characters"),
        (#"{"name": "a\u0000b"}"#, "'name' has control characters"), (#"{"labels": []}"#, "'labels' must be an object"),
        (#"{"labels": {"a": 1}}"#, "'labels.a' must be a string"), (#"{"labels": {"a": null}}"#, "must be a string"),
        ("{\"labels\": {\"a\": \"\(tooLong)\"}}", "a value of 'labels' is longer"),
        ("{\"labels\": {\"\(tooLong)\": \"a\"}}", "a key of 'labels' is longer"),
        (#"{"labels": {"a\u001b": "b"}}"#, "a key of 'labels' has control characters"),
        (
            "{\"labels\": {\((0..<33).map { "\"\($0)\": \"\"" }.joined(separator: ", "))}}",
            "'labels' has 33 members: 32 are allowed"
        ),
    ])
    func namesAndLabelsThatAreRefused(body: String, text: String) async throws {
        try await ControlBench.run { (bench) async throws in
            let reply = try await bench.asAdmin("POST", "/session", body)
            #expect(reply.status == 400 && reply.text.contains(text), "\(reply.status) \(reply.text)")
        }
    }

    @Test(arguments: [
        ("", "EOF"), ("{", "not JSON"), ("not json", "expected"), ("[]", "expected a JSON object"),
        (#"{"timeout": -1}"#, "'timeout'"), (#"{"timeout": 1.5}"#, "'timeout'"), (#"{"timeout": 1e3}"#, "'timeout'"),
        (#"{"timeout": 21600.5}"#, "'timeout'"), (#"{"timeout": -1e400}"#, "'timeout'"),
        (#"{"timeout": -9223372036854775809}"#, "'timeout'"), (#"{"timeout": 1e-400}"#, "'timeout'"),
        (#"{"timeout": "60"}"#, "'timeout'"),
        (#"{"policy": 1}"#, "'policy'"), (#"{"inspectors-configuration": 3}"#, "'inspectors-configuration'"),
        (#"{"inspectors-configuration": {"git": {"urls": ["a"]}}}"#, "bad glob"),
        (#"{"secrets": {}}"#, "'secrets'"), (#"{"secrets": [1]}"#, "must be an object"),
        (#"{"secrets": [{"url": "https://a.example/{b"}]}"#, "'url' of a secret"),
        (#"{"secrets": [{"url": "https://a.example/**"}]}"#, "Invalid secret: missing type"),
        (#"{"secrets": [{"type": "oauth", "url": "x"}]}"#, "Invalid secret: invalid type"),
        (#"{"secrets": [{"type": "macaroon"}]}"#, "Invalid secret: missing url"),
        (
            #"{"secrets": [{"type": "basic-auth", "url": "x"}]}"#,
            "Invalid secret: missing credentials for 'basic-auth'"
        ),
        (#"{"secrets": [{"type": "macaroon", "url": "x"}]}"#, "Invalid secret: missing credentials for 'macaroon'"),
        (
            #"{"secrets": [{"type": "keystone-v3", "url": "x", "basic-credentials": "u:p"}]}"#,
            "Invalid secret: missing credentials for 'keystone-v3'"
        ),
        (
            #"{"secrets": [{"type": "basic-auth", "url": "https://*/**", "basic-credentials": "u:hunter2"}]}"#,
            "Invalid secret: url: host and port must be literal"
        ),
        (
            #"{"secrets": [{"type": "basic-auth", "url": "https://a.example/**", "basic-credentials": "u:hunter2\n"}]}"#,
            "control character"
        ),
        (
            #"{"secrets": [{"type": "macaroon", "url": "https://a.example/", "macaroon-credentials": "hunter2"}, {"type": "b"}]}"#,
            "Invalid secret: invalid type"
        ),
        (#"{"secrets": "hunter2"}"#, "'secrets' must be a list, not a string"),
        (#"{"secrets": [{"allow-http": "hunter2"}]}"#, "'allow-http' of a secret must be true or false"),
    ])
    func refusedCreations(body: String, text: String) async throws {
        try await ControlBench.run { (bench) async throws in
            let reply = try await bench.asAdmin("POST", "/session", body)
            #expect(reply.status == 400 && reply.text.contains(text), "\(reply.status) \(reply.text)")
            #expect(!reply.text.contains("hunter2"))
            #expect(reply.fields.first("Content-Type") == "text/plain; charset=utf-8")
            #expect(try bench.records.sessions().isEmpty)
        }
    }

    @Test func secretsAreTakenAndNeverShown() async throws {
        try await ControlBench.run { (bench) async throws in
            let (text, token) = try await bench.open(
                """
                {"secrets": [
                  {"type": "basic-auth", "url": "https://a.example:443/**", "basic-credentials": "user:hunter2"},
                  {"type": "macaroon", "url": "http://b.example/**", "macaroon-credentials": "hunter2", "allow-http": true},
                  {"type": "keystone-v3", "url": "https://c.example/v3/auth/tokens", "keystone-v3-credentials": "u:hunter2"}
                ]}
                """)
            let id = try #require(SessionID(text))
            let row = try #require(try bench.records.session(id))
            #expect(row.secrets.map(\.type) == [.basicAuth, .macaroon, .keystoneV3])
            #expect(row.secrets.map(\.allowsHTTP) == [false, true, false])
            let session = try #require(await bench.registry.session(id))
            #expect(session.secrets?.areLost == false)
            #expect(try await !bench.probe.send("GET", "/status").text.contains("hunter2"))
            _ = try await bench.revoke(text, token)
            #expect(session.secrets?.all[0].credentials?.authorization?.isWiped == true)
        }
    }

    @Test func permissiveSessionsNeedThePermissiveMode() async throws {
        try await ControlBench.run(allowsPermissive: false) { (bench) async throws in
            let reply = try await bench.asAdmin("POST", "/session", #"{"policy": "permissive"}"#)
            #expect(reply.status == 400 && reply.text == "Invalid session policy")
        }
    }

    @Test func aBodyOverTheLimitIs413() async throws {
        try await ControlBench.run(adjust: { $0.largestBody = 1000 }) { (bench) async throws in
            let padding = String(repeating: " ", count: 998)
            #expect(try await bench.asAdmin("POST", "/session", padding + "{}").status == 200)
            #expect(try await bench.asAdmin("POST", "/session", padding + " {}").status == 413)
        }
    }

    @Test func aBodyOverAMegabyteIs413Everywhere() async throws {
        try await ControlBench.run { (bench) async throws in
            let (id, _) = try await bench.open(String(repeating: " ", count: (1 << 20) - 2) + "{}")
            let body = String(repeating: " ", count: 1 << 20) + "{}"
            let tooLong = try await bench.asAdmin("POST", "/session", body)
            #expect(tooLong.status == 413 && tooLong.text == "the request body is too large")
            let revocation = try await bench.probe.send("DELETE", "/session/\(id)/token", body: Array(body.utf8))
            #expect(revocation.status == 413)
            let session = try #require(SessionID(id))
            #expect(await bench.registry.session(session)?.isOpen == true)
        }
    }

    @Test func anUnwritableRecordIsToldWith503() async throws {
        try await ControlBench.run { (bench) async throws in
            bench.records.state.withLock { $0.isWritable = false }
            let reply = try await bench.asAdmin("POST", "/session", "{}")
            #expect(reply.status == 503 && reply.text.contains("read-only"))
            bench.records.state.withLock { $0.isWritable = true }
        }
    }

    @Test func filesThatCannotBeWrittenAre500AndTheSessionStays() async throws {
        try await ControlBench.run { (bench) async throws in
            let (id, _) = try await bench.open()
            bench.metadata.isBroken.withLock { $0 = true }
            let reply = try await bench.asAdmin("DELETE", "/session/\(id)")
            #expect(reply.status == 500 && reply.text == "500 Internal Server Error")
            bench.metadata.isBroken.withLock { $0 = false }
            #expect(try await bench.asAdmin("DELETE", "/session/\(id)").status == 200)
        }
    }

    // MARK: Revocation

    @Test func revocationsThatFail() async throws {
        try await ControlBench.run { (bench) async throws in
            let (id, token) = try await bench.open()
            let wrong = try await bench.revoke(id, "x")
            #expect(wrong.status == 400 && wrong.text == "invalid session token")
            #expect(try await bench.revoke("unknown", token).status == 404)
            #expect(try await bench.revoke("No-Id", token).status == 404)
            #expect(try await bench.revoke("", token).status == 404)
            for body in ["", "not json", "[]", #"{"token": 5}"#] {
                let reply = try await bench.probe.send("DELETE", "/session/\(id)/token", body: Array(body.utf8))
                #expect(reply.status == 400, "\(body): \(reply.text)")
            }
            let absent = try await bench.probe.send("DELETE", "/session/\(id)/token", body: Array("{}".utf8))
            #expect(absent.status == 400 && absent.text == "invalid session token")
            let session = try #require(SessionID(id))
            #expect(await bench.registry.session(session)?.isOpen == true)
        }
    }

    @Test func olderBuildersRevokeWithTheAuthorizationField() async throws {
        try await ControlBench.run { (bench) async throws in
            let (bareID, bareToken) = try await bench.open()
            let bare = try await bench.probe.send(
                "DELETE", "/session/\(bareID)/token", [("Authorization", "Basic \(bareToken)")])
            #expect(bare.status == 200 && bare.member("session-id") == bareID)

            let (id, token) = try await bench.open()
            let pair = BasicCredentials(user: id, password: token).fieldValue
            #expect(
                try await bench.probe.send("DELETE", "/session/\(id)/token", [("Authorization", pair)]).status == 200)

            let (nameless, namelessToken) = try await bench.open()
            let halfPair = BasicCredentials(user: "", password: namelessToken).fieldValue
            let path = "/session/\(nameless)/token"
            #expect(try await bench.probe.send("DELETE", path, [("Authorization", halfPair)]).status == 200)
            // With a body that says nothing.
            let again = try await bench.probe.send(
                "DELETE", path, [("Authorization", halfPair)], body: Array("{}".utf8))
            #expect(again.status == 200)

            let (other, otherToken) = try await bench.open()
            let foreign = BasicCredentials(user: "admin", password: otherToken).fieldValue
            for value in ["Basic \(token)", "Basic", "Basic ", "Bearer \(otherToken)", foreign, otherToken] {
                let wrong = try await bench.probe.send("DELETE", "/session/\(other)/token", [("Authorization", value)])
                #expect(wrong.status == 400, "\(value)")
            }
            let wrong = try await bench.probe.send(
                "DELETE", "/session/\(other)/token", [("Authorization", "Basic \(token)")])
            #expect(wrong.status == 400 && wrong.text == "invalid session token")
        }
    }

    /// Twenty-two letters and digits may be the base64 of something with a colon.
    @Test func aBareTokenThatReadsAsAPairIsStillATokenToo() throws {
        let id = try #require(SessionID("abc"))
        let bare = Base64.encode(Array(":y".utf8))
        let token = try RevocationToken([], "Basic \(bare)", of: id)
        #expect(token.candidates == [bare, "y"])
        let pair = BasicCredentials(user: "abc", password: "x:y").fieldValue
        #expect(try RevocationToken([], pair, of: id).candidates.last == "x:y")
        let body = Array(#"{"token": "t"}"#.utf8)
        #expect(try RevocationToken(body, pair, of: id).candidates == ["t"])
    }

    // MARK: Report

    @Test func headTellsTheLengthOfTheReport() async throws {
        try await ControlBench.run { (bench) async throws in
            let (id, token) = try await bench.open()
            #expect(try await bench.asAdmin("HEAD", "/session/\(id)").status == 400)
            _ = try await bench.revoke(id, token)
            let piece = [UInt8](repeating: UInt8(ascii: "b"), count: 100_000)
            bench.report.withLock { $0 = Array(repeating: piece, count: 3) }
            let head = try await bench.asAdmin("HEAD", "/session/\(id)")
            #expect(head.status == 200 && head.body.isEmpty && head.fields.first("Content-Length") == "300000")
            #expect(head.fields.first("Transfer-Encoding") == nil)
            let status = try await bench.probe.send("HEAD", "/status")
            #expect(
                status.status == 200 && status.body.isEmpty
                    && (Int(status.fields.first("Content-Length") ?? "") ?? 0) > 50)
        }
    }

    @Test func aReportThatFailsInItsMiddleIsNotTakenForWhole() async throws {
        try await ControlBench.run { (bench) async throws in
            let (id, token) = try await bench.open()
            _ = try await bench.revoke(id, token)
            bench.report.withLock { $0 = [Array("{\"artifacts\":[".utf8), nil] }
            let torn = try await bench.asAdmin("GET", "/session/\(id)")
            #expect(torn.status == 200 && !torn.isComplete)
            bench.report.withLock { $0 = [nil] }
            #expect(try await bench.asAdmin("GET", "/session/\(id)").status == 500)
        }
    }

    @Test func reportsOfAnyLengthAreStreamed() async throws {
        try await ControlBench.run { (bench) async throws in
            let (id, token) = try await bench.open()
            _ = try await bench.revoke(id, token)
            let piece = [UInt8](repeating: UInt8(ascii: "b"), count: 100_000)
            bench.report.withLock { $0 = Array(repeating: piece, count: 50) }
            let reply = try await bench.asAdmin("GET", "/session/\(id)")
            #expect(reply.body.count == 5_000_000 && reply.isComplete)
        }
    }

    @Test func aReportWaitsForOpenInspections() async throws {
        try await ControlBench.run { (bench) async throws in
            let (text, token) = try await bench.open()
            let id = try #require(SessionID(text))
            let row = ExchangeRow(session: id, category: .artifact, download: Array("{}".utf8))
            try await bench.recorder.commit([.exchange(row)])
            _ = try await bench.revoke(text, token)
            async let report = bench.asAdmin("GET", "/session/\(text)")
            try await bench.recorder.commit([.conclude(id, number: 1, result: .approved, judgement: [])])
            #expect(try await report.status == 200)
        }
    }

    @Test func aReportDoesNotWaitForEver() async throws {
        try await ControlBench.run(adjust: { $0.inspectionWait = .milliseconds(50) }) { (bench) async throws in
            let (text, token) = try await bench.open()
            let id = try #require(SessionID(text))
            try await bench.recorder.commit([
                .exchange(ExchangeRow(session: id, category: .artifact, download: Array("{}".utf8)))
            ])
            _ = try await bench.revoke(text, token)
            #expect(try await bench.asAdmin("GET", "/session/\(text)").status == 200)
        }
    }
}
