import Testing

@testable import Wire

@Suite struct SecretPatternTests {
    private func matches(_ pattern: String, _ url: String) throws -> Bool {
        try SecretPattern(pattern).matches(try RequestURL(parsing: url))
    }

    @Test(arguments: [
        ("https://git.example:443/~me/project/**", "https://git.example/~me/project/info/refs?service=git-upload-pack"),
        ("https://git.example/~me/project/**", "https://git.example:443/~me/project/x"),
        ("HTTPS://Git.Example./~me/**", "https://git.example/~me/"),
        ("https://*.store.example/api/*", "https://dev.store.example/api/x"),
        ("https://*.store.example/api/*", "https://a.b.store.example/api/x"),
        ("https://git.example", "https://git.example/"),
        ("https://git.example:8443/**", "https://git.example:8443/a/b"),
        ("https://git.example/{a,b}/[0-9]?", "https://git.example/b/7x"),
        ("https://git.example/a?b=*", "https://git.example/a?b=c"), ("https://[::1]:443/**", "https://[::1]/x"),
        ("http://127.0.0.1:8000/**", "http://127.0.0.1:8000/x"), ("http://git.example/**", "http://git.example:80/x"),
    ])
    func `a request is matched by scheme, host, port and the rest`(_ pattern: String, _ url: String) throws {
        #expect(try matches(pattern, url))
    }

    @Test(arguments: [
        ("https://git.example:443/~me/project/**", "https://git.example/~me/project2/x"),
        ("https://git.example:443/~me/project/**", "https://git.example/~me/project"),
        ("https://git.example/**", "http://git.example/x"), ("https://git.example/**", "https://git.example:8443/x"),
        ("https://git.example/**", "https://git.example.evil.example/x"),
        ("https://git.example/**", "https://xgit.example/x"), ("https://*.store.example/**", "https://store.example/x"),
        ("https://*.store.example/**", "https://evilstore.example/x"),
        ("https://git.example/*", "https://git.example/a/b"), ("https://git.example", "https://git.example/x"),
        ("https://git.example/**", "https://evil.example/https://git.example/x"),
    ])
    func `others are not`(_ pattern: String, _ url: String) throws {
        #expect(try !matches(pattern, url))
    }

    @Test(arguments: [
        "https://git.example/~me/project/../other", "https://git.example/~me/project/%2e%2e/other",
        "https://git.example/~me/project/a\\b", "https://git.example/~me/project/ä",
        "https://git.example/~me/project/..%00/other", "https://git.example/~me/project/a%5cb",
    ])
    func `what servers may read differently is never matched`(_ url: String) throws {
        #expect(try !matches("https://git.example/**", url))
    }

    @Test(arguments: [
        ("git.example/**", "https://"), ("**", "https://"), ("*://git.example/**", "https://"),
        ("ftp://a.example/", "https"),
        ("https://*/**", "literal"), ("https://*", "literal"), ("https://git*.example/**", "literal"),
        ("https://{a,b}.example/**", "literal"), ("https://git.?xample/**", "literal"),
        ("https://*.*.example/", "literal"),
        ("https://git.[a-z]xample/**", "literal"), ("https:///x", "literal"), ("https://git.example:*/x", "literal"),
        ("https://{a.example/x,b.example/y}", "literal"), ("https://g\\it.example/", "literal"),
        ("https://user:pass@git.example/**", "a user"), ("https://user@git.example/**", "a user"),
        ("https://git.example/**#x", "fragment"), ("https://git.example/a b", "blank"),
        ("https://git.example/\u{1}", "control"), ("https://git.example/[a", "'['"),
        ("https://git.example/x?token=abc", "parameter"), ("https://git.example/x?a=b&access_token=abc", "parameter"),
    ])
    func `patterns that could mean anybody are refused`(_ pattern: String, _ reason: String) {
        let error = #expect(throws: SecretPatternError.self) { try SecretPattern(pattern) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        ("https://git.example/x?token=*", "https://git.example/x?token=abc"),
        ("https://git.example/x?tok[e]n=*&b=c", "https://git.example/x?token=abc&b=c"),
        ("https://git.example/**?*=*", "https://git.example/a/b?token=abc"),
    ])
    func `a secret parameter may be any`(_ pattern: String, _ url: String) throws {
        #expect(try matches(pattern, url))
    }

    @Test(arguments: [
        "x?tok[e]n=abc", "x?{a,token}=abc", "x{?token=abc,}", "x[?]token=abc", "x?a=b[&]token=abc", "x?tok\\en=abc",
        "x\\?token=abc", "x?*=abc", "x?to?en=abc", "*token=abc", "x**oken=abc", "**?a=b&*_secret=abc", "x?TOK[e]N=abc",
        "x?tok%6[5]n=abc", "x?tok*5n=abc", "x?tok*65n=abc", "x?a=*ken=abc", "x?a=b;tok[e]n=abc", "x?tok[e]n=a*",
        "x?tok[e]n=*&k[e]y=abc", "x?tok[e]n=?",
    ])
    func `no wildcard hides the value of a secret parameter`(_ path: String) throws {
        let error = #expect(throws: SecretPatternError.self) { try SecretPattern("https://git.example/\(path)") }
        #expect(error?.description.contains("written as '*'") == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        "a=b/token=c/**", "**/a=b/x", "~me/**/refs?service=git-upload-pack", "**/x\\?id=5", "x?a=[bc]&d={e,f}",
        "x?a=**&b=c",
        "[a-z]*?service=x", "x?tok[e]n=", "token[s]", "**token",
    ])
    func `what holds no secret parameter may have wildcards`(_ path: String) throws {
        _ = try SecretPattern("https://git.example/\(path)")
    }
}

