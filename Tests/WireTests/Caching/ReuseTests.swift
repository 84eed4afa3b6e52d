import Testing
import Wire

@Suite struct ReuseTests {
    /// A response that came at 1000 and is asked for `age` seconds later.
    private func decide(
        _ stored: String, _ request: Fields = Fields(), age: Int64, status: Int = 200, shared: Bool = true
    ) -> Reuse {
        Reuse.decide(
            requestFields: request, storedStatus: status, storedFields: fields(("Cache-Control", stored)),
            requestTime: 1000,
            responseTime: 1000, now: 1000 + age, shared: shared)
    }

    private func control(_ value: String) -> Fields { fields(("Cache-Control", value)) }

    @Test func `RFC 9111 section 4.2: fresh while the lifetime is greater than the age`() {
        #expect(decide("max-age=10", age: 0) == .fresh(age: 0))
        #expect(decide("max-age=10", age: 9) == .fresh(age: 9))
        #expect(decide("max-age=10", age: 10) == .revalidate(.stale))
        #expect(decide("max-age=10", age: -50) == .fresh(age: 0))
        #expect(decide("max-age=10, s-maxage=3", age: 5) == .revalidate(.mustRevalidate))
        #expect(decide("max-age=10, s-maxage=3", age: 5, shared: false) == .fresh(age: 5))
        #expect(decide("public", age: 0) == .revalidate(.stale))
    }

