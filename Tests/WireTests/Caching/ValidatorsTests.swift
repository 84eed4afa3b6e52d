import Testing
import Wire

@Suite struct ValidatorsTests {
    private let modified = "Sun, 06 Nov 1994 08:49:37 GMT"

    @Test func `RFC 9110 section 8.8.3: entity tags`() {
        #expect(Validators.etag(fields(("ETag", "W/\"a\""))) == "W/\"a\"")
        #expect(Validators.strongETag(fields(("ETag", "W/\"a\""))) == nil)
        #expect(Validators.strongETag(fields(("ETag", "\"a\\\""))) == "\"a\\\"")
        for bad in ["a", "\"a", "w/\"a\"", "\"a\"b", "\"a\" ", "\"a b\"", "W/ \"a\""] {
            #expect(Validators.etag(fields(("ETag", bad), ("X", "y"))) == (bad == "\"a\" " ? "\"a\"" : nil), "\(bad)")
        }
        #expect(Validators.etag(fields(("ETag", "\"a\""), ("ETag", "\"b\""))) == nil)
        #expect(
            Validators.hasAny(fields(("Last-Modified", modified))) && !Validators.hasAny(fields(("Last-Modified", "x")))
        )
    }

    @Test func `RFC 9111 section 4.3.1: our conditions replace the client's`() {
        var request = fields(
            ("If-Match", "\"x\""), ("If-None-Match", "\"y\""), ("If-Modified-Since", "z"), ("If-Unmodified-Since", "z"),
            ("If-Range", "\"x\""), ("Accept", "a"))
        #expect(Validators.addConditions(to: &request, from: fields(("ETag", "W/\"a\""), ("Last-Modified", modified))))
        #expect(request == fields(("Accept", "a"), ("If-None-Match", "W/\"a\""), ("If-Modified-Since", modified)))
        #expect(!Validators.addConditions(to: &request, from: fields(("ETag", "bad"))))
        #expect(request == fields(("Accept", "a")))
    }

    @Test func `RFC 9111 section 3.2: a 304 updates what it brings, not what describes the bytes`() {
        var stored = fields(
            ("Date", "old"), ("Age", "9"), ("ETag", "\"a\""), ("Cache-Control", "max-age=1"), ("X-A", "1"),
            ("X-A", "2"),
            ("Content-Length", "5"), ("Content-Type", "a/b"), ("X-B", "kept"), ("Content-Encoding", "gzip"))
        Validators.freshen(
            stored: &stored,
            with: fields(
                ("Date", "new"), ("Cache-Control", "max-age=2"), ("x-a", "3"), ("Content-Length", "0"),
                ("Content-Encoding", "x"),
                ("Content-Type", "c/d"), ("Set-Cookie", "a=b"), ("Connection", "x-c"), ("X-C", "1"), ("ETag", "\"a\"")))
        #expect(
            stored
                == fields(
                    ("Content-Length", "5"), ("X-B", "kept"), ("Content-Encoding", "gzip"), ("Date", "new"),
                    ("Cache-Control", "max-age=2"), ("x-a", "3"), ("Content-Type", "c/d"), ("ETag", "\"a\"")))
        Validators.freshen(stored: &stored, with: Fields())
        #expect(!stored.contains("date") && !stored.contains("age"))
    }

    @Test func `RFC 9111 section 4.3.4: which response a 304 is about`() {
        let strong = fields(("ETag", "\"a\""), ("Last-Modified", modified))
        #expect(Validators.selects(stored: strong, by: fields(("ETag", "\"a\""))))
        #expect(Validators.selects(stored: strong, by: fields(("ETag", "W/\"a\""))))
        #expect(!Validators.selects(stored: strong, by: fields(("ETag", "\"b\""))))
        #expect(!Validators.selects(stored: fields(("ETag", "W/\"a\"")), by: fields(("ETag", "\"a\""))))
        #expect(!Validators.selects(stored: Fields(), by: fields(("ETag", "\"a\""))))
        #expect(Validators.selects(stored: strong, by: fields(("Last-Modified", modified))))
        #expect(!Validators.selects(stored: strong, by: fields(("Last-Modified", HTTPDate.format(0)))))
        #expect(Validators.selects(stored: strong, by: Fields()))
    }

    @Test func `RFC 9111 section 4.3.5: what a HEAD tells about the stored GET`() {
        let stored = fields(("ETag", "\"a\""), ("Content-Length", "5"), ("Last-Modified", modified))
        #expect(Validators.headMatches(stored: stored, head: fields(("ETag", "\"a\""), ("Content-Length", "5"))))
        #expect(Validators.headMatches(stored: stored, head: fields(("Last-Modified", modified))))
        #expect(!Validators.headMatches(stored: stored, head: fields(("ETag", "\"a\""), ("Content-Length", "6"))))
        #expect(!Validators.headMatches(stored: stored, head: fields(("ETag", "\"b\""))))
        #expect(!Validators.headMatches(stored: stored, head: Fields()))
    }

    @Test func `RFC 9110 section 8.8.2.2: what may stand in If-Range`() {
        let date = HTTPDate.format(784_111_778)
        #expect(Validators.forIfRange(fields(("ETag", "\"a\""), ("Last-Modified", modified))) == "\"a\"")
        #expect(Validators.forIfRange(fields(("ETag", "W/\"a\""), ("Last-Modified", modified), ("Date", date))) == nil)
        #expect(Validators.forIfRange(fields(("Last-Modified", modified), ("Date", date))) == modified)
        #expect(Validators.forIfRange(fields(("Last-Modified", modified), ("Date", modified))) == nil)
        #expect(Validators.forIfRange(fields(("Last-Modified", modified))) == nil)
    }

    @Test func `RULES, content coding: the tag of decoded content is weak`() {
        var f = fields(("ETag", "\"a\""))
        Validators.weakenTag(in: &f)
        #expect(f == fields(("ETag", "W/\"a\"")))
        Validators.weakenTag(in: &f)
        #expect(f == fields(("ETag", "W/\"a\"")))
    }

    @Test func `RFC 9111 section 4.4: successful unsafe requests invalidate`() throws {
        #expect(
            Invalidation.isCaused(method: "POST", status: 201) && Invalidation.isCaused(method: "X-NEW", status: 302))
        #expect(
            !Invalidation.isCaused(method: "POST", status: 404) && !Invalidation.isCaused(method: "GET", status: 200))
        let url = try RequestURL(parsing: "https://h.example/a")
        let found = Invalidation.alsoAffected(
            fields(("Location", "/b#x"), ("Content-Location", "https://H.example:443/c")), of: url)
        #expect(found.map(\.key) == ["https://h.example/b", "https://h.example/c"])
        #expect(
            Invalidation.alsoAffected(
                fields(("Location", "https://other.example/b"), ("Content-Location", "//x/y")), of: url
            ).isEmpty)
    }
}
