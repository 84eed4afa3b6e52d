import Testing
import Wire

@Suite struct FieldsTests {
    @Test func `order and case are kept, names compare without case`() {
        var f = fields(("B", "1"), ("a", "2"), ("b", "3"))
        #expect(f.all("B") == ["1", "3"])
        #expect(f.first("A") == "2")
        #expect(f.contains("b") && !f.contains("c"))
        #expect(f.count(of: "b") == 2)
        f.set("b", "4")
        #expect(f == fields(("a", "2"), ("b", "4")))
        f.remove("A")
        #expect(f.count == 1 && f.description == "b: 4\r\n")
        #expect(f != fields(("b", "5")) && f != fields(("c", "4")) && f == fields(("B", "4")))
    }

    @Test func `removed lines leave the others as they were`() {
        var f = fields(("A", "1"), ("B", "2"), ("C", "3"), ("D", "4"))
        f.remove("b")
        f.append("E", "5")
        #expect(f.description == "A: 1\r\nC: 3\r\nD: 4\r\nE: 5\r\n")
        #expect(f.serialisedSize == f.description.utf8.count)
        f.removeAll(named: ["a", "e"])
        #expect(f.description == "C: 3\r\nD: 4\r\n")
    }

    @Test func `no value can make a second line`() throws {
        let f = fields(("X", " a\r\nEvil: 1\0 \t"))
        #expect(f.description == "X: a  Evil: 1\r\n")
        let head = RequestHead(method: "GET", target: "/", version: .http10, fields: f)
        #expect(try HeadParser.request(bytes(head).span) == head)
        #expect(!Fields.isValidValue("a\nb") && Fields.isValidValue("a\tb\u{E9}"))
        #expect(!Fields.isValidName("") && !Fields.isValidName("a b") && Fields.isValidName("x-A_1~"))
    }

    @Test func `a name that is no token is a broken promise of the caller`() async {
        await #expect(processExitsWith: .failure) {
            var f = Fields()
            f.append("bad name", "x")
        }
    }

    @Test(arguments: [
        ("a, b,c", ["a", "b", "c"]),
        (" , a ,, ", ["a"]),
        ("\"x,y\", z", ["\"x,y\"", "z"]),
        ("\"x\\\",y\", z", ["\"x\\\",y\"", "z"]),
        ("\"open, z", ["\"open, z"]),
        ("a\\,b", ["a\\", "b"]),
        ("", []),
    ]) func `lists split at commas outside of quotes`(value: String, members: [String]) {
        #expect(fields(("L", value)).list("l") == members)
    }

    @Test func `lists span lines and tokens compare without case`() {
        let f = fields(("Connection", "Keep-Alive"), ("X", "y"), ("connection", "x-a, CLOSE"))
        #expect(f.list("Connection") == ["Keep-Alive", "x-a", "CLOSE"])
        #expect(f.hasToken("connection", "close") && !f.hasToken("connection", "x"))
        #expect(f.hasValue("x", "Y"))
    }

    @Test func `bytes that are no UTF-8 survive`() throws {
        var f = Fields()
        let raw: [UInt8] = [0xFF, 0x41, 0x80]
        f.append(name: Array("X".utf8).span, value: raw.span)
        #expect(f.withFirst("x") { $0.count == 3 && $0[0] == 0xFF && $0[2] == 0x80 } == true)
        var seen: [(String, Int)] = []
        f.forEachRaw { name, value in seen.append((String(name.count), value.count)) }
        #expect(seen.count == 1 && seen[0] == ("1", 3))
        var other = Fields()
        other.append(name: Array("X".utf8).span, value: [0xFE, 0x41, 0x80].span)
        #expect(f != other)
    }
}