    @Test func `RFC 9111 sections 5.2.1.4 and 5.4: the request demands validation`() {
        #expect(decide("max-age=10", control("no-cache"), age: 1) == .revalidate(.requestNoCache))
        #expect(decide("max-age=10, immutable", control("no-cache"), age: 1) == .revalidate(.requestNoCache))
        #expect(decide("max-age=10", fields(("Pragma", "no-cache")), age: 1) == .revalidate(.requestNoCache))
        #expect(
            decide("max-age=10", fields(("Pragma", "no-cache"), ("Cache-Control", "max-age=9")), age: 1)
                == .fresh(age: 1))
    }

    @Test func `RFC 9111 section 5.2.2.4: the response demands validation`() {
        #expect(decide("max-age=10, no-cache", age: 1) == .revalidate(.responseNoCache))
        #expect(decide("max-age=10, no-cache=\"x-a\"", age: 1) == .fresh(age: 1))
        #expect(decide("max-age=10, no-cache", control("max-stale"), age: 100) == .revalidate(.responseNoCache))
    }

    @Test func `RFC 9111 section 5.2.1.1: max-age of the request, where 0 always asks`() {
        #expect(decide("max-age=100", control("max-age=5"), age: 5) == .fresh(age: 5))
        #expect(decide("max-age=100", control("max-age=5"), age: 6) == .revalidate(.requestMaxAge))
        #expect(decide("max-age=100", control("max-age=0"), age: 0) == .revalidate(.requestMaxAge))
        #expect(decide("max-age=100", control("max-age=x"), age: 0) == .revalidate(.requestMaxAge))
        #expect(decide("max-age=3", control("max-age=50"), age: 4) == .revalidate(.stale))
        #expect(decide("max-age=100", control("max-age=5, max-stale=10"), age: 15) == .fresh(age: 15))
        #expect(decide("max-age=100", control("max-age=5, max-stale=10"), age: 16) == .revalidate(.requestMaxAge))
    }

    @Test func `RFC 9111 section 5.2.1.3: min-fresh`() {
        #expect(decide("max-age=10", control("min-fresh=5"), age: 5) == .fresh(age: 5))
        #expect(decide("max-age=10", control("min-fresh=5"), age: 6) == .revalidate(.requestMinFresh))
        #expect(decide("max-age=10", control("min-fresh=x"), age: 0) == .revalidate(.requestMinFresh))
    }

    @Test func `RFC 9111 section 5.2.1.2: max-stale`() {
        #expect(decide("max-age=10", control("max-stale=5"), age: 15) == .stale(age: 15))
        #expect(decide("max-age=10", control("max-stale=5"), age: 16) == .revalidate(.stale))
        #expect(decide("max-age=10", control("max-stale"), age: 1_000_000) == .stale(age: 1_000_000))
    }

    @Test(arguments: ["must-revalidate", "proxy-revalidate", "s-maxage=10"])
    func `RFC 9111 section 4.2.4: what forbids stale use`(directive: String) {
        let stored = "max-age=10, \(directive)"
        #expect(decide(stored, control("max-stale"), age: 20) == .revalidate(.mustRevalidate))
        #expect(decide(stored, age: 9) == .fresh(age: 9))
        let own = decide(stored, control("max-stale"), age: 20, shared: false)
        #expect(own == (directive == "must-revalidate" ? .revalidate(.mustRevalidate) : .stale(age: 20)))
    }

    @Test func `RFC 9111 section 5.2.1.7: only-if-cached never goes to the origin`() {
        #expect(decide("max-age=10", control("only-if-cached"), age: 1) == .fresh(age: 1))
        #expect(decide("max-age=10", control("only-if-cached"), age: 11) == .unsatisfiable(.stale))
        #expect(decide("max-age=10", control("only-if-cached, max-stale"), age: 11) == .stale(age: 11))
        #expect(decide("max-age=10", control("only-if-cached, no-cache"), age: 1) == .unsatisfiable(.requestNoCache))
    }

    @Test func `RFC 8246 section 2: what is immutable and fresh is not asked about for a reload`() {
        let stored = "max-age=100, immutable"
        #expect(decide(stored, control("max-age=0"), age: 5) == .fresh(age: 5))
        #expect(decide(stored, control("max-age=3"), age: 5) == .fresh(age: 5))
        #expect(decide(stored, control("max-age=0"), age: 100) == .revalidate(.stale))
        #expect(decide(stored, control("no-cache"), age: 5) == .revalidate(.requestNoCache))
        #expect(decide(stored, control("min-fresh=99"), age: 5) == .revalidate(.requestMinFresh))
        #expect(decide("max-age=100, immutable, no-cache", age: 5) == .revalidate(.responseNoCache))
    }

    @Test func `RFC 5861 section 3: stale while revalidating, unless a directive forbids it`() {
        let stored = "max-age=10, stale-while-revalidate=5"
        #expect(decide(stored, age: 9) == .fresh(age: 9))
        #expect(decide(stored, age: 15) == .staleWhileRevalidating(age: 15))
        #expect(decide(stored, age: 16) == .revalidate(.stale))
        #expect(decide(stored, control("max-stale"), age: 15) == .stale(age: 15))
        #expect(decide(stored, control("only-if-cached"), age: 15) == .staleWhileRevalidating(age: 15))
        #expect(decide(stored, control("max-age=20"), age: 15) == .staleWhileRevalidating(age: 15))
        for forbidding in ["no-cache", "max-age=0", "max-age=14", "min-fresh=0"] {
            if case .revalidate = decide(stored, control(forbidding), age: 15) { continue }
            Issue.record("\(forbidding)")
        }
        for forbidding in ["must-revalidate", "proxy-revalidate", "s-maxage=10"] {
            #expect(decide("\(stored), \(forbidding)", age: 15) == .revalidate(.mustRevalidate))
        }
        #expect(decide("\(stored), no-cache", age: 15) == .revalidate(.responseNoCache))
    }

    @Test func `RFC 5861 section 4: stale on errors, unless a directive forbids it`() {
        func allows(_ stored: String, _ request: Fields = Fields(), age: Int64) -> Bool {
            ReusePolicy(status: 200, fields: control(stored), requestTime: 1000, responseTime: 1000)
                .allowsUseOnError(at: 1000 + age, requestFields: request)
        }
        let stored = "max-age=10, stale-if-error=5"
        #expect(allows(stored, age: 15) && !allows(stored, age: 16))
        #expect(
            allows(stored, control("stale-if-error=50"), age: 60)
                && allows(stored, control("stale-if-error=1"), age: 15))
        // Still fresh: the request only wished for a newer one (RFC 9111, section 4.3.3).
        #expect(allows("max-age=10", control("max-age=0"), age: 5) && allows("max-age=10, must-revalidate", age: 5))
        #expect(!allows("max-age=10", age: 10))
        for forbidding in ["must-revalidate", "proxy-revalidate", "s-maxage=10", "no-cache"] {
            #expect(!allows("\(stored), \(forbidding)", control("stale-if-error=50"), age: 11), "\(forbidding)")
        }
        #expect(!allows("\(stored), no-cache", age: 1) && !allows(stored, control("no-cache"), age: 1))
        #expect(!allows(stored, fields(("Pragma", "no-cache")), age: 1))
        #expect([500, 502, 503, 504].allSatisfy(ReusePolicy.isError))
        #expect(![200, 404, 429, 501, 505, 599].contains { ReusePolicy.isError($0) })
    }

    @Test func `RULES: a shared error lasts a minute`() {
        #expect(decide("max-age=600", age: 59, status: 404) == .fresh(age: 59))
        #expect(decide("max-age=600", age: 60, status: 404) == .revalidate(.stale))
    }

    @Test func `RFC 5861: stale while revalidating and on errors`() {
        func policy(_ value: String) -> ReusePolicy {
            ReusePolicy(status: 200, fields: control(value), requestTime: 1000, responseTime: 1000)
        }
        let both = policy("max-age=10, stale-if-error=20, stale-while-revalidate=5")
        #expect(both.freshUntil == 1010 && both.age(at: 1007) == 7)
        #expect(both.allowsUseWhileRevalidating(at: 1015) && !both.allowsUseWhileRevalidating(at: 1016))
        #expect(both.allowsUseOnError(at: 1030, requestFields: Fields()))
        #expect(!both.allowsUseOnError(at: 1031, requestFields: Fields()))
        let bound = policy("max-age=10, stale-if-error=20, stale-while-revalidate=5, must-revalidate")
        #expect(
            !bound.allowsUseWhileRevalidating(at: 1011) && !bound.allowsUseOnError(at: 1011, requestFields: Fields()))
        let plain = policy("max-age=10")
        #expect(!plain.allowsUseOnError(at: 1011, requestFields: Fields()))
        #expect(plain.allowsUseOnError(at: 1011, requestFields: control("stale-if-error=5")))
        #expect(!plain.allowsUseWhileRevalidating(at: 1011))
    }
}
