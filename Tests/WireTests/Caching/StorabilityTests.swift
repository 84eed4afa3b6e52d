import Testing
import Wire

@Suite struct StorabilityTests {
    private func of(
        _ response: Fields, request: Fields = Fields(), method: String = "GET", status: Int = 200, shared: Bool = true
    ) -> Storability {
        Storability.of(
            method: method, requestFields: request, status: status, responseFields: response, responseTime: 784_111_777,
            shared: shared)
    }

    private func control(_ value: String) -> Fields { fields(("Cache-Control", value)) }

    @Test func `RFC 9111 section 3: only final answers to GET, whole ones`() {
        #expect(of(Fields()) == .storable(explicitFreshness: false))
        #expect(of(control("max-age=5")) == .storable(explicitFreshness: true))
        #expect(of(control("max-age=0")) == .storable(explicitFreshness: false))
        for method in ["HEAD", "POST", "PUT", "OPTIONS", "get", "PROPFIND"] {
            #expect(of(control("max-age=5"), method: method) == .notStorable(.method))
        }
        #expect(of(control("max-age=5"), status: 103) == .notStorable(.notFinal))
        #expect(of(control("max-age=5"), status: 206) == .notStorable(.partialContent))
        #expect(of(control("max-age=5"), status: 304) == .notStorable(.notModified))
    }

    @Test func `RFC 9111 sections 5.2.1.5 and 5.2.2.5: no-store on either side`() {
        #expect(of(control("max-age=5, no-store")) == .notStorable(.responseNoStore))
        #expect(of(control("max-age=5"), request: control("no-store")) == .notStorable(.requestNoStore))
        #expect(of(control("no-store"), shared: false) == .notStorable(.responseNoStore))
    }

    @Test func `RFC 9111 section 5.2.2.3: must-understand outdoes no-store for statuses that we know`() {
        #expect(of(control("must-understand, no-store, max-age=5")) == .storable(explicitFreshness: true))
        #expect(of(control("must-understand, no-store, max-age=5"), status: 299) == .notStorable(.statusNotUnderstood))
        #expect(of(control("must-understand, max-age=5"), status: 299) == .notStorable(.statusNotUnderstood))
        #expect(of(control("max-age=5"), status: 299) == .storable(explicitFreshness: true))
    }

    @Test func `RFC 9111 section 5.2.2.7: private keeps out of shared stores only`() {
        #expect(of(control("private, max-age=5")) == .notStorable(.isPrivate))
        #expect(of(control("private, max-age=5"), shared: false) == .storable(explicitFreshness: true))
        #expect(of(control("private"), status: 302, shared: false) == .storable(explicitFreshness: false))
        #expect(of(control("private=\"set-cookie\", max-age=5")) == .storable(explicitFreshness: true))
    }

    @Test func `RFC 9111 section 3.5: Authorization needs the response's word`() {
        let request = fields(("Authorization", "Bearer x"))
        #expect(of(control("max-age=5"), request: request) == .notStorable(.authorization))
        for word in ["public", "s-maxage=5", "must-revalidate"] {
            if case .notStorable = of(control("max-age=5, \(word)"), request: request) { Issue.record("\(word)") }
        }
        #expect(of(control("max-age=5"), request: request, shared: false) == .storable(explicitFreshness: true))
    }

    @Test func `RFC 9111 section 3: something must allow storing`() {
        #expect(of(Fields(), status: 302) == .notStorable(.nothingAllowsIt))
        #expect(of(Fields(), status: 201) == .notStorable(.nothingAllowsIt))
        #expect(of(control("s-maxage=5"), status: 302, shared: false) == .notStorable(.nothingAllowsIt))
        #expect(of(control("s-maxage=5"), status: 302) == .storable(explicitFreshness: true))
        #expect(of(control("public"), status: 302) == .storable(explicitFreshness: false))
        #expect(of(fields(("Expires", "0")), status: 302) == .storable(explicitFreshness: false))
        for status in [200, 203, 204, 300, 301, 308] {
            #expect(of(Fields(), status: status) == .storable(explicitFreshness: false))
        }
    }

    @Test func `RULES: errors are shared with explicit freshness only`() {
        #expect(of(Fields(), status: 404) == .notStorable(.errorWithoutFreshness))
        #expect(of(control("max-age=0"), status: 404) == .notStorable(.errorWithoutFreshness))
        #expect(of(control("public"), status: 410) == .notStorable(.errorWithoutFreshness))
        #expect(of(control("max-age=9"), status: 503) == .storable(explicitFreshness: true))
        #expect(of(Fields(), status: 404, shared: false) == .storable(explicitFreshness: false))
    }

    @Test(arguments: 200...599)
    func `RFC 9111 section 3: every status, understood or not, with explicit freshness`(status: Int) {
        let never = [206, 304, 407, 408, 412, 416, 417, 421, 425, 426, 428, 429, 431, 511]
        let isStorable = of(control("max-age=5"), status: status) == .storable(explicitFreshness: true)
        #expect(isStorable != never.contains(status))
        let isUnderstood =
            of(control("max-age=5, must-understand, no-store"), status: status) == .storable(explicitFreshness: true)
        #expect(isUnderstood == (isStorable && ReasonPhrase.isKnown(status)))
        #expect(of(control("max-age=5, no-store"), status: status) != .storable(explicitFreshness: true))
    }

    @Test func `RFC 6585: what is about one request is not stored for another`() {
        for status in [428, 429, 431, 511, 412, 416] {
            for shared in [true, false] {
                #expect(
                    of(control("public, max-age=5"), status: status, shared: shared) == .notStorable(.aboutTheRequest))
            }
        }
    }

    @Test func `RFC 9111 section 4.1: what varies by everything is never found again`() {
        #expect(of(fields(("Vary", "Accept, *"))) == .notStorable(.varyEverything))
        #expect(of(fields(("Vary", "Accept"))) == .storable(explicitFreshness: false))
    }

    @Test func `RFC 9111 section 3.1: what is stored of the fields`() {
        let response = fields(
            ("Connection", "X-Hop"), ("X-Hop", "1"), ("Set-Cookie", "a=b"), ("X-User", "me"), ("X-Checked", "1"),
            ("ETag", "\"a\""),
            ("Cache-Control", "private=\"X-User\", no-cache=\"X-Checked\""), ("Proxy-Authenticate", "Basic"))
        let shared = Storability.storedFields(of: response)
        #expect(shared == fields(("ETag", "\"a\""), ("Cache-Control", "private=\"X-User\", no-cache=\"X-Checked\"")))
        let own = Storability.storedFields(of: response, shared: false)
        #expect(own.contains("set-cookie") && own.contains("x-user") && !own.contains("x-checked"))
    }
}
