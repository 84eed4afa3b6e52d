import Testing
import Wire

@Suite struct ConditionsTests {
    private let old = HTTPDate.format(1000)
    private let middle = HTTPDate.format(2000)
    private let new = HTTPDate.format(3000)

    private func evaluate(_ request: Fields, _ stored: Fields, method: String = "GET", status: Int = 200)
        -> Conditions.Outcome
    {
        Conditions.evaluate(requestFields: request, method: method, storedFields: stored, storedStatus: status)
    }

    @Test func `RFC 9110 section 13.1.2: If-None-Match compares weakly`() {
        let stored = fields(("ETag", "\"a\""))
        for value in ["\"a\"", "W/\"a\"", "\"x\", \"a\"", "\"x,\",W/\"a\"", "*", "junk, \"a\""] {
            #expect(evaluate(fields(("If-None-Match", value)), stored) == .notModified, "\(value)")
            #expect(evaluate(fields(("If-None-Match", value)), stored, method: "HEAD") == .notModified)
            #expect(evaluate(fields(("If-None-Match", value)), stored, method: "PUT") == .preconditionFailed)
        }
        for value in [
            "\"b\"", "a", "\"a", "", "\"A\"", "x\"a\"", "\"a\"x", "w/\"a\"", "W/ \"a\"", "**", "\"*\"", "W/*",
            "\"a\" \"a\"",
        ] {
            #expect(evaluate(fields(("If-None-Match", value)), stored) == .proceed, "\(value)")
        }
        #expect(evaluate(fields(("If-None-Match", "\"x\"")), Fields()) == .proceed)
        #expect(evaluate(fields(("If-None-Match", "\"x\""), ("If-None-Match", "\"a\"")), stored) == .notModified)
    }

    /// The whole order of section 13.2.2: each row gives what the five conditions evaluate to, nil for an absent one.
    @Test(
        arguments: [
            // If-Match, If-Unmodified-Since, If-None-Match (true: no match), If-Modified-Since, GET, PUT
            (nil, nil, nil, nil, .proceed, .proceed),
            (true, nil, nil, nil, .proceed, .proceed), (false, nil, nil, nil, .preconditionFailed, .preconditionFailed),
            (true, false, nil, nil, .proceed, .proceed),
            (false, true, true, true, .preconditionFailed, .preconditionFailed),
            (nil, true, nil, nil, .proceed, .proceed), (nil, false, nil, nil, .preconditionFailed, .preconditionFailed),
            (nil, false, true, true, .preconditionFailed, .preconditionFailed),
            (true, nil, true, nil, .proceed, .proceed), (true, nil, false, nil, .notModified, .preconditionFailed),
            (nil, true, false, nil, .notModified, .preconditionFailed),
            (nil, nil, true, false, .proceed, .proceed), (nil, nil, false, true, .notModified, .preconditionFailed),
            (nil, nil, nil, true, .proceed, .proceed), (nil, nil, nil, false, .notModified, .proceed),
            (true, nil, nil, false, .notModified, .proceed), (nil, true, nil, false, .notModified, .proceed),
        ] as [(Bool?, Bool?, Bool?, Bool?, Conditions.Outcome, Conditions.Outcome)])
    func `RFC 9110 section 13.2.2: the order of all conditions`(
        match: Bool?, unmodified: Bool?, noneMatch: Bool?, modified: Bool?, get: Conditions.Outcome,
        put: Conditions.Outcome
    ) {
        var request = Fields()
        if let match { request.append("If-Match", match ? "\"a\"" : "\"b\"") }
        if let unmodified { request.append("If-Unmodified-Since", unmodified ? new : old) }
        if let noneMatch { request.append("If-None-Match", noneMatch ? "\"b\"" : "\"a\"") }
        if let modified { request.append("If-Modified-Since", modified ? old : new) }
        let stored = fields(("ETag", "\"a\""), ("Last-Modified", middle))
        #expect(evaluate(request, stored) == get && evaluate(request, stored, method: "HEAD") == get)
        #expect(evaluate(request, stored, method: "PUT") == put)
    }

