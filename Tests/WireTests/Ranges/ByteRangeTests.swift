import Testing
import Wire

@Suite struct ByteRangeTests {
    private func of(_ value: String, size: Int64 = 100) -> ByteRange.Outcome {
        ByteRange.single(fields(("Range", value)), size: size)
    }

    @Test(
        arguments: [
            ("bytes=0-0", 0, 0), ("bytes=0-", 0, 99), ("bytes=99-", 99, 99), ("BYTES=10-19", 10, 19),
            ("bytes=90-200", 90, 99),
            ("bytes=-1", 99, 99), ("bytes=-100", 0, 99), ("bytes=-1000", 0, 99), ("bytes= 5-6 ,", 5, 6),
            ("bytes=0-99999999999999999999", 0, 99),
        ] as [(String, Int64, Int64)]) func `RFC 9110 section 14.1.2: one range, cut to the size`(
            value: String, first: Int64, last: Int64
        )
    {
        #expect(of(value) == .range(ByteRange(first: first, last: last)))
    }

    @Test(arguments: ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999-", "bytes=100-,200-"])
    func `RFC 9110 section 14.1.2: nothing of it exists`(value: String) { #expect(of(value) == .unsatisfiable) }

    @Test(arguments: [
        "", "bytes", "bytes=", "bytes=,", "bytes=a-b", "bytes=5", "bytes=5-4", "bytes=-", "bytes=1-2-3", "bytes=+1-2",
        "bytes=1 - 2",
        "items=0-5", "bytes:0-5", "bytes=0-1,x", "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8",
    ]) func `RFC 9110 section 14.2: what cannot be read is ignored, and more than eight`(value: String) {
        #expect(of(value) == .none)
    }

    @Test func `several ranges, only the satisfiable ones`() {
        #expect(of("bytes=0-1, 500-, -1") == .several([ByteRange(first: 0, last: 1), ByteRange(first: 99, last: 99)]))
        #expect(ByteRange.single(Fields(), size: 5) == .none)
        #expect(ByteRange.single(fields(("Range", "bytes=0-1"), ("Range", "bytes=0-1")), size: 5) == .none)
    }

    @Test func `RFC 9110 section 14.1.2: of nothing only a suffix is satisfiable, and it is the whole`() {
        #expect(of("bytes=0-", size: 0) == .unsatisfiable && of("bytes=-0", size: 0) == .unsatisfiable)
        #expect(of("bytes=-5", size: 0) == .none && of("bytes=0-, -5", size: 0) == .none)
    }

    @Test func `RFC 9110 section 14.4: Content-Range`() {
        let range = ByteRange(first: 5, last: 9)
        #expect(range.count == 5 && range.contentRange(size: 20) == "bytes 5-9/20")
        #expect(ByteRange.unsatisfiedContentRange(size: 20) == "bytes */20")
        #expect(ContentRange(fields(("Content-Range", "bytes 5-9/20")))?.size == 20)
        #expect(ContentRange(fields(("Content-Range", "bytes 5-9/*")))?.range == range)
        #expect(ContentRange(fields(("Content-Range", "BYTES 5-9/20")))?.range == range)
        #expect(ContentRange.unsatisfiedSize(fields(("Content-Range", "bytes */20"))) == 20)
        for bad in ["bytes */*", "bytes 0-1/20", "bytes */", "bytes */-1", "bytes */99999999999999999999", "bytes *20"]
        {
            #expect(ContentRange.unsatisfiedSize(fields(("Content-Range", bad))) == nil, "\(bad)")
        }
        for bad in [
            "bytes */20", "bytes */*", "bytes 5-9/20/30", "bytes 0-9223372036854775807/*", "bytes  5-9/20",
            "bytes 9-5/20", "bytes 5-20/20", "bytes 5-9", "items 5-9/20", "bytes 5-9/x", "bytes -9/20",
            "bytes +5-9/20",
        ] {
            #expect(ContentRange(fields(("Content-Range", bad))) == nil, "\(bad)")
        }
    }

    @Test func `RFC 9110 section 13.1.5: If-Range takes strong validators only`() {
        let (modified, date) = (HTTPDate.format(1000), HTTPDate.format(1001))
        func allows(_ value: String, _ stored: Fields) -> Bool {
            ByteRange.ifRangeAllows(fields(("If-Range", value)), storedFields: stored)
        }
        #expect(ByteRange.ifRangeAllows(Fields(), storedFields: Fields()))
        #expect(allows("\"a\"", fields(("ETag", "\"a\""))))
        #expect(!allows("W/\"a\"", fields(("ETag", "W/\"a\""))) && !allows("\"a\"", fields(("ETag", "W/\"a\""))))
        #expect(!allows("\"b\"", fields(("ETag", "\"a\""))) && !allows("\"a\"", Fields()))
        #expect(allows(modified, fields(("Last-Modified", modified), ("Date", date))))
        #expect(!allows(modified, fields(("Last-Modified", modified), ("Date", modified))))
        #expect(!allows(modified, fields(("Last-Modified", modified))))
        #expect(!allows(date, fields(("Last-Modified", modified), ("Date", HTTPDate.format(5000)))))
        #expect(!allows("junk", fields(("ETag", "\"a\""))))
    }
}
