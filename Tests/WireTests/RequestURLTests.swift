import Testing
import Wire

@Suite struct RequestURLTests {
    private func proxied(_ target: String, method: String = "GET", host: String = "Host: x.example\r\n") throws
        -> RequestURL
    {
        try RequestURL.proxied(request("\(method) \(target) HTTP/1.0\r\n\(host)\r\n"))
    }

    private func tunnelled(_ target: String, host: String?, authority: String = "h.example:443", method: String = "GET")
        throws
        -> RequestURL
    {
        let line = host.map { "Host: \($0)\r\n" } ?? ""
        return try RequestURL.tunnelled(
            request("\(method) \(target) HTTP/1.0\r\n\(line)\r\n"), scheme: .https,
            authority: Authority(parsing: authority, defaultPort: nil))
    }

    @Test(arguments: [
        ("http://H.example/a", "/a", "http://h.example/a"),
        ("HTTP://h.example", "/", "http://h.example/"),
        ("http://h.example?x=1", "/?x=1", "http://h.example/?x=1"),
        ("http://h.example.:80/", "/", "http://h.example/"),
        (
            "http://h.example:8080/%7Ea%2Fb%25c%3b//d;e?%41=%26", "/%7Ea%2Fb%25c%3b//d;e?%41=%26",
            "http://h.example:8080/~a%2Fb%25c%3b//d;e?A=%26"
        ),
        ("http://[::1]:81/x%2", "/x%2", "http://[::1]:81/x%2"),
        ("http://h.example/a%253ab%zz", "/a%253ab%zz", "http://h.example/a%253ab%zz"),
        ("http://h.example/a@b:c", "/a@b:c", "http://h.example/a@b:c"),
    ]) func `RULES, one authority: the target stays, the key is normal`(target: String, forwarded: String, key: String)
        throws
    {
        let url = try proxied(target)
        #expect(url.target == forwarded)
        #expect(text(url.forwardedTarget) == forwarded)
        #expect(url.key == key)
        #expect(url.isOrdinary)
    }

    @Test(arguments: [
        "/a", "*", "h.example:80", "https://h.example/", "ftp://h.example/", "http:/h.example/", "http://", "http:///a",
        "http://u@h.example/", "http://u:p@h.example/", "http://h.example/a#f", "http://h.example#f",
        "http://h.example\\a",
        "http://h.example:0/", "http://h.example:/", "http://h%2eexample/", "http://127.1/", "//h.example/a",
    ]) func `RULES, one authority: other forms on the proxy port are 400`(target: String) {
        #expect(failure { try proxied(target) } == 400)
    }

    @Test func `the proxy port ignores what Host says but not how`() throws {
        #expect(try proxied("http://h.example/", host: "").authority.host == "h.example")
        #expect(try proxied("http://h.example/", host: "Host: other.example\r\n").authority.host == "h.example")
        #expect(failure { try proxied("http://h.example/", host: "Host: a b\r\n") } == 400)
        #expect(failure { try proxied("http://h.example/", host: "Host: a@b\r\n") } == 400)
        #expect(failure { try proxied("http://h.example/", method: "CONNECT") } == 400)
    }

    @Test func `RFC 9112 section 3.2.4: OPTIONS without a path is for the server`() throws {
        #expect(try proxied("http://h.example", method: "OPTIONS").target == "*")
        #expect(try proxied("http://h.example/", method: "OPTIONS").target == "/")
        #expect(try tunnelled("*", host: "h.example", method: "OPTIONS").target == "*")
        #expect(failure { try tunnelled("*", host: "h.example") } == 400)
    }

