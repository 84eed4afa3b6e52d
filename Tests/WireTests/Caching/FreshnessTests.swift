import Testing
import Wire

@Suite struct FreshnessTests {
    private let date: Int64 = 784_111_777

    private func life(_ f: Fields, status: Int = 200, shared: Bool = true) -> Int64 {
        Freshness.lifetime(status: status, fields: f, responseTime: date, shared: shared)
    }

    @Test func `RFC 9111 section 4.2.1: s-maxage, then max-age, then Expires`() {
        var f = fields(("Date", HTTPDate.format(date)), ("Expires", HTTPDate.format(date + 30)))
        #expect(life(f) == 30)
        f.append("Cache-Control", "max-age=20")
        #expect(life(f) == 20)
        f.append("Cache-Control", "s-maxage=10")
        #expect(life(f) == 10)
        #expect(life(f, shared: false) == 20)
        #expect(Freshness.isExplicit(fields: f) && !Freshness.isExplicit(fields: fields(("ETag", "\"a\""))))
        #expect(!Freshness.isExplicit(fields: fields(("Cache-Control", "s-maxage=9")), shared: false))
    }

    @Test func `RFC 9111 section 5.3: Expires counts from Date, unreadable means expired`() {
        #expect(life(fields(("Date", HTTPDate.format(date - 100)), ("Expires", HTTPDate.format(date)))) == 100)
        #expect(life(fields(("Expires", HTTPDate.format(date + 7)))) == 7)
        #expect(life(fields(("Expires", HTTPDate.format(date - 7)))) == 0)
        #expect(life(fields(("Expires", "0"), ("Last-Modified", HTTPDate.format(0)))) == 0)
        #expect(life(fields(("Expires", HTTPDate.format(date + 7)), ("Expires", HTTPDate.format(date + 9)))) == 0)
        #expect(Freshness.isExplicit(fields: fields(("Expires", "0"))))
    }

    @Test func `RFC 9111 section 4.2.2: a tenth of the age of the content, a day at most`() {
        let f = fields(("Date", HTTPDate.format(date)), ("Last-Modified", HTTPDate.format(date - 1000)))
        #expect(life(f) == 100)
        #expect(life(fields(("Last-Modified", HTTPDate.format(date - 1000)))) == 100)
        #expect(life(fields(("Last-Modified", HTTPDate.format(0)))) == 86_400)
        #expect(life(fields(("Last-Modified", HTTPDate.format(date + 5)))) == 0)
        #expect(life(fields(("Last-Modified", "yesterday"))) == 0)
        #expect(life(Fields()) == 0)
        #expect(life(f, status: 302) == 0 && life(f, status: 301) == 100)
        var open = f
        open.append("Cache-Control", "public")
        #expect(life(open, status: 302) == 100)
        #expect(life(f, status: 404, shared: false) == 100)
    }

    @Test(arguments: [400, 404, 410, 500, 501, 503])
    func `RULES: shared errors need explicit freshness and last a minute`(status: Int) {
        #expect(life(fields(("Last-Modified", HTTPDate.format(0))), status: status) == 0)
        #expect(life(fields(("Cache-Control", "public"), ("Last-Modified", HTTPDate.format(0))), status: status) == 0)
        #expect(life(fields(("Cache-Control", "max-age=3600")), status: status) == 60)
        #expect(life(fields(("Cache-Control", "max-age=5")), status: status) == 5)
        #expect(life(fields(("Cache-Control", "max-age=3600")), status: status, shared: false) == 3600)
    }

    @Test func `RFC 9111 section 4.2.3: the age`() {
        func age(_ f: Fields, requested: Int64 = 0, now: Int64 = 0) -> Int64 {
            Freshness.currentAge(fields: f, requestTime: date + requested, responseTime: date, now: date + now)
        }
        #expect(age(Fields()) == 0)
        #expect(age(Fields(), now: 9) == 9)
        #expect(age(fields(("Date", HTTPDate.format(date - 50))), now: 9) == 59)
        #expect(age(fields(("Age", "100"), ("Date", HTTPDate.format(date - 50))), now: 9) == 109)
        #expect(age(fields(("Age", "100")), requested: -4, now: 9) == 113)
        #expect(age(fields(("Date", HTTPDate.format(date + 500))), requested: -4, now: 9) == 13)
        #expect(age(Fields(), requested: 4, now: -9) == 0)
        #expect(age(fields(("Age", "99999999999999999999"))) == 1 << 31)
    }

