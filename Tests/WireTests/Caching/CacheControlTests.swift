import Testing
import Wire

@Suite struct CacheControlTests {
    private func of(_ values: String...) -> CacheControl {
        var f = Fields()
        for value in values { f.append("Cache-Control", value) }
        return CacheControl(f)
    }

    @Test func `RFC 9111 section 5.2: every directive is read, in any case, as token or quoted`() {
        let c = of(
            "Max-Age=60, s-maxage=\"70\", no-store, no-cache, private, public, must-revalidate",
            "proxy-revalidate,"
                + "must-understand, immutable, only-if-cached, max-stale=5, min-fresh=6, stale-if-error=7, "
                + "stale-while-revalidate=8, no-transform, unknown=\"a,b\"")
        #expect(c.maxAge == 60 && c.sMaxAge == 70 && c.maxStale == 5 && c.minFresh == 6)
        #expect(c.staleIfError == 7 && c.staleWhileRevalidate == 8)
        #expect(c.noStore && c.noCache && c.isPrivate && c.isPublic && c.mustRevalidate && c.proxyRevalidate)
        #expect(c.mustUnderstand && c.immutable && c.onlyIfCached && c.noTransform && c.isPresent)
        #expect(!of().isPresent && of("x").isPresent && of("") == of())
    }

    @Test(
        arguments: [
            ("max-age=5, ext=\"a, no-store, max-age=9\"", 5, false), ("ext=\"a\\\", no-store\", max-age=5", 5, false),
            ("MAX-AGE=5,, ,\t,no-store", 5, true), ("max-age=5;no-store", 0, false), ("max-age =5", 5, false),
            ("max-age= 5", 0, false), ("no-store=\"x\", max-age=5", 5, true), ("no-storex, max-age=5", 5, false),
            ("ext=\"no-store, max-age=5", nil, true), ("max-age=5, ext=\"", 5, true), ("ext=\"a\\\"", nil, true),
        ] as [(String, Int64?, Bool)])
    func `RFC 9111 section 5.2: unknown and quoted directives hide nothing and are no directives`(
        value: String, maxAge: Int64?, noStore: Bool
    ) {
        #expect(of(value).maxAge == maxAge && of(value).noStore == noStore)
    }

    @Test func `RFC 9111 section 1.2.2: too many seconds are 2 to the 31st`() {
        #expect(of("max-age=99999999999999999999999").maxAge == 1 << 31)
        #expect(of("max-age=2147483649").maxAge == 1 << 31)
        #expect(of("max-age=2147483647").maxAge == 2_147_483_647)
    }

    @Test(arguments: [
        "max-age=x", "max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=\"\"", "max-age=1 2", "max-age='5'",
    ])
    func `RFC 9111 section 4.2.1: an unreadable lifetime is over`(value: String) { #expect(of(value).maxAge == 0) }

    @Test func `RFC 9111 section 4.2.1: contradicting lifetimes are over`() {
        #expect(of("max-age=5, max-age=5").maxAge == 5)
        #expect(of("max-age=5", "max-age=6").maxAge == 0)
        #expect(of("s-maxage=5, s-maxage=0").sMaxAge == 0)
        #expect(of("max-stale=9, max-stale=3").maxStale == 3)
        #expect(of("min-fresh=3, min-fresh=9").minFresh == 9)
    }

    @Test func `RFC 9111 section 5.2.1.2: max-stale without a value takes any`() {
        #expect(of("max-stale").maxStale == CacheControl.longest)
        #expect(of("max-stale=x").maxStale == 0)
        #expect(of("min-fresh=x").minFresh == CacheControl.longest)
    }

    @Test func `RFC 9111 sections 5.2.2.4 and 5.2.2.7: qualified directives name fields`() {
        let c = of("private=\"X-User, Set-Cookie\", no-cache=X-One")
        #expect(!c.isPrivate && c.privateFields == ["x-user", "set-cookie"])
        #expect(!c.noCache && c.noCacheFields == ["x-one"])
    }

    @Test(arguments: [
        "private=\"\"", "private=", "private=\"a b\"", "private=\"Content-Type\"", "private=\"x, vary\"",
        "private=\"x, max-age=5",
    ])
    func `a qualified directive that cannot be followed counts as unqualified`(value: String) {
        #expect(of(value).isPrivate)
    }
}
