import Testing
import Wire

@Suite struct AuthorityTests {
    @Test(arguments: [
        ("Host.EXAMPLE", "host.example", 80), ("host.example.", "host.example", 80),
        ("host.example:8080", "host.example", 8080),
        ("a_b-c.example:1", "a_b-c.example", 1), ("192.0.2.7:65535", "192.0.2.7", 65535), ("[::1]", "::1", 80),
        ("[0:0:0:0:0:0:0:1]:443", "::1", 443), ("[2001:DB8::0:1]", "2001:db8::1", 80), ("[::]", "::", 80),
        ("[::ffff:192.0.2.1]", "::ffff:c000:201", 80), ("[1:0:0:2:0:0:0:3]", "1:0:0:2::3", 80),
        ("[1:2:3:4:5:6:7::]", "1:2:3:4:5:6:7:0", 80), ("[fe80:0:1::]:8", "fe80:0:1::", 8),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", 80),
        ("1e100.example", "1e100.example", 80), ("localhost", "localhost", 80),
    ]) func `authorities come into one form`(input: String, host: String, port: UInt16) throws {
        let authority = try Authority(parsing: input, defaultPort: 80)
        #expect(authority.host == host && authority.port == port)
        #expect(try Authority(parsing: authority.text, defaultPort: nil) == authority)
    }

    @Test(arguments: [
        "", ".", "..", "a..b", ".a", ":80", "a:", "a:0", "a:65536", "a:080000", "a:+80", "a: 80", "a:80:80", "a:8o",
        "a b",
        "user@host", "a%41", "a/b", "a\\b", "a,b", "b\u{FC}cher.example", "[::1", "::1", "[::1]x", "[::1]:", "[]",
        "[1::2::3]",
        "[:::]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[12345::]", "[::1%25eth0]", "[v1.x]", "[1:]", "[:1]",
        "[::1.2.3]",
        "[::1.2.3.256]", "[1:2:3:4:5:6:7:1.2.3.4]", "127.1", "1", "0x7f.0.0.1", "127.0.0.0x1", "010.0.0.1", "1.2.3.4.5",
        "256.1.1.1", "a.1", "2130706433", "host.example.:99999", "*.example", "a\u{0}",
        String(repeating: "a", count: 64) + ".example",
    ]) func `anything else is refused`(input: String) {
        #expect(failure { try Authority(parsing: input, defaultPort: 80) } == 400)
    }

    @Test func `CONNECT needs its port`() {
        #expect(failure { try Authority(parsing: "host.example", defaultPort: nil) } == 400)
        #expect(failure { try Authority(parsing: "[::1]", defaultPort: nil) } == 400)
        #expect(failure { try Authority(parsing: "host.example:443", defaultPort: nil) } == nil)
    }

    @Test func `Host leaves out the default port and brackets IPv6`() throws {
        #expect(try Authority(parsing: "h.example:443", defaultPort: 80).hostHeader(for: .https) == "h.example")
        #expect(try Authority(parsing: "h.example:443", defaultPort: 80).hostHeader(for: .http) == "h.example:443")
        #expect(try Authority(parsing: "[::1]:80", defaultPort: 80).hostHeader(for: .http) == "[::1]")
        #expect(try Authority(parsing: "[::1]:81", defaultPort: 80).hostHeader(for: .http) == "[::1]:81")
    }
}