    @Test func `RFC 9111 section 4.2.3: no clock makes the arithmetic overflow`() {
        for times in [(Int64.min, Int64.max), (.max, .min), (0, .max), (.max, 0), (.min, .min)] {
            let age = Freshness.currentAge(
                fields: fields(("Age", "99999999999999999999"), ("Date", "Thu, 01 Jan 0000 00:00:00 GMT")),
                requestTime: times.0, responseTime: times.1, now: times.0)
            #expect((0...1 << 32).contains(age))
        }
        let policy = ReusePolicy(status: 200, fields: Fields(), requestTime: 0, responseTime: 0)
        #expect(policy.age(at: .max) == 1 << 31 && policy.age(at: .min) == 0)
    }

    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:50:37 GMT", 60), ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
            ("Sun Nov  6 08:50:37 1994", 60), ("sun, 06 nov 1994 08:50:37 gmt", 60),
            ("Sun, 06 Nov 1994 08:50:37 UTC", 0), ("Sun, 06 Nov 1994 08:50:37", 0), ("Sun, 6 Nov 1994 08:50:37 GMT", 0),
            ("Sun, 06 Nov 1994 08:50:37 +0000", 0), ("1994-11-06T08:50:37Z", 0), ("0", 0), ("-1", 0), ("", 0),
            ("784111837", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 0), ("Sun, 06 Nov 1994 08:49:36 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 1 << 31),
        ] as [(String, Int64)])
    func `RFC 9111 sections 4.2 and 5.3: every form of Expires, and every invalid one is over`(
        value: String, seconds: Int64
    ) {
        let f = fields(("Date", HTTPDate.format(date)), ("Expires", value), ("Last-Modified", HTTPDate.format(0)))
        #expect(life(f) == seconds && Freshness.isExplicit(fields: f))
    }

    @Test(
        arguments: [
            (200, true), (203, true), (204, true), (206, true), (300, true), (301, true), (308, true), (404, true),
            (405, true), (410, true), (414, true), (451, true), (501, true), (201, false), (202, false), (205, false),
            (302, false), (303, false), (307, false), (400, false), (401, false), (403, false), (500, false),
            (503, false), (299, false), (599, false),
        ])
    func `RFC 9110 section 15.1: which statuses allow heuristics`(status: Int, allows: Bool) {
        let f = fields(("Last-Modified", HTTPDate.format(date - 1000)))
        #expect((life(f, status: status, shared: false) > 0) == allows)
    }

    @Test func `RFC 9110 section 6.6.1: a missing or unreadable Date is supplied`() {
        for (before, after) in [
            (Fields(), 1000), (fields(("Date", "junk")), 1000), (fields(("Date", HTTPDate.format(5))), 5),
        ] as [(Fields, Int64)] {
            var f = before
            Freshness.supplyDate(in: &f, responseTime: 1000)
            #expect(f.all("date") == [HTTPDate.format(after)])
        }
    }

    @Test func `RFC 9111 section 5.1: the first Age counts, an unreadable one does not`() {
        func age(_ values: String...) -> Int64 {
            var f = Fields()
            for value in values { f.append("Age", value) }
            return Freshness.currentAge(fields: f, requestTime: date, responseTime: date, now: date)
        }
        #expect(age("\"7\"") == 0 && age("") == 0 && age(", 7") == 0 && age("7,") == 7 && age(" 7 , x") == 7)
        #expect(age("7", "9") == 7 && age("7, 9") == 7 && age("x") == 0 && age("-7") == 0 && age("7.5") == 0)
    }
}
