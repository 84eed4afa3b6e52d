import Testing
import Wire

@Suite struct HeadParserTests {
    @Test func `a request with its fields is read and written back as it came`() throws {
        let wire =
            "GET http://host.example/a%2Fb?x=1 HTTP/1.1\r\nHost: host.example\r\nAccept: */*\r\nX-Empty: \r\n\r\n"
        let head = try request(wire)
        #expect(head.method == "GET")
        #expect(text(head.target) == "http://host.example/a%2Fb?x=1")
        #expect(head.version == .http11)
        #expect(head.fields.count == 3)
        #expect(head.fields.first("ACCEPT") == "*/*")
        #expect(head.fields.first("x-empty") == "")
        #expect(text(bytes(head)) == wire)
    }

    @Test func `blanks around values are dropped and lines come out in canonical form`() throws {
        let head = try request("GET / HTTP/1.1\r\nA:1\r\nHost: \t h.example \t\r\nB:\r\nC: x  y\r\n\r\n")
        #expect(text(bytes(head)) == "GET / HTTP/1.1\r\nA: 1\r\nHost: h.example\r\nB: \r\nC: x  y\r\n\r\n")
        #expect(head.fields.all("c") == ["x  y"])
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7F}b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\u{E9}: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\r\nHost: a\r\n\r\n", 400),
        ("GET\r\nHost: a\r\n\r\n", 400),
        ("/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1,1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/11\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\n", 505),
        ("\r\n\r\n", 400),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("", 400),
    ]) func `a malformed request is refused`(wire: String, status: Int) {
        #expect(failure { try request(wire) } == status)
    }

    @Test func `limits of the head are crossed with their own statuses`() throws {
        let long = String(repeating: "a", count: HeadParser.targetLimit)
        #expect(failure { try request("GET /\(long) HTTP/1.1\r\nHost: a\r\n\r\n") } == 414)
        #expect(failure { try request("GET \(long) HTTP/1.1\r\nHost: a\r\n\r\n") } == nil)
        let method = String(repeating: "M", count: HeadParser.methodLimit)
        #expect(failure { try request("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n") } == nil)
        #expect(failure { try request("\(method)M / HTTP/1.1\r\nHost: a\r\n\r\n") } == 501)
        let lines = String(repeating: "X: y\r\n", count: 199)
        #expect(failure { try request("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n") } == nil)
        #expect(failure { try request("GET / HTTP/1.1\r\nHost: a\r\n\(lines)X: y\r\n\r\n") } == 431)
    }

    @Test func `what is unusual but unmistakable is accepted`() throws {
        #expect(try request("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").method == "GET")
        #expect(try request("CONNECT h.example:443 HTTP/1.0\r\nProxy-Authorization: x\r\n\r\n").version == .http10)
        #expect(try request("CONNECT h.example:443 HTTP/1.1\r\n\r\n").method == "CONNECT")
        #expect(try request("GET / HTTP/1.7\r\nHost: a\r\n\r\n").version == .http11)
        #expect(try request("M-SEARCH * HTTP/1.1\r\nHost:\r\n\r\n").target == [0x2A])
        let raw = Array("GET /\u{E9} HTTP/1.1\r\nHost: a\r\nX: ".utf8) + [0xFF, 0x80] + Array("\r\n\r\n".utf8)
        #expect(bytes(try HeadParser.request(raw.span)) == raw)
    }

    @Test func `responses are read with and without a reason`() throws {
        #expect(try response("HTTP/1.1 200 OK\r\nA: b\r\n\r\n").reason == "OK")
        #expect(try response("HTTP/1.1 200 \r\n\r\n").reason == "")
        #expect(try response("HTTP/1.0 404\r\n\r\n").status == 404)
        #expect(try response("HTTP/1.1 999 Request denied\r\n\r\n").status == 999)
        #expect(try response("HTTP/1.1 302 Moved  \t x\r\n\r\n").reason == "Moved  \t x")
        #expect(text(bytes(try response("HTTP/1.1 200\r\nA:b\r\n\r\n"))) == "HTTP/1.1 200 \r\nA: b\r\n\r\n")
    }

    @Test(arguments: [
        "", "HTTP/1.1\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 -20 X\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 O\u{0}K\r\n\r\n", "HTTP/1.1 200 OK\n\r\n",
        "HTTP/1.1 200 OK\r\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200OK\r\n\r\n",
    ]) func `a malformed response is the origin's fault`(wire: String) {
        #expect(failure { try response(wire) } == 502)
    }
}
