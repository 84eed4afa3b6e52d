import Testing
import Wire

@Suite struct SelectionTests {
    private func key(_ names: [String], _ f: Fields) -> String { Selection.variantKey(names: names, requestFields: f) }

    @Test func `RFC 9111 section 4.1: the names, lower case, sorted, each once`() {
        #expect(Selection.varyNames(Fields()) == [])
        #expect(Selection.varyNames(fields(("Vary", "B, a"), ("vary", "A,c"))) == ["a", "b", "c"])
        #expect(Selection.varyNames(fields(("Vary", ""))) == [])
        #expect(Selection.varyNames(fields(("Vary", "a, *"))) == nil)
        #expect(Selection.varyNames(fields(("Vary", "a b"))) == nil)
    }

    @Test func `RFC 9111 section 4.1: lines are joined and blanks of lists do not matter`() {
        let names = ["accept", "x"]
        #expect(key([], fields(("Accept", "a"))) == "")
        #expect(key(names, fields(("Accept", "a, b"))) == key(names, fields(("accept", "a"), ("ACCEPT", "b"))))
        #expect(key(names, fields(("Accept", "a,b"))) == key(names, fields(("Accept", "a ,  b"))))
        #expect(key(names, fields(("X", "a, b"))) == key(names, fields(("X", "a"), ("X", "b"))))
        #expect(
            key(["accept-encoding"], fields(("Accept-Encoding", "GZIP")))
                == key(["accept-encoding"], fields(("Accept-Encoding", "gzip"))))
    }

    @Test(arguments: [
        ("gzip, br", "br,gzip", true), ("gzip;q=1, br", "BR;Q=1.000, GZIP", true), ("x-gzip", "gzip", true),
        ("gzip;q=0.50", "gzip ; q=0.5", true), ("gzip;q=0", "gzip;q=0.000", true), ("gzip, gzip", "gzip", true),
        ("gzip;q=0.5", "gzip", false), ("gzip;q=0", "gzip;q=0.001", false), ("gzip", "gzip, br", false),
        ("gzip;x=1", "gzip", false), ("gzip;q=x", "gzip", false), ("gzip;q=2", "gzip", false), ("", "gzip", false),
        ("gzip;q=0.1234", "gzip;q=0.123", false), ("identity", "", false), ("gzip;q=0.5;q=1", "gzip;q=0.5", false),
    ]) func `RFC 9111 section 4.1: Accept-Encoding is normalised where that means the same`(
        a: String, b: String, same: Bool
    ) {
        let names = ["accept-encoding"]
        let (first, second) = (key(names, fields(("Accept-Encoding", a))), key(names, fields(("Accept-Encoding", b))))
        #expect((first == second) == same)
        #expect(Selection.fits(names: names, variant: first, requestFields: fields(("Accept-Encoding", b))) == same)
        #expect(
            key(["accept-language"], fields(("Accept-Language", "de, en")))
                != key(["accept-language"], fields(("Accept-Language", "en, de"))))
    }

    @Test func `RFC 9111 section 4.1: without Vary everything fits`() {
        #expect(Selection.fits(names: [], variant: "", requestFields: fields(("Accept", "x"))))
        #expect(!Selection.fits(names: [], variant: "accept=x", requestFields: Fields()))
    }

    @Test func `RFC 9111 section 4.1: other requests get other variants`() {
        let names = ["accept", "x"]
        let keys = [
            Fields(), fields(("Accept", "")), fields(("Accept", "a")), fields(("Accept", "A")),
            fields(("Accept", "b, a")),
            fields(("Accept", "a, b")), fields(("X", "a")), fields(("X", "a,b")), fields(("X", "a, b")),
            fields(("X", ""), ("X", "a")), fields(("X", ""), ("X", "")),
            fields(("X", "")),
            fields(("Accept", "a"), ("X", "a")), fields(("Accept", "x=a")), fields(("Accept", "?x=a")),
        ].map { key(names, $0) }
        #expect(Set(keys).count == keys.count)
        var (a, b) = (Fields(), Fields())
        a.append(name: [0x58].span, value: [0xFF].span)
        b.append(name: [0x58].span, value: [0xFE].span)
        #expect(key(names, a) != key(names, b))
    }
}
