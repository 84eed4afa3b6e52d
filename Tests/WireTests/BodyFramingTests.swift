import Testing
import Wire

@Suite struct BodyFramingTests {
    private func of(_ lines: String, method: String = "POST", version: String = "1.1") throws -> BodyFraming {
        try request("\(method) / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n").framing()
    }

    @Test func `RFC 9112 section 6.3: unmistakable framing is understood`() throws {
        #expect(try of("") == .none)
        #expect(try of("Content-Length: 0\r\n") == .length(0))
        #expect(try of("content-length: \t0042 \r\n") == .length(42))
        #expect(try of("Content-Length: 9223372036854775807\r\n") == .length(.max))
        #expect(try of("Transfer-Encoding: chunked\r\n") == .chunked)
        #expect(try of("transfer-encoding: CHUNKED\r\n") == .chunked)
        #expect(try of("Content-Length: 0\r\n", method: "CONNECT") == .none)
    }

    @Test(arguments: [
        ("Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        ("Content-Length: 5, 5\r\n", 400),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        ("Content-Length:\r\n", 400),
        ("Content-Length: +5\r\n", 400),
        ("Content-Length: -5\r\n", 400),
        ("Content-Length: 0x5\r\n", 400),
        ("Content-Length: 5 5\r\n", 400),
        ("Content-Length: 5.0\r\n", 400),
        ("Content-Length: \"5\"\r\n", 400),
        ("Content-Length: 9223372036854775808\r\n", 400),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        ("Transfer-Encoding: chunked, chunked\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: chunked,\r\n", 400),
        ("Transfer-Encoding: , chunked\r\n", 400),
        ("Transfer-Encoding: chunked;q=1\r\n", 400),
        ("Transfer-Encoding: \"chunked\"\r\n", 400),
        ("Transfer-Encoding:\r\n", 400),
        ("Transfer-Encoding: chun ked\r\n", 400),
        ("Transfer-Encoding: gzip, chunked\r\n", 501),
        ("Transfer-Encoding: chunked, gzip\r\n", 501),
        ("Transfer-Encoding: xchunked\r\n", 501),
        ("Transfer-Encoding: identity\r\n", 501),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501),
    ]) func `RFC 9112 section 6: framing that two parsers could read differently is refused`(lines: String, status: Int)
    {
        #expect(failure { try of(lines) } == status)
        #expect(failure { try of(lines, method: "GET") } == status)
        let answer = "HTTP/1.1 200 OK\r\n\(lines)\r\n"
        #expect(failure { try response(answer).framing(requestMethod: "GET") } == 502)
        #expect(failure { try response(answer).framing(requestMethod: "HEAD") } == 502)
    }

    @Test func `RFC 9112 section 6.1: HTTP/1.0 has no transfer coding`() {
        #expect(failure { try of("Transfer-Encoding: chunked\r\n", version: "1.0") } == 400)
        #expect(
            failure {
                try response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").framing(requestMethod: "GET")
            }
                == 502)
    }

    @Test func `RFC 9110 section 9.3.6: CONNECT has no body`() {
        #expect(failure { try of("Content-Length: 1\r\n", method: "CONNECT") } == 400)
        #expect(failure { try of("Transfer-Encoding: chunked\r\n", method: "CONNECT") } == 400)
    }

    @Test(arguments: [
        ("GET", 200, "", BodyFraming.untilClose), ("GET", 200, "Content-Length: 3\r\n", .length(3)),
        ("GET", 200, "Transfer-Encoding: chunked\r\n", .chunked), ("HEAD", 200, "Content-Length: 3\r\n", .none),
        ("HEAD", 200, "Transfer-Encoding: chunked\r\n", .none), ("GET", 204, "Content-Length: 0\r\n", .none),
        ("GET", 304, "Content-Length: 3\r\n", .none), ("GET", 100, "", .none), ("GET", 101, "", .none),
        ("CONNECT", 200, "Content-Length: 3\r\n", .none), ("CONNECT", 407, "Content-Length: 3\r\n", .length(3)),
        ("GET", 404, "", .untilClose),
    ]) func `RFC 9112 section 6.3: where a response ends`(
        method: String, status: Int, lines: String, framing: BodyFraming
    ) throws {
        #expect(try response("HTTP/1.1 \(status) X\r\n\(lines)\r\n").framing(requestMethod: method) == framing)
    }

    @Test func `RFC 9112 section 9.3: who wants the connection to persist`() throws {
        func wants(_ version: String, _ lines: String) throws -> Bool {
            try request("GET / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n").wantsPersistence
        }
        #expect(try wants("1.1", ""))
        #expect(try !wants("1.1", "Connection: x, Close\r\n"))
        #expect(try !wants("1.0", ""))
        #expect(try wants("1.0", "Connection: keep-alive\r\n"))
        #expect(try wants("1.0", "Proxy-Connection: Keep-Alive\r\n"))
        #expect(try response("HTTP/1.1 200 OK\r\n\r\n").allowsPersistence)
        #expect(try !response("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").allowsPersistence)
        #expect(try !response("HTTP/1.0 200 OK\r\n\r\n").allowsPersistence)
        #expect(try response("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").allowsPersistence)
    }

    @Test func `RFC 9110 section 10.1.1: expectations`() throws {
        func expectation(_ version: String, _ lines: String) throws -> RequestHead.Expectation {
            try request("PUT / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n").expectation
        }
        #expect(try expectation("1.1", "") == .nothing)
        #expect(try expectation("1.1", "Expect: 100-Continue\r\n") == .continue)
        #expect(try expectation("1.1", "Expect: x\r\n") == .unknown)
        #expect(try expectation("1.1", "Expect: 100-continue, x\r\n") == .unknown)
        #expect(try expectation("1.0", "Expect: 100-continue\r\n") == .nothing)
    }
}
