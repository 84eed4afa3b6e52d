import Core
import MemoryStorage
import Proxy
import RelayTesting
import Sessions
import Storage
import Testing
import Wire

/// An origin that shows the secret that it was sent: nothing of its answer is delivered (RULES, "Secrets and keys").
@Suite struct EchoTests {
    private static let forms = [
        "user:hunter2", "dXNlcjpodW50ZXIy", "user%3Ahunter2", "user%3ahunter2", "hunter2", "user&#58;hunter2",
        #"user\u003ahunter2"#, "&#x68;unter2",
    ]

    /// Runs a test with a client of a session with a secret for an origin, inside a tunnel.
    private func withClient(
        _ script: @escaping ScriptedOrigin.Script,
        _ body: @escaping @Sendable (ProxyFixture, ScriptedOrigin, ProxyClient) async throws -> Void
    ) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server(), script: script)
            let session = try await proxy.open(
                "own",
                secrets: [
                    ["type": "basic-auth", "url": .string(origin.url("/**")), "basic-credentials": "user:hunter2"]
                ])
            try await body(proxy, origin, try proxy.tunnel(to: origin, session))
        }
    }

    private func expectEcho(
        _ proxy: ProxyFixture, _ client: ProxyClient, _ answer: SeenResponse, hasBody: Bool = true
    ) throws {
        #expect(answer.head.status == 502)
        #expect(answer.text.contains("shows the secret") == hasBody)
        let row = try #require(try proxy.rows(client.session, kind: .failure, atLeast: 1).first)
        #expect(row.status == 502 && row.reason.contains("shows the secret") && row.download["secret"]?.integer == 0)
        var seen = answer.text + row.text
        answer.head.fields.forEach { seen += "\($0): \($1)" }
        for form in Self.forms { #expect(!seen.contains(form)) }
    }

    @Test(arguments: forms) func `in the head`(_ form: String) async throws {
        try await withClient({ session in
            while try session.readRequest() != nil { try session.respond(fields: ["X-Echo": "is \(form)"], text: "ok") }
        }) { proxy, _, client in
            try expectEcho(proxy, client, try client.get("/a"))
            try expectEcho(proxy, client, try client.ask("HEAD", "/a"), hasBody: false)
        }
    }

    @Test(arguments: forms) func `in the body`(_ form: String) async throws {
        try await withClient({ session in
            while try session.readRequest() != nil { try session.respond(text: "you sent \(form).") }
        }) { proxy, _, client in
            try expectEcho(proxy, client, try client.get("/a"))
            let digest = sha256(Array("you sent \(form).".utf8))
            #expect(try proxy.catalog.blob(digest, scope: .session(client.session.id)) == nil)
            try expectEcho(
                proxy, client, try client.ask("POST", "/a", fields: ["Content-Length": "1"], body: [7]))
        }
    }

    @Test func `in a body that is coded although nobody asked for that`() async throws {
        let body = gzip(Array("before user:hunter2 after".utf8))
        try await withClient({ session in
            while try session.readRequest() != nil {
                try session.respond(fields: ["Content-Encoding": "gzip"], body: body)
            }
        }) { proxy, _, client in try expectEcho(proxy, client, try client.get("/a")) }
    }

    @Test func `an archive that shows nothing is delivered`() async throws {
        let body = gzip(noise(300_000))
        try await withClient({ session in
            while try session.readRequest() != nil { try session.respond(body: body) }
        }) { _, _, client in
            let answer = try client.get("/a")
            #expect(answer.body == body)
        }
    }

    @Test func `fields that make another request of it do not go with the secret`() async throws {
        try await withClient({ session in
            while try session.readRequest() != nil { try session.respond(text: "ok") }
        }) { _, origin, client in
            let answer = try client.get(
                "/a",
                fields: [
                    "X-Original-URL": "/admin", "X-HTTP-Method-Override": "DELETE", "X-Forwarded-Host": "b.example",
                    "X-Plain": "1",
                ])
            #expect(answer.text == "ok")
            let fields = try #require(origin.requests.last?.head.fields)
            #expect(fields.contains("Authorization") && fields.contains("X-Plain"))
            for name in ["X-Original-URL", "X-HTTP-Method-Override", "X-Forwarded-Host"] {
                #expect(!fields.contains(name), "\(name)")
            }
        }
    }

    @Test func `in the status line, and in an error`() async throws {
        try await withClient({ session in
            while let request = try session.readRequest() {
                try session.send(
                    request.target == "/a"
                        ? "HTTP/1.1 200 user:hunter2\r\nContent-Length: 0\r\n\r\n"
                        : "HTTP/1.1 401 No\r\nContent-Length: 18\r\n\r\nno <user:hunter2>!")
            }
        }) { proxy, _, client in
            for path in ["/a", "/b"] { try expectEcho(proxy, client, try client.get(path)) }
        }
    }

    @Test func `in a body that comes byte by byte, in chunks or up to the end of the connection`() async throws {
        let text = "before user:hunter2 after"
        try await withClient({ session in
            while let request = try session.readRequest() {
                let isChunked = request.target == "/chunked"
                try session.send(
                    "HTTP/1.1 200 OK\r\n" + (isChunked ? "Transfer-Encoding: chunked" : "Connection: close")
                        + "\r\n\r\n")
                for byte in text.utf8 {
                    if isChunked { try session.send("1\r\n") }
                    try session.send([byte])
                    if isChunked { try session.send("\r\n") }
                }
                guard isChunked else { return }
                try session.send("0\r\n\r\n")
            }
        }) { proxy, _, client in
            for path in ["/chunked", "/close"] { try expectEcho(proxy, client, try client.get(path)) }
        }
    }

    @Test(arguments: [0, 1 << 16])
    func `the first 64 KiB are looked through, and nothing goes before`(_ before: Int) async throws {
        let body =
            [UInt8](repeating: 0x78, count: before == 0 ? (1 << 16) - 12 : before) + Array("user:hunter2".utf8)
            + noise(1 << 18)
        try await withClient({ session in
            while try session.readRequest() != nil { try session.respond(body: body) }
        }) { proxy, _, client in
            let answer = try client.get("/a")
            guard before == 0 else {
                #expect(answer.head.status == 200 && answer.body == body)
                return
            }
            try expectEcho(proxy, client, answer)
        }
    }

    @Test(arguments: [0, 1, 1000, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 3_000_000])
    func `answers without it are delivered whole`(_ count: Int) async throws {
        let body = noise(count)
        try await withClient({ session in
            while let request = try session.readRequest() {
                guard request.target == "/chunked" else {
                    try session.send(head(200, [], length: count))
                    if request.head.method != "HEAD" { try session.send(body) }
                    continue
                }
                try session.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                if count > 0 { try session.send(Array("\(String(count, radix: 16))\r\n".utf8) + body + [13, 10]) }
                try session.send("0\r\nX-Sum: user:hunter2\r\n\r\n")
            }
        }) { proxy, _, client in
            for path in ["/length", "/chunked", "/length"] {
                let answer = try client.get(path)
                #expect(answer.head.status == 200 && answer.body == body)
                #expect(!answer.trailers.contains("X-Sum"), "nobody looks through trailers")
            }
            #expect(try client.ask("HEAD", "/length").head.fields.first("Content-Length") == "\(count)")
            for row in try proxy.rows(client.session, atLeast: 3) where row.download["method"]?.text == "GET" {
                #expect(row.row.digest == sha256(body))
            }
        }
    }

    @Test func `a download that breaks while it is held goes on`() async throws {
        let body = noise(200_000)
        try await withClient({ session in
            while let request = try session.readRequest() {
                #expect(request.head.fields.first("Authorization") == "Basic dXNlcjpodW50ZXIy")
                guard let range = request.head.fields.first("Range") else {
                    try session.send(head(200, [("ETag", "\"1\"")], length: body.count))
                    try session.send(Array(body[..<30_000]))
                    return
                }
                let start = Int(range.dropFirst(6).prefix { $0 != "-" }) ?? 0
                try session.send(
                    head(
                        206, [("ETag", "\"1\""), ("Content-Range", "bytes \(start)-199999/200000")],
                        length: body.count - start))
                try session.send(Array(body[start...]))
            }
        }) { _, origin, client in
            let answer = try client.get("/a")
            #expect(answer.body == body)
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `interim answers are kept back`() async throws {
        try await withClient({ session in
            while try session.readRequest() != nil {
                try session.send("HTTP/1.1 103 Early Hints\r\nX-Echo: user:hunter2\r\n\r\n")
                try session.respond(text: "ok")
            }
        }) { _, _, client in
            let answer = try client.get("/a")
            #expect(answer.text == "ok" && answer.interim.isEmpty)
        }
    }

    @Test func `gzip is not asked for, and an answer in it passes as it is`() async throws {
        try await withClient({ session in
            while let request = try session.readRequest() {
                try session.respond(text: request.head.fields.first("Accept-Encoding") ?? "")
            }
        }) { _, _, client in
            let answer = try client.get("/a", fields: ["Accept-Encoding": "gzip, br"])
            #expect(answer.text == "identity")
        }
    }
}
