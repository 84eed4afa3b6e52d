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

    @Test func `RFC 9111 section 4.3.1: several stored responses are asked about at once`() {
        var request = fields(("If-None-Match", "\"y\""))
        let stored = [
            fields(("ETag", "\"a\""), ("Last-Modified", modified)), Fields(), fields(("ETag", "W/\"b\"")),
            fields(("ETag", "\"a\"")),
        ]
        #expect(Validators.addConditions(to: &request, from: stored))
        #expect(request == fields(("If-None-Match", "\"a\", W/\"b\""), ("If-Modified-Since", modified)))
        #expect(!Validators.addConditions(to: &request, from: [Fields]()))
        #expect(request.isEmpty)
    }

    @Test func `RFC 9111 section 4.3.4: a strong validator updates all that have it, a weak one the most recent`() {
        let date = HTTPDate.format(784_111_777 + 60)
        let a = fields(("ETag", "\"a\""))
        let weakA = fields(("ETag", "W/\"a\""))
        let b = fields(("ETag", "\"b\""))
        let strongDate = fields(("Last-Modified", modified), ("Date", date))
        let weakDate = fields(("Last-Modified", modified), ("Date", modified))
        func selected(_ stored: [Fields], _ notModified: Fields) -> [Int] {
            Validators.selected(among: stored, by: notModified)
        }
        #expect(selected([b, a, weakA, a], a) == [1, 3])
        #expect(selected([b, a, weakA, a], weakA) == [1] && selected([weakA, a], weakA) == [0])
        #expect(selected([b, weakA], a) == [] && selected([Fields()], a) == [])
        #expect(selected([b, strongDate, weakDate, strongDate], fields(("Last-Modified", modified))) == [1, 3])
        #expect(selected([b, weakDate, weakDate], fields(("Last-Modified", modified))) == [1])
        #expect(selected([strongDate], fields(("Last-Modified", date))) == [])
        #expect(selected([strongDate], fields(("Last-Modified", "sun, 06 nov 1994 08:49:37 gmt"))) == [0])
        #expect(selected([Fields()], Fields()) == [0] && selected([a], Fields()) == [0])
        #expect(selected([a, b], Fields()) == [] && selected([], a) == [])
        // A tag decides, whatever the date says.
        #expect(selected([strongDate], fields(("ETag", "\"a\""), ("Last-Modified", modified))) == [])
    }

    @Test func `RFC 9111 section 3.2: qualified directives of either side hold for the fields of both`() {
        var stored = fields(("Cache-Control", "no-cache=\"X-A\""), ("X-B", "1"))
        Validators.freshen(stored: &stored, with: fields(("X-A", "2")))
        #expect(!stored.contains("x-a") && stored.contains("x-b"))
        Validators.freshen(stored: &stored, with: fields(("Cache-Control", "private=\"X-B\"")))
        #expect(!stored.contains("x-b"))
    }

    @Test func `RFC 9111 sections 3 and 3.2: a 304 can forbid to keep what it validates`() {
        let stored = fields(("ETag", "\"a\""), ("Cache-Control", "max-age=5"), ("Date", HTTPDate.format(1)))
        func freshened(_ notModified: Fields, shared: Bool = true) -> Validators.Freshening {
            Validators.freshened(
                stored: stored, status: 200, by: notModified, requestFields: Fields(), responseTime: 1000,
                shared: shared)
        }
        #expect(
            freshened(fields(("Cache-Control", "max-age=9")))
                == .updated(
                    fields(("ETag", "\"a\""), ("Cache-Control", "max-age=9"), ("Date", HTTPDate.format(1000)))))
        #expect(freshened(fields(("Cache-Control", "no-store"))) == .notStorable(.responseNoStore))
        #expect(freshened(fields(("Cache-Control", "private"))) == .notStorable(.isPrivate))
        #expect(freshened(fields(("Vary", "*"))) == .notStorable(.varyEverything))
        if case .notStorable = freshened(fields(("Cache-Control", "private")), shared: false) {
            Issue.record("a private store keeps what is private")
        }
    }

    @Test func `RFC 9111 section 4.3.5: what a HEAD tells about the stored GET`() {
        let stored = fields(("ETag", "\"a\""), ("Last-Modified", modified))
        func effect(_ status: Int, _ head: Fields, size: Int64? = 5) -> Validators.HeadEffect {
            Validators.effect(ofHead: status, head, on: stored, size: size)
        }
        #expect(effect(200, fields(("ETag", "\"a\""), ("Content-Length", "5"))) == .freshens)
        #expect(effect(200, fields(("ETag", "W/\"a\""))) == .freshens)
        #expect(effect(200, fields(("Last-Modified", modified))) == .freshens)
        #expect(effect(200, fields(("ETag", "\"a\""), ("Content-Length", "6"))) == .outdates)
        #expect(effect(200, fields(("ETag", "\"a\""), ("Content-Length", "x"))) == .outdates)
        #expect(effect(200, fields(("ETag", "\"a\""), ("Content-Length", "6")), size: nil) == .freshens)
        #expect(effect(200, fields(("ETag", "\"b\""))) == .outdates)
        #expect(effect(200, fields(("ETag", "\"a\""), ("Last-Modified", HTTPDate.format(0)))) == .outdates)
        #expect(effect(200, Fields()) == .outdates)
        #expect(effect(404, Fields()) == .none && effect(304, fields(("ETag", "\"b\""))) == .none)
        #expect(Validators.effect(ofHead: 200, Fields(), on: Fields(), size: 5) == .freshens)
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
        for method in ["PUT", "DELETE", "PATCH", "get", "MKCOL", "X"] { #expect(!Invalidation.isSafe(method)) }
        for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"] {
            #expect(Invalidation.isSafe(method))
        }
        for status in [100, 199, 400, 404, 500] { #expect(!Invalidation.isCaused(method: "PUT", status: status)) }
    }

    @Test(
        arguments: [
            ("/b#x", "https://h.example/b"), ("https://H.example:443/c", "https://h.example/c"),
            ("HTTPS://h.example", "https://h.example/"), ("//h.example/d", "https://h.example/d"),
            ("e", "https://h.example/a/e"), ("./e/../f?q=../x", "https://h.example/a/f?q=../x"),
            ("../g", "https://h.example/g"), ("../../../g/.", "https://h.example/g/"),
            ("?q", "https://h.example/a/b?q"),
            ("/a/../h/..", "https://h.example/"), ("x:y/z", nil), ("mailto:a@h.example", nil),
            ("https://other.example/b", nil), ("//x/y", nil), ("http://h.example/b", nil),
            ("https://h.example:444/", nil),
            ("https://u@h.example/", nil), ("/a b", nil), ("1:2", "https://h.example/a/1:2"),
            ("%2e%2e/x", "https://h.example/a/../x"),
        ] as [(String, String?)])
    func `RFC 9111 section 4.4: Location and Content-Location of the same origin go too`(
        reference: String, key: String?
    )
        throws
    {
        let url = try RequestURL(parsing: "https://h.example/a/b?c")
        for name in ["Location", "Content-Location"] {
            #expect(
                Invalidation.alsoAffected(fields((name, reference)), of: url).map(\.key) == (key.map { [$0] } ?? []))
        }
        #expect(
            Invalidation.alsoAffected(fields(("Location", "/1"), ("Content-Location", "/2")), of: url).map(\.key)
                == ["https://h.example/1", "https://h.example/2"])
    }
}
