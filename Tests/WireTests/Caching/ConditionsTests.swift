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
        for value in ["\"b\"", "a", "\"a", "", "\"A\""] {
            #expect(evaluate(fields(("If-None-Match", value)), stored) == .proceed, "\(value)")
        }
        #expect(evaluate(fields(("If-None-Match", "\"x\"")), Fields()) == .proceed)
        #expect(evaluate(fields(("If-None-Match", "\"x\""), ("If-None-Match", "\"a\"")), stored) == .notModified)
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
