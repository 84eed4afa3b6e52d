import Core
import MemoryStorage
import Proxy
import RelayTesting
import Sessions
import Storage
import Testing
import Wire

/// Secrets that go into the JSON body of a request for a token.
@Suite struct KeystoneTests {
    private static let body = #"""
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "placeholder",
        "password": "placeholder", "domain": {"id": "default"}}}}, "scope": {"project": {"name": "p", "n": 1.50}}},
        "extra": [1, 2]}
        """#
    private static let identity =
        #"{"methods":["password"],"password":{"user":{"name":"build","password":"hunter2","domain":{"id": "default"}}}}"#

    private func withClient(
        _ options: ProxyOptions = ProxyOptions(), answering: @escaping @Sendable (SeenRequest) -> [UInt8] = { _ in [] },
        _ body: @escaping @Sendable (ProxyFixture, ScriptedOrigin, ProxyClient) async throws -> Void
    ) async throws {
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { request in
                (200, answering(request))
            }
            let session = try await proxy.open(
                "own",
                secrets: [
                    [
                        "type": "keystone-v3", "url": .string(origin.url("/v3/auth/tokens")),
                        "keystone-v3-credentials": "build:hunter2",
                    ]
                ])
            try await body(proxy, origin, try proxy.tunnel(to: origin, session))
        }
    }

    private func post(_ client: ProxyClient, _ text: String, fields: [(String, String)] = []) throws -> SeenResponse {
        try postBytes(client, Array(text.utf8), "Content-Length: \(text.utf8.count)\r\n", fields)
    }

    private func postChunked(_ client: ProxyClient, _ text: String, piece: Int, trailer: String = "") throws
        -> SeenResponse
    {
        var bytes: [UInt8] = []
        let content = Array(text.utf8)
        for start in stride(from: 0, to: content.count, by: piece) {
            let part = content[start..<min(content.count, start + piece)]
            bytes += Array("\(String(part.count, radix: 16))\r\n".utf8) + part + [13, 10]
        }
        return try postBytes(client, bytes + Array("0\r\n\(trailer)\r\n".utf8), "Transfer-Encoding: chunked\r\n", [])
    }

    private func postBytes(
        _ client: ProxyClient, _ bytes: [UInt8], _ framing: String, _ fields: [(String, String)]
    ) throws -> SeenResponse {
        let more = fields.map { "\($0): \($1)\r\n" }.joined()
        try client.connection.send(
            Array("POST /v3/auth/tokens HTTP/1.1\r\nHost: \(client.tunnelTo ?? "")\r\n\(framing)\(more)\r\n".utf8)
                + bytes)
        return try client.answer(to: "POST")
    }

    // MARK: Rewritten

    @Test func `user and password are put in, and scope and everything else stay`() async throws {
        try await withClient { proxy, origin, client in
            let answer = try post(
                client, Self.body, fields: [("Content-Type", "application/json"), ("Content-MD5", "x"), ("X-Own", "y")])
            #expect(answer.head.status == 200)
            let seen = try #require(origin.requests.first)
            let parsed = try JSONValue(parsing: seen.body)
            #expect(parsed["auth"]?["identity"] == (try JSONValue(parsing: Self.identity.utf8)))
            #expect(seen.text.contains(#""scope": {"project": {"name": "p", "n": 1.50}}"#))
            #expect(parsed["extra"] == [1, 2])
            #expect(seen.head.fields.all("Content-Length") == ["\(seen.body.count)"])
            #expect(!seen.head.fields.contains("Content-MD5") && !seen.head.fields.contains("Authorization"))
            #expect(seen.head.fields.first("X-Own") == "y")
            let row = try #require(try proxy.rows(client.session, atLeast: 1).first)
            #expect(row.download["secret"]?.integer == 0 && row.download["secret-unused"] == nil)
            // What the client sent, and nothing of what we made of it.
            #expect(row.download["request-body"]?["sha256"]?.text == sha256(Array(Self.body.utf8)).hex)
            #expect(row.download["request-body"]?["size"]?.integer == Int64(Self.body.utf8.count))
            #expect(!row.text.contains("hunter2"))
        }
    }

    @Test(arguments: [1, 7, 1000]) func `a chunked body becomes one with a length`(_ piece: Int) async throws {
        try await withClient { _, origin, client in
            for _ in 0..<2 {
                let answer = try postChunked(client, Self.body, piece: piece)
                #expect(answer.head.status == 200)
            }
            for seen in origin.requests {
                #expect(!seen.head.fields.contains("Transfer-Encoding"))
                #expect(seen.head.fields.all("Content-Length") == ["\(seen.body.count)"])
                #expect(seen.text.contains(#""password":"hunter2""#))
            }
        }
    }

    @Test(arguments: [#"{"name": "Default"}"#, #"{"id": "d1"}"#])
    func `the domain stays, by id or by name`(_ domain: String) async throws {
        try await withClient { _, origin, client in
            _ = try post(client, Self.body.replacing(#"{"id": "default"}"#, with: domain))
            #expect(origin.requests.first?.text.contains(#""domain":\#(domain)"#) == true)
        }
    }

    @Test func `a client that waits for 100 gets it from us`() async throws {
        try await withClient { _, origin, client in
            try client.connection.send(
                "POST /v3/auth/tokens HTTP/1.1\r\nHost: \(client.tunnelTo ?? "")\r\n"
                    + "Content-Length: \(Self.body.utf8.count)\r\nExpect: 100-continue\r\n\r\n")
            let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
            #expect(try client.connection.read(exactly: interim.count) == interim)
            #expect(origin.connectionCount == 0)
            try client.connection.send(Self.body)
            #expect(try client.answer(to: "POST").head.status == 200)
            let seen = try #require(origin.requests.first)
            #expect(seen.text.contains("hunter2") && !seen.head.fields.contains("Expect"))
        }
    }

    // MARK: Left as it is

    @Test(arguments: [
        ("no json", "no JSON"), ("{}", "no auth"), (#"{"auth": {}}"#, "no auth.identity"),
        (#"{"auth": {"identity": {"token": {}}}}"#, "no auth.identity.password"),
        (#"{"auth": {"identity": {"password": {}}}}"#, "no auth.identity.password.user"),
    ])
    func `a body that cannot be rewritten goes on byte by byte`(_ text: String, _ reason: String) async throws {
        try await withClient { proxy, origin, client in
            _ = try post(client, text)
            _ = try postChunked(client, text, piece: 2, trailer: "X-Sum: 1\r\n")
            #expect(origin.requests.map(\.text) == [text, text])
            #expect(origin.requests.map { $0.head.fields.contains("Transfer-Encoding") } == [false, true])
            #expect(origin.requests.last?.trailers.first("X-Sum") == "1")
            for row in try proxy.rows(client.session, atLeast: 2) {
                #expect(row.download["secret"]?.integer == 0)
                #expect(row.download["secret-unused"]?.text?.contains(reason) == true)
            }
        }
    }

    @Test func `so does one that is too large, and one without a body`() async throws {
        var options = ProxyOptions()
        options.settings.largestBodyForSecret = Self.body.utf8.count
        try await withClient(options) { proxy, origin, client in
            let large = Self.body + " "
            _ = try post(client, Self.body)
            _ = try post(client, large)
            _ = try postChunked(client, large, piece: 50)
            _ = try client.get("/v3/auth/tokens")
            #expect(origin.requests.map { $0.text.contains("hunter2") } == [true, false, false, false])
            #expect(origin.requests[1].text == large && origin.requests[2].text == large)
            let reasons = try proxy.rows(client.session, atLeast: 4).map { $0.download["secret-unused"]?.text ?? "" }
            #expect(reasons[0].isEmpty && reasons[3].contains("no body"))
            for reason in reasons[1...2] { #expect(reason.contains("larger than the \(Self.body.utf8.count) bytes")) }
        }
    }

    @Test func `so does one with a content coding, whatever it looks like`() async throws {
        try await withClient { proxy, origin, client in
            let coded = gzip(Array(Self.body.utf8))
            let fields = [("Content-Encoding", "gzip"), ("Content-Digest", "x")]
            _ = try postBytes(client, coded, "Content-Length: \(coded.count)\r\n", fields)
            _ = try post(client, Self.body, fields: fields)
            _ = try post(client, Self.body, fields: [("Content-Encoding", "Identity")])
            let seen = origin.requests
            #expect(seen.map(\.body).prefix(2) == [coded, Array(Self.body.utf8)])
            #expect(seen.map { $0.head.fields.first("Content-Encoding") } == ["gzip", "gzip", "Identity"])
            #expect(seen.map { $0.head.fields.contains("Content-Digest") } == [true, true, false])
            #expect(seen.map { $0.text.contains("hunter2") } == [false, false, true])
            let reasons = try proxy.rows(client.session, atLeast: 3).map { $0.download["secret-unused"]?.text }
            #expect(reasons == ["the body has a content coding", "the body has a content coding", nil])
        }
    }

    @Test(arguments: [300_000, 3_000_000]) func `a much larger one too, in both framings`(_ count: Int) async throws {
        try await withClient { _, origin, client in
            let large = String(repeating: "x", count: count)
            _ = try post(client, large)
            _ = try postChunked(client, large, piece: 50_000)
            #expect(origin.requests.map(\.text) == [large, large])
        }
    }

    @Test func `a client that breaks off while its body is read asks nobody`() async throws {
        try await withClient { proxy, origin, client in
            try client.connection.send(
                "POST /v3/auth/tokens HTTP/1.1\r\nHost: \(client.tunnelTo ?? "")\r\n"
                    + "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n")
            let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
            #expect(try client.connection.read(exactly: interim.count) == interim)
            try client.connection.send("{}")
            client.connection.close()
            let row = try #require(try proxy.rows(client.session, kind: .failure, atLeast: 1).first)
            #expect(row.isTruncated)
            #expect(origin.connectionCount == 0)
        }
    }

    // MARK: The answer

    @Test func `the password must not come back, the user may`() async throws {
        try await withClient(answering: { Array(($0.text.contains("again") ? "hunter2" : "build").utf8) }) {
            proxy, _, client in
            #expect(try post(client, Self.body).text == "build")
            let answer = try post(client, Self.body.replacing("extra", with: "again"))
            #expect(answer.head.status == 502 && !answer.text.contains("hunter2"))
        }
    }

    @Test(arguments: [100, 200_000]) func `the answer is delivered and stored nowhere`(_ count: Int) async throws {
        var options = ProxyOptions()
        let blobs = MemoryBlobStore()
        options.blobs = blobs
        let token = noise(count)
        try await withClient(options, answering: { _ in token }) { proxy, _, client in
            let before = blobs.spaceLeft()
            #expect(try post(client, Self.body).body == token)
            #expect(blobs.spaceLeft() == before)
            let row = try #require(try proxy.rows(client.session, atLeast: 1).first)
            #expect(row.row.digest == sha256(token) && row.row.size == Int64(count))
            #expect(row.reason == "not kept: it may hold a token")
        }
    }

    @Test func `answers of other token endpoints are stored nowhere either`() async throws {
        var options = ProxyOptions()
        let blobs = MemoryBlobStore()
        options.blobs = blobs
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin(serving: noise(100))
            let client = try proxy.client()
            let before = blobs.spaceLeft()
            let form = Array("grant_type=client_credentials".utf8)
            for _ in 0..<2 {
                _ = try client.ask(
                    "POST", origin.url("/oauth/token"), fields: ["Content-Length": "\(form.count)"], body: form)
                #expect(try client.get(origin.url("/token?service=registry.example&scope=x")).body == noise(100))
            }
            #expect(blobs.spaceLeft() == before && origin.requests.count == 4)
            #expect(try proxy.rows(atLeast: 4).allSatisfy { $0.reason == "not kept: it may hold a token" })
            _ = try client.get(origin.url("/token"))
            #expect(blobs.spaceLeft() < before)
        }
    }
}