    @Test func `RFC 9110 section 8.8.3: tags that are no UTF-8 are compared by nobody`() {
        var (stored, request) = (Fields(), Fields())
        stored.append(name: Array("ETag".utf8).span, value: [0x22, 0xFF, 0x22].span)
        request.append(name: Array("If-None-Match".utf8).span, value: [0x22, 0xFE, 0x22].span)
        #expect(evaluate(request, stored) == .proceed && Validators.etag(stored) == nil)
        #expect(evaluate(fields(("If-None-Match", "\"é\"")), fields(("ETag", "\"é\""))) == .notModified)
    }

    @Test func `RFC 9110 section 13.2.2: If-None-Match outdoes If-Modified-Since`() {
        let stored = fields(("ETag", "\"a\""), ("Last-Modified", old))
        #expect(evaluate(fields(("If-None-Match", "\"b\""), ("If-Modified-Since", new)), stored) == .proceed)
        #expect(
            evaluate(fields(("If-None-Match", "\"a\""), ("If-Modified-Since", HTTPDate.format(0))), stored)
                == .notModified)
    }

    @Test func `RFC 9110 section 13.1.3: If-Modified-Since`() {
        let stored = fields(("Last-Modified", middle))
        #expect(evaluate(fields(("If-Modified-Since", middle)), stored) == .notModified)
        #expect(evaluate(fields(("If-Modified-Since", new)), stored) == .notModified)
        #expect(evaluate(fields(("If-Modified-Since", old)), stored) == .proceed)
        #expect(evaluate(fields(("If-Modified-Since", "x")), stored) == .proceed)
        #expect(evaluate(fields(("If-Modified-Since", new)), stored, method: "POST") == .proceed)
        #expect(evaluate(fields(("If-Modified-Since", new), ("If-Modified-Since", new)), stored) == .proceed)
    }

    @Test func `RFC 9111 section 4.3.2: without Last-Modified the time of the response counts`() {
        #expect(evaluate(fields(("If-Modified-Since", middle)), fields(("Date", old))) == .notModified)
        #expect(evaluate(fields(("If-Modified-Since", middle)), fields(("Date", new))) == .proceed)
        #expect(evaluate(fields(("If-Modified-Since", middle)), Fields()) == .proceed)
        #expect(
            Conditions.evaluate(
                requestFields: fields(("If-Modified-Since", middle)), method: "GET", storedFields: Fields(),
                storedStatus: 200,
                responseTime: 1500) == .notModified)
    }

    @Test func `RFC 9110 sections 13.1.1 and 13.1.4: If-Match compares strongly and outdoes If-Unmodified-Since`() {
        let stored = fields(("ETag", "\"a\""), ("Last-Modified", middle))
        #expect(evaluate(fields(("If-Match", "\"a\"")), stored) == .proceed)
        #expect(evaluate(fields(("If-Match", "*")), stored) == .proceed)
        #expect(evaluate(fields(("If-Match", "W/\"a\"")), stored) == .preconditionFailed)
        #expect(evaluate(fields(("If-Match", "\"a\"")), fields(("ETag", "W/\"a\""))) == .preconditionFailed)
        #expect(evaluate(fields(("If-Match", "\"a\""), ("If-Unmodified-Since", old)), stored) == .proceed)
        #expect(evaluate(fields(("If-Unmodified-Since", old)), stored) == .preconditionFailed)
        #expect(evaluate(fields(("If-Unmodified-Since", middle)), stored) == .proceed)
        #expect(evaluate(fields(("If-Match", "\"a\""), ("If-None-Match", "\"a\"")), stored) == .notModified)
        #expect(
            Conditions.concernOrigin(fields(("If-Match", "x")))
                && !Conditions.concernOrigin(fields(("If-None-Match", "x"))))
    }

    @Test func `RFC 9110 section 13.2.1: conditions count for 2xx only`() {
        #expect(evaluate(fields(("If-None-Match", "*")), fields(("ETag", "\"a\"")), status: 404) == .proceed)
        #expect(evaluate(fields(("If-Match", "\"b\"")), Fields(), status: 301) == .proceed)
    }

    @Test func `RFC 9110 section 15.4.5: what a 304 carries`() {
        let stored = fields(
            ("Content-Length", "5"), ("Content-Type", "a/b"), ("ETag", "\"a\""), ("Vary", "x"),
            ("Content-Location", "/x"),
            ("Cache-Control", "max-age=5"), ("Expires", old), ("Date", old))
        let kept = Conditions.notModifiedFields(of: stored)
        #expect(kept.count == 6 && !kept.contains("content-length") && !kept.contains("content-type"))
    }
}
