import Testing
import Wire

@Suite struct RedactionTests {
    private func url(_ text: String) -> String { Redaction.url(text) { "[\($0)]" } }

    @Test(arguments: [
        "Authorization", "authorization", "Cookie", "Set-Cookie", "Proxy-Authorization", "PRIVATE-TOKEN",
        "X-JFrog-Art-Api",
        "X-Auth-Token", "X-Subject-Token", "X-Amz-Security-Token", "X-Goog-Iam-Authorization-Token",
        "X-Goog-Encryption-Key", "Macaroons",
        "Snap-Device-Authorization", "X-Api-Key", "X-Fetch-Session-Id", "X-Whatever-Token", "Authentication-Info",
    ]) func `RULES, the record: a secret field loses its value`(name: String) {
        let out = Redaction.fields(fields(("A", "1"), (name, "s3cret"))) { "redacted:\($0.count)" }
        #expect(out.map(\.0) == ["A", name] && out.map(\.1) == ["1", "redacted:6"])
    }

    @Test(arguments: ["ETag", "X-Goog-Hash", "Host", "Date", "WWW-Authenticate", "Content-Type", "X-Amz-Request-Id"])
    func `other fields stay`(name: String) {
        #expect(Redaction.fields(fields((name, "v"))) { _ in "x" }.map(\.1) == ["v"])
    }

    @Test(arguments: [
        ("https://h.example/a?b=c", "https://h.example/a?b=c"),
        ("https://u:p@h.example/a", "https://[u:p]@h.example/a"),
        ("//u@h.example/a", "//[u]@h.example/a"),
        ("https://u:p@q@h.example", "https://[u:p@q]@h.example"),
        ("/a//b@c?sig=1", "/a//b@c?sig=[1]"),
        ("https://h.example/a@b", "https://h.example/a@b"),
        ("/a?X-Amz-Signature=f00&x=1&X-Amz-Credential=k%2Fv", "/a?X-Amz-Signature=[f00]&x=1&X-Amz-Credential=[k%2Fv]"),
        ("/a?TOKEN=t;x=1&b=2", "/a?TOKEN=[t;x=1]&b=2"),
        ("/a?b=2;token=t", "/a?b=2;token=[t]"),
        ("/a?%74oken=t&access_token=x=y", "/a?%74oken=[t]&access_token=[x=y]"),
        ("/a?token=&key&sig", "/a?token=&key&sig"),
        ("/a?x=1#access_token=t&state=s", "/a?x=1#access_token=[t]&state=s"),
        ("/a#id_token=t?sig=1", "/a#id_token=[t?sig=1]"),
        ("/a?x?sig=1", "/a?x?sig=1"),
        ("/simple/?client_secret=a&keyword=b&monkey=c", "/simple/?client_secret=[a]&keyword=b&monkey=c"),
    ]) func `RULES, the record: userinfo and secret parameters go`(input: String, output: String) {
        #expect(url(input) == output)
    }

    @Test(arguments: [
        ("Location", "https://u:p@h.example/?sig=1", "https://[u:p]@h.example/?sig=[1]"),
        ("Referer", "http://h.example/?apikey=1", "http://h.example/?apikey=[1]"),
        ("Content-Location", "/a?token=1", "/a?token=[1]"),
        (
            "Link", "<https://h.example/?token=a&p=2>; rel=\"next\", <b?key=c>; rel=x",
            "<https://h.example/?token=[a]&p=2>; rel=\"next\", <b?key=[c]>; rel=x"
        ),
        ("Refresh", "0; URL=https://h.example/?sig=1", "0; URL=https://h.example/?sig=[1]"),
    ]) func `RULES, the record: fields that hold URLs`(name: String, value: String, expected: String) {
        #expect(Redaction.fields(fields((name, value))) { "[\($0)]" }.map(\.1) == [expected])
    }
}
