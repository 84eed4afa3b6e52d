import Core
import MemoryStorage
import Proxy
import RelayTesting
import Sessions
import Storage
import Testing
import Wire

/// Secrets of a session: which requests get them, and who gets the answers (RULES, "Secrets and keys", "What may be shared").
@Suite struct SecretTests {
    private static let basic = "Basic " + Base64.encode(Array("user:hunter2".utf8))

    private static func secret(
        _ url: String, _ credentials: String = "user:hunter2", type: String = "basic-auth", http: Bool? = nil
    ) -> JSONValue {
        let name = type == "macaroon" ? "macaroon-credentials" : "basic-credentials"
        var members: [String: JSONValue] = ["type": .string(type), "url": .string(url), name: .string(credentials)]
        if let http { members["allow-http"] = .bool(http) }
        return .object(members)
    }

    /// Answers everybody with the same, and says that everybody may have it.
    private static func origin(tls: Bool = true) throws -> ScriptedOrigin {
        try ScriptedOrigin(serving: noise(100), fields: [("Cache-Control", "public, max-age=1000")], tls: tls)
    }

    private func authorizations(_ origin: ScriptedOrigin) -> [[String]] {
        origin.requests.map { $0.head.fields.all("Authorization") }
    }

    // MARK: Which requests

    @Test func `a basic secret takes the place of what the client sends`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin()
            let session = try await proxy.open("own", secrets: [Self.secret(origin.url("/repo/**"))])
            let client = try proxy.tunnel(to: origin, session)
            #expect(try client.get("/repo/a").head.status == 200)
            #expect(try client.get("/repo/b", fields: ["Authorization": "Bearer mine"]).head.status == 200)
            #expect(authorizations(origin) == [[Self.basic], [Self.basic]])
            let rows = try proxy.rows(session, atLeast: 2)
            #expect(rows.map { $0.download["secret"]?.integer } == [0, 0])
            #expect(rows.allSatisfy { $0.download["secret-unused"] == nil })
            // The record has the client's own fields, redacted as ever, and nothing of ours.
            #expect(rows[0].download["request-header"]?["Authorization"] == nil)
            #expect(rows[1].download["request-header"]?["Authorization"]?.texts.first?.hasPrefix("redacted:") == true)
            for row in rows {
                for text in ["hunter2", "dXNlcjp"] { #expect(!row.text.contains(text)) }
            }
        }
    }

    @Test func `a macaroon goes as it is, and a sibling of the repository gets nothing`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin()
            let session = try await proxy.open(
                "own", secrets: [Self.secret(origin.url("/repo/**"), "root=abc", type: "macaroon")])
            let client = try proxy.tunnel(to: origin, session)
            for path in ["/repo/a", "/repo2/a", "/repo", "/repo/../repo2/b", "/repo/%2e%2e/b", "/repo/..%00/b"] {
                #expect(try client.get(path).head.status == 200)
            }
            #expect(authorizations(origin) == [["macaroon root=abc"], [], [], [], [], []])
            #expect(
                try proxy.rows(session, atLeast: 6).map { $0.download["secret"]?.integer } == [
                    0, nil, nil, nil, nil, nil,
                ])
        }
    }

    @Test func `the first that matches wins, and other sessions have none`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin()
            let session = try await proxy.open(
                "own",
                secrets: [
                    Self.secret(origin.url("/x/**"), "one", type: "macaroon"),
                    Self.secret(origin.url("/**"), "two", type: "macaroon"),
                    Self.secret(origin.url("/x/y"), "three", type: "macaroon"),
                ])
            let client = try proxy.tunnel(to: origin, session)
            for path in ["/x/y", "/y"] { _ = try client.get(path) }
            _ = try proxy.tunnel(to: origin).get("/x/y")
            #expect(authorizations(origin) == [["macaroon one"], ["macaroon two"], []])
            #expect(try proxy.rows(session, atLeast: 2).map { $0.download["secret"]?.integer } == [0, 1])
        }
    }

    @Test func `over plain http only a secret that allows it goes`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin(tls: false)
            let session = try await proxy.open(
                "own",
                secrets: [
                    Self.secret(origin.url("/**"), "one", type: "macaroon"),
                    Self.secret(origin.url("/a/**"), "two", type: "macaroon", http: true),
                ])
            let client = try proxy.client(session)
            for path in ["/a/b", "/b"] { #expect(try client.get(origin.url(path)).head.status == 200) }
            #expect(authorizations(origin) == [["macaroon two"], []])
            let rows = try proxy.rows(session, atLeast: 2)
            #expect(rows.map { $0.download["secret"]?.integer } == [1, nil])
        }
    }

    @Test func `other methods and bodies get it as well, and what is refused asks nobody`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { (200, $0.body) }
            let session = try await proxy.open("own", secrets: [Self.secret(origin.url("/**"), http: true)])
            let client = try proxy.client(session)
            let answer = try client.ask(
                "POST", origin.url("/a"), fields: ["Content-Length": "3"], body: Array("abc".utf8))
            #expect(answer.text == "abc")
            #expect(try client.ask("HEAD", origin.url("/b")).head.status == 200)
            #expect(try client.ask("TRACE", origin.url("/c")).head.status == 405)
            #expect(authorizations(origin) == [[Self.basic], [Self.basic]])
            #expect(origin.requests.map { $0.head.fields.first("Accept-Encoding") } == ["identity", "identity"])
        }
    }

    @Test func `what inspectors refuse never gets a secret`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin()
            let session = try await proxy.open("own", .strict, secrets: [Self.secret(origin.url("/**"))])
            #expect(try proxy.tunnel(to: origin, session).get("/x").head.status == 403)
            #expect(origin.requests.isEmpty)
        }
    }

    // MARK: Who gets the answers

    @Test func `answers to a secret are for its session only, and answers for everybody are not for it`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin()
            let secrets = [Self.secret(origin.url("/**"))]
            let (one, two) = (
                try await proxy.open("one", secrets: secrets), try await proxy.open("two", secrets: secrets)
            )
            let plain = try proxy.tunnel(to: origin)
            _ = try plain.get("/shared")
            for session in [one, two] {
                let client = try proxy.tunnel(to: origin, session)
                for path in ["/shared", "/own", "/own", "/shared"] {
                    #expect(try client.get(path).body == noise(100))
                }
            }
            _ = try plain.get("/own")
            _ = try plain.get("/shared")
            #expect(
                authorizations(origin) == [[], [Self.basic], [Self.basic], [Self.basic], [Self.basic], []])
            // Each session has it once from the origin and then from what is its own.
            #expect(try proxy.rows(one, atLeast: 4).map(\.source) == ["network", "network", "cache", "cache"])
            #expect(try proxy.rows(one).map { $0.download["secret"]?.integer } == [0, 0, 0, 0])
            for session in [one, two] {
                for row in try proxy.rows(session) { #expect(row.row.digest == sha256(noise(100))) }
            }
        }
    }

    @Test func `nothing of it is stored for everybody`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin()
            let session = try await proxy.open("own", secrets: [Self.secret(origin.url("/**"))])
            _ = try proxy.tunnel(to: origin, session).get("/a")
            let digest = sha256(noise(100))
            let deadline = Deadline()
            while try proxy.catalog.blob(digest, scope: .session(session.id)) == nil { try deadline.check() }
            #expect(try proxy.catalog.blob(digest, scope: .shared) == nil)
        }
    }

    @Test func `a request with a secret joins no download that others may have`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { session in
                _ = try session.readRequest()
                try session.waitForRelease()
                try session.respond(fields: ["Cache-Control": "public, max-age=1000"], text: "body")
            }
            let own = try await proxy.open("own", secrets: [Self.secret(origin.url("/**"))])
            let (plain, client) = (try proxy.tunnel(to: origin), try proxy.tunnel(to: origin, own))
            try plain.send("GET", "/a")
            #expect(origin.waitForRequests(1))
            try client.send("GET", "/a")
            #expect(origin.waitForRequests(2))
            for _ in 0..<2 { origin.release() }
            for answer in [try plain.answer(), try client.answer()] { #expect(answer.text == "body") }
            #expect(authorizations(origin) == [[], [Self.basic]])
        }
    }

    @Test func `a connection that carried a secret stays with its session`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin()
            let secrets = [Self.secret(origin.url("/**"))]
            for id in ["one", "two"] {
                let client = try proxy.tunnel(to: origin, try await proxy.open(id, secrets: secrets))
                for path in ["/a", "/b"] { _ = try client.get(path) }
            }
            _ = try proxy.tunnel(to: origin).get("/c")
            // At least one for each session: loops have connections of their own.
            #expect(origin.connectionCount >= 3)
            #expect(origin.requests.count == 5)
        }
    }

    @Test func `requests that are the same again and again do not get around it`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin()
            let session = try await proxy.open("own", secrets: [Self.secret(origin.url("/repo/**"))])
            // Everybody's answers are there, for both URLs.
            for path in ["/repo/a", "/other"] { _ = try proxy.tunnel(to: origin).get(path) }
            let client = try proxy.tunnel(to: origin, session)
            for _ in 0..<4 {
                for path in ["/repo/a", "/other"] { #expect(try client.get(path).body == noise(100)) }
            }
            #expect(authorizations(origin) == [[], [], [Self.basic]])
            #expect(proxy.server.counters.repeatedHits > 0, "the other URL's")
            let rows = try proxy.rows(session, atLeast: 8)
            #expect(rows.map { $0.download["secret"]?.integer } == [0, nil, 0, nil, 0, nil, 0, nil])
        }
    }

    // MARK: Lost and wiped

    @Test func `after a restart what needs a secret is refused, and nothing goes out bare`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin()
            let session = try await proxy.open("own", secrets: [Self.secret(origin.url("/repo/**"))], lost: true)
            let client = try proxy.tunnel(to: origin, session)
            let answer = try client.get("/repo/a")
            #expect(answer.head.status == 503)
            #expect(answer.text.hasPrefix("session secrets lost") && answer.text.contains("open a new session"))
            #expect(origin.requests.isEmpty)
            #expect(try client.get("/other").head.status == 200)
            let row = try #require(try proxy.rows(session, kind: .refusal, atLeast: 1).first)
            #expect(row.status == 503 && row.reason.hasPrefix("session secrets lost"))
            #expect(row.download["secret"]?.integer == 0 && row.download["secret-unused"]?.text?.isEmpty == false)
        }
    }

    @Test func `a secret that was wiped meanwhile lets nothing out`() async throws {
        try await withProxy { proxy in
            let origin = try Self.origin()
            let session = try await proxy.open("own", secrets: [Self.secret(origin.url("/**"))])
            let client = try proxy.tunnel(to: origin, session)
            session.secrets?.wipe()
            #expect(try client.get("/a").head.status == 503)
            #expect(origin.requests.isEmpty)
        }
    }
}
