import Testing
import Wire

@Suite struct HopByHopTests {
    @Test func `RFC 9110 section 7.6.1: connection fields and what Connection names go`() {
        var f = fields(
            ("Host", "a"), ("Connection", "close, X-Foo"), ("X-Foo", "1"), ("Keep-Alive", "5"),
            ("Proxy-Connection", "x"),
            ("Proxy-Authorization", "Basic x"), ("TE", "trailers"), ("Trailer", "X"), ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"), ("HTTP2-Settings", "x"), ("X-Fetch-Session-Id", "abc"), ("connection", "x-BAR"),
            ("X-Bar", "2"), ("Accept", "*/*"), ("Expect", "100-continue"))
        HopByHop.strip(request: &f)
        #expect(f == fields(("Host", "a"), ("Accept", "*/*"), ("Expect", "100-continue")))
    }

    @Test(arguments: [
        "Host", "Content-Length", "Content-Type", "content-encoding", "Cache-Control", "Authorization", "Cookie",
        "Range",
        "If-None-Match", "Vary", "ETag", "Set-Cookie", "Accept-Encoding", "Location", "Via", "Age", "Date", "Expires",
        "Pragma", "PRIVATE-TOKEN",
    ]) func `Connection cannot take away what changes the meaning`(name: String) {
        var f = fields(("Connection", name), (name, "kept"))
        HopByHop.strip(request: &f)
        #expect(f == fields((name, "kept")))
        f.append("Connection", "a, \(name.lowercased()), b")
        HopByHop.strip(response: &f)
        #expect(f == fields((name, "kept")))
    }

    @Test func `responses lose what is for one hop`() {
        var f = fields(
            ("Proxy-Authenticate", "Basic"), ("Connection", "keep-alive"), ("ETag", "\"a\""), ("Keep-Alive", "x"))
        HopByHop.strip(response: &f)
        #expect(f == fields(("ETag", "\"a\"")))
    }

    @Test func `RFC 9110 section 7.6.3: our own Via is found`() {
        var f = fields(("Via", "1.0 fred, 1.1 p.example (Apache/1.1)"))
        #expect(Via.names("fred", in: f) && Via.names("P.example", in: f) && !Via.names("me", in: f))
        Via.append(to: &f, received: .http11, pseudonym: "me")
        #expect(f.all("via").last == "1.1 me" && Via.names("me", in: f))
    }
}
