import Proxy
import RelayTesting
import Sessions
import Storage
import Platform
import Testing
import Wire

/// Heads and chunks that two parsers could read differently are refused and never forwarded.
@Suite struct MalformedRequestTests {
    /// One way to be wrong; `AUTH`, `HOST` and `URL` are filled in.
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let text: String
        var statuses: Set<Int> = [400]
    }

    private static let post = "POST URL HTTP/1.1\r\nHost: HOST\r\nAUTH"
    private static let get = "GET URL HTTP/1.1\r\nHost: HOST\r\nAUTH"

    /// Errors of framing, which are the same inside of a tunnel.
    static let framing: [Case] = [
        Case(testDescription: "two lengths", text: post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        Case(testDescription: "a list of lengths", text: post + "Content-Length: 3, 4\r\n\r\nabcd"),
        Case(
            testDescription: "length and chunks",
            text: post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"),
        Case(testDescription: "a signed length", text: post + "Content-Length: +3\r\n\r\nabc"),
        Case(testDescription: "a negative length", text: post + "Content-Length: -1\r\n\r\n"),
        Case(testDescription: "a length in hexadecimal", text: post + "Content-Length: 0x3\r\n\r\nabc"),
        Case(testDescription: "a length beyond 64 bits", text: post + "Content-Length: 99999999999999999999\r\n\r\n"),
        Case(
            testDescription: "chunked twice", text: post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
            statuses: [400, 501]),
        Case(
            testDescription: "chunked not last", text: post + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
            statuses: [400, 501]),
        Case(
            testDescription: "a coding that nobody knows", text: post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            statuses: [400, 501]),
        Case(testDescription: "a bare CR", text: get + "X-A: b\rc\r\n\r\n"),
        Case(testDescription: "a bare LF", text: get + "X-A: b\nX-C: d\r\n\r\n"),
        Case(testDescription: "a folded line", text: get + "X-A: b\r\n c\r\n\r\n"),
        Case(testDescription: "a folded first line", text: "GET URL HTTP/1.1\r\n Host: HOST\r\nAUTH\r\n"),
        Case(testDescription: "a blank before the colon", text: get + "X-A : b\r\n\r\n"),
        Case(testDescription: "a field without name", text: get + ": b\r\n\r\n"),
        Case(testDescription: "a field without colon", text: get + "nonsense\r\n\r\n"),
        Case(testDescription: "NUL in a value", text: get + "X-A: b\0c\r\n\r\n"),
        Case(testDescription: "two blanks in the request line", text: "GET  URL HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(testDescription: "no target", text: "GET HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(testDescription: "a version in lower case", text: "GET URL http/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(
            testDescription: "another major version", text: "GET URL HTTP/3.0\r\nHost: HOST\r\nAUTH\r\n",
            statuses: [400, 505]),
        Case(testDescription: "two hosts", text: get + "Host: HOST\r\n\r\n"),
        Case(testDescription: "a host that is none", text: "GET URL HTTP/1.1\r\nHost: a b\r\nAUTH\r\n"),
        Case(testDescription: "a fragment", text: "GET URL#part HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
    ]

    /// Targets that are wrong on the proxy's own port.
    static let targets: [Case] = [
        Case(testDescription: "a path on the proxy port", text: "GET /a HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(
            testDescription: "an absolute https target", text: "GET https://HOST/a HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(testDescription: "userinfo", text: "GET http://user:pass@HOST/a HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(testDescription: "another scheme", text: "GET ftp://HOST/a HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(testDescription: "no host", text: "GET http:///a HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(
            testDescription: "a port beyond 65535",
            text: "GET http://a.example:70000/ HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(testDescription: "CONNECT without port", text: "CONNECT a.example HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(testDescription: "CONNECT to a URL", text: "CONNECT URL HTTP/1.1\r\nHost: HOST\r\nAUTH\r\n"),
        Case(testDescription: "garbage", text: "\u{1}\u{2}\u{3}\u{4} what is this\r\n\r\n"),
        Case(
            testDescription: "a TLS hello on the proxy port", text: "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\r\n\r\n"),
    ]

    private static func fill(_ text: String, host: String, url: String, authorization: String) -> String {
        text.replacing("AUTH", with: authorization).replacing("HOST", with: host).replacing("URL", with: url)
    }

    @Test(arguments: framing + targets)
    func `it is answered with an error and the connection closed`(_ wrong: Case) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            let text = Self.fill(
                wrong.text, host: "127.0.0.1:\(origin.port)", url: origin.url("/a"), authorization: client.authorization
            )
            // A second request right behind it must not be taken for one.
            try client.connection.send(
                text + "GET \(origin.url("/smuggled")) HTTP/1.1\r\nHost: x\r\n\(client.authorization)\r\n")
            let answer = try client.answer()
            #expect(wrong.statuses.contains(answer.head.status), "\(answer.head.status): \(answer.text)")
            #expect(answer.head.fields.first("Connection") == "close")
            #expect(client.connection.isClosedByPeer)
            #expect(origin.connectionCount == 0)
        }
    }

    @Test(arguments: framing)
    func `inside of a tunnel it is refused and recorded too`(_ wrong: Case) async throws {
        try await withProxy { proxy in
            let tls = try TestCertificates.shared.get().server()
            let origin = try ScriptedOrigin(tls: tls) { _ in (200, []) }
            let client = try proxy.tunnel(to: origin)
            try client.connection.send(
                Self.fill(wrong.text, host: "127.0.0.1:\(origin.port)", url: "/a", authorization: ""))
            let answer = try client.answer()
            #expect(wrong.statuses.contains(answer.head.status), "\(answer.head.status): \(answer.text)")
            #expect(client.connection.isClosedByPeer)
            #expect(origin.connectionCount == 0)
            #expect(try proxy.rows(kind: .refusal, atLeast: 1).count == 1)
        }
    }

    @Test(arguments: [
        "g\r\n", "-3\r\nabc\r\n0\r\n\r\n", "3 3\r\nabc\r\n", "3\nabc", "3\r\nabcd\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
    ])
    func `a bad chunk ends the request`(_ chunk: String) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            try client.send("POST", origin.url("/a"), fields: ["Transfer-Encoding": "chunked"], body: Array(chunk.utf8))
            #expect(try client.answer(to: "POST").head.status == 400)
            #expect(client.connection.isClosedByPeer)
            // The origin never sees the end of the request.
            #expect(origin.requests.isEmpty)
            #expect(try proxy.rows(kind: .failure, atLeast: 1).count == 1)
        }
    }

    @Test func `a head of a megabyte is 431`() async throws {
        try await withProxy { proxy in
            let client = try proxy.client()
            let line = "X-Filler: " + String(repeating: "x", count: 1000) + "\r\n"
            // The answer may come while it is being sent.
            try? client.connection.send("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\(client.authorization)")
            for _ in 0..<1000 { try? client.connection.send(line) }
            #expect(try client.answer().head.status == 431)
        }
    }

    @Test func `more fields than allowed are 431`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client()
            let fields = (0..<300).map { "X-\($0): y\r\n" }.joined()
            try client.connection.send(
                "GET \(origin.url()) HTTP/1.1\r\nHost: x\r\n\(client.authorization)\(fields)\r\n")
            #expect(try client.answer().head.status == 431)
            #expect(origin.connectionCount == 0)
        }
    }

    @Test func `a head that comes byte by byte does not outlive its time`() async throws {
        var options = ProxyOptions()
        options.settings.headTimeout = .milliseconds(200)
        try await withProxy(options) { proxy in
            let client = try proxy.client()
            try client.connection.send("GET http://a.example/ HTTP/1.1\r\nX: ")
            let answer = try client.answer()
            #expect(answer.head.status == 408)
            #expect(client.connection.isClosedByPeer)
        }
    }

    @Test func `a client that says nothing is closed`() async throws {
        var options = ProxyOptions()
        options.settings.headTimeout = .milliseconds(200)
        try await withProxy(options) { proxy in
            let connection = try proxy.connect()
            #expect(connection.isClosedByPeer)
        }
    }
}