    @Test func `in a tunnel its authority decides`() throws {
        for (target, host) in [
            ("/a", "h.example"), ("/a", "H.EXAMPLE.:443"), ("/a", nil), ("https://h.example/a", "h.example"),
            ("HTTPS://H.example:443/a", "h.example"),
        ] {
            let url = try tunnelled(target, host: host)
            #expect(url.key == "https://h.example/a" && url.target == "/a" && url.scheme == .https)
        }
        #expect(try tunnelled("//other.example/a", host: "h.example").target == "//other.example/a")
        #expect(
            try tunnelled("/", host: "h.example:8443", authority: "h.example:8443").key == "https://h.example:8443/")
    }

    @Test(arguments: [
        ("/a", "other.example", 421), ("/a", "h.example:80", 421), ("/a", "sub.h.example", 421),
        ("https://other.example/a", "h.example", 421), ("http://h.example/a", "h.example", 421),
        ("https://h.example:8443/a", "h.example", 421), ("https://h.example/a", "other.example", 421), ("/a", "", 400),
        ("/a", "h example", 400), ("/a#b", "h.example", 400), ("a", "h.example", 400),
        ("h.example:443", "h.example", 400),
        ("https://u@h.example/a", "h.example", 400), ("?x", "h.example", 400),
    ]) func `in a tunnel another authority is 421 and nonsense 400`(target: String, host: String, status: Int) {
        #expect(failure { try tunnelled(target, host: host) } == status)
    }

    @Test func `a tunnel does not hold another`() {
        #expect(failure { try tunnelled("h.example:443", host: "h.example", method: "CONNECT") } == 400)
    }

    @Test(arguments: [
        "/.", "/..", "/a/../b", "/a/./b", "/a/..", "/%2e", "/%2E%2e/x", "/.%2e", "/a%2f..%2fb", "/a%2F%2e%2E", "/a\\b",
        "/a%5c..%5cb",
        "/..;x/a", "/a/.;/b", "/a%00", "/..%00/a", "/%09../a", "/a%0Ab", "/%7f", "/;%1f",
        "/a?b=%00", "/a%5cb", "/..%5C", "/;%5c", "/\u{E9}", "/a?\u{E9}", "/a?b\\c",
    ]) func `what servers resolve differently is forwarded but not ordinary`(path: String) throws {
        let url = try proxied("http://h.example\(path)")
        #expect(!url.isOrdinary)
        #expect(url.forwardedTarget == Array(path.utf8))
    }

    @Test(arguments: [
        "/...", "/.a", "/a.", "/a..b", "/..a/b", "/a?..", "/a?/../", "/;..", "/a;/b", "/%2e%2e%2e", "/",
        "/a%252e%252e/", "/a%2500", "/a%20b", "/a%7e", "/a?b=%5c", "/a%0", "/a%0g",
    ])
    func `dots that are no segments are ordinary`(path: String) throws {
        #expect(try proxied("http://h.example\(path)").isOrdinary)
    }

    @Test func `bytes that are no UTF-8 are forwarded and never share a key`() throws {
        func url(_ byte: UInt8) throws -> RequestURL {
            let raw = Array("http://h.example/x?".utf8) + [byte]
            return try RequestURL.proxied(RequestHead(method: "GET", target: raw, version: .http10))
        }
        let (a, b) = (try url(0xFF), try url(0xFE))
        #expect(a.forwardedTarget == Array("/x?".utf8) + [0xFF])
        #expect(a.key != b.key && a != b)
        #expect(try proxied("http://h.example/\u{E9}").key != proxied("http://h.example/%C3%A9").key)
        #expect(
            failure { try RequestURL.proxied(RequestHead(method: "GET", target: "http://h.example/a\u{1}")) } == 400)
        #expect(failure { try RequestURL.proxied(RequestHead(method: "GET", target: "http://h.example/a b")) } == 400)
    }

    @Test func `contract proxy.md section 3: the recorded form`() throws {
        #expect(try tunnelled("/a/b?x=1", host: nil).recorded == "https://h.example:443/a/b?x=1")
        #expect(try tunnelled("/", host: nil, authority: "[::1]:8443").recorded == "https://[::1]:8443/")
        #expect(try proxied("http://h.example/%7ea").recorded == "http://h.example/%7ea")
        #expect(try proxied("http://h.example:80/a").recorded == "http://h.example:80/a")
        #expect(try proxied("http://[::1]/a").recorded == "http://[::1]/a")
        #expect(try proxied("http://[::1]:80/a").recorded == "http://[::1]:80/a")
        #expect(try proxied("http://h.example:80/a") == proxied("http://H.example/a"))
    }

    @Test func `path and query part at the first question mark`() throws {
        let url = try proxied("http://h.example/a/b?c?d=%20")
        #expect(url.path == "/a/b" && url.query == "c?d=%20")
        #expect(try proxied("http://h.example/a").query == nil)
        #expect(try proxied("http://h.example?").path == "/")
        #expect(try proxied("http://h.example?").query == "")
        #expect(try RequestURL(parsing: "https://H.example:444/x").key == "https://h.example:444/x")
        #expect(failure { try RequestURL(parsing: "file:///etc") } == 400)
    }

    @Test(arguments: [
        ("/%%42a", "/%Ba"), ("/%4%31", "/%41"), ("/%%34%31", "/%41"), ("/a?%%36%31", "/a?%61"), ("/%", "/%25"),
    ])
    func `RULES, one authority: decoding makes no escape out of what was none`(malformed: String, other: String) throws
    {
        let authority = try Authority(parsing: "h.example:443", defaultPort: nil)
        let url = try RequestURL(scheme: .https, authority: authority, target: malformed)
        #expect(url.key == "https://h.example\(malformed)")
        #expect(try RequestURL(scheme: .https, authority: authority, target: other).key != url.key)
    }
}