@Suite struct TokenEndpointTests {
    @Test(arguments: [
        ("POST", "https://id.example/v3/auth/tokens", true), ("POST", "https://id.example/oauth/token?x=1", true),
        ("POST", "https://id.example/login/oauth/access_token", true),
        ("GET", "https://auth.example/token?service=registry.example&scope=repository:a:pull", true),
        ("GET", "https://auth.example/token?account=a&scope=x", true),
        ("GET", "https://index.example/to/ke/token", false), ("GET", "https://npm.example/token?x=1", false),
        ("GET", "https://id.example/v3/auth/tokens", false), ("POST", "https://id.example/mytoken", false),
        ("POST", "https://id.example/token/x", false), ("PUT", "https://id.example/token", false),
    ])
    func `requests for tokens are told by method and path`(_ method: String, _ url: String, _ isOne: Bool) throws {
        #expect(TokenEndpoint.isAsked(method: method, try RequestURL(parsing: url)) == isOne)
    }
}

@Suite struct SecretFormsTests {
    private func forms(_ text: String) -> [String] {
        SecretForms.of(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `a secret is known as it is and in base64`() {
        #expect(forms("us>r:p/ß?\"") == ["us>r:p/ß?\"", "dXM+cjpwL8OfPyI", "dXM-cjpwL8OfPyI"])
    }

    @Test func `each form comes once`() { #expect(forms("abc") == ["abc", "YWJj"]) }
}

@Suite struct UnescapingTests {
    private func text(_ text: String) -> String {
        String(decoding: Unescaping.text(of: Array(text.utf8)), as: UTF8.self)
    }

    @Test(arguments: [
        ("a%3ab%3A", "a:b:"), ("%C3%A9+x", "é x"), ("&quot;&#34;&#x22;&#X0022;&QUOT;", "\"\"\"\"\""),
        ("&amp;&lt;&gt;&apos;&#039;&sol;&colon;", "&<>''/:"), ("&eacute;&szlig;&yuml;&nbsp;", "éßÿ\u{A0}"),
        (#"\"\/\\\u00e9\u003A\x22\xc3\xa9\'"#, #""/é:"é'"#), (#"\ud83d\ude00\uD83D\uDE00"#, "😀😀"),
        ("&#128512;", "😀"), ("%2541%252541", "AA"), ("&amp;amp;quot;", "\""), (#"\u0026quot;\u002541"#, "\"A"),
        ("%26%2334%3B", "\""), (#"\\\\\""#, "\""),
        (#"C:\n\u00 \ud83d \ude00\x\"#, "C:nu00 ud83d ude00x"),
    ])
    func `escapes of all kinds are taken out, and those within them`(_ escaped: String, _ plain: String) {
        #expect(text(escaped) == plain)
    }

    @Test(arguments: [
        "100% of it", "%", "%4", "%zz", "&", "&;", "&quot", "&nothing;", "&#;", "&#x;", "&#xD800;", "&#99999999;",
        "a;b", "",
    ])
    func `what is no escape stays`(_ plain: String) { #expect(text(plain) == plain) }

    @Test func `what holds few escapes or nothing else costs the same`() {
        // Each byte of the answer is gone over once: the cascade of the last takes out all of it.
        let half = 32 << 10
        for (piece, rest) in [("%3", "5"), ("&amp;", "amp;"), (#"\"#, "\""), ("&a;", ""), ("%2541", "")] {
            let whole = String(repeating: piece, count: half / piece.utf8.count) + rest
            #expect(text(whole).utf8.count <= whole.utf8.count)
        }
        #expect(text(String(repeating: "%3", count: half) + "5") == "5")
    }
}
