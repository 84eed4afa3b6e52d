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

    @Test func `RFC 9111 section 4.1: other requests get other variants`() {
        let names = ["accept", "x"]
        let keys = [
            Fields(), fields(("Accept", "")), fields(("Accept", "a")), fields(("Accept", "A")),
            fields(("Accept", "b, a")),
            fields(("Accept", "a, b")), fields(("X", "a")), fields(("X", "a,b")), fields(("X", "a, b")),
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
