import Testing
import Wire

@Suite struct StructuredFieldTests {
    private func item(_ text: String) -> BareItem? { try? StructuredParser.item(Array(text.utf8)).value }

    private func parameters(_ pairs: (String, BareItem)...) -> StructuredParameters {
        var out = StructuredParameters()
        for (key, value) in pairs { out[key] = value }
        return out
    }

    @Test(
        arguments: [
            ("42", .integer(42)), ("-42", .integer(-42)), ("-0", .integer(0)), ("00", .integer(0)),
            ("999999999999999", .integer(999_999_999_999_999)), ("  5  ", .integer(5)),
            ("4.5", .decimal(thousandths: 4500)), ("-0.125", .decimal(thousandths: -125)),
            ("123456789012.1", .decimal(thousandths: 123_456_789_012_100)),
            ("\"hello world\"", .string("hello world")), ("\"\"", .string("")), ("\"a\\\"b\\\\c\"", .string("a\"b\\c")),
            ("foo123/456", .token("foo123/456")), ("*x:y~", .token("*x:y~")), ("A", .token("A")),
            (":cHJldGVuZCB0aGlzIGlzIGJpbmFyeSBjb250ZW50Lg==:", .bytes(Array("pretend this is binary content.".utf8))),
            ("::", .bytes([])), (":aGk:", .bytes([0x68, 0x69])), (":aGl=:", .bytes([0x68, 0x69])),
            ("?1", .boolean(true)), ("?0", .boolean(false)),
            ("@1659578233", .date(1_659_578_233)), ("@-1", .date(-1)),
            (
                "%\"This is intended for display to %c3%bcsers.\"",
                .displayString("This is intended for display to üsers.")
            ),
            ("%\"%25%22\"", .displayString("%\"")),
        ] as [(String, BareItem)])
    func `RFC 9651 sections 3.3 and 4.2.3: items`(text: String, value: BareItem) { #expect(item(text) == value) }

    @Test(arguments: [
        "", " ", "-", "--1", "1.", ".1", "1.1234", "1234567890123.1", "1000000000000000", "+1", "1 2", "1,2", "\"",
        "\"a",
        "\"a\\n\"", "\"\u{7F}\"", "\"é\"", "'a'", "é", ":a:", ":a", ":YQ===:", ":Y Q:", ":YQ==YQ==:", ":=:", "?", "?2",
        "?true", "@", "@1.5", "@x", "%\"", "%a", "%\"%C3%BC\"", "%\"%c3\"", "%\"%\"", "%\"a", "/a", ":-:", "1;", "1;=2",
        "1;A=2", "1;a=", "\ta", "(1)", "a b",
    ])
    func `RFC 9651 section 4.2: everything else is an error`(text: String) { #expect(item(text) == nil) }

    @Test func `RFC 9651 section 3.1.2: parameters, where the last of a key counts in the first place`() throws {
        let parsed = try StructuredParser.item(Array("abc;a=1;b=2; cde_456;b=?0;*-._9=\"x\"".utf8))
        #expect(parsed.value == .token("abc"))
        #expect(
            parsed.parameters
                == parameters(
                    ("a", .integer(1)), ("b", .boolean(false)), ("cde_456", .boolean(true)), ("*-._9", .string("x"))))
        #expect(parsed.parameters["b"] == .boolean(false) && parsed.parameters["none"] == nil)
    }

    @Test func `RFC 9651 sections 3.1 and 3.1.1: lists and inner lists, over several lines`() throws {
        let lines = fields(("X", "sugar, (\"foo\" \"bar\";a );lvl=5"), ("Y", "no"), ("x", "( ) ,\trum"))
        let list = try StructuredParser.list(lines, "x")
        #expect(
            list == [
                .item(StructuredItem(.token("sugar"))),
                .innerList(
                    [
                        StructuredItem(.string("foo")),
                        StructuredItem(.string("bar"), parameters: parameters(("a", .boolean(true)))),
                    ], parameters: parameters(("lvl", .integer(5)))),
                .innerList([], parameters: parameters()), .item(StructuredItem(.token("rum"))),
            ])
        #expect(try StructuredSerialiser.list(list) == "sugar, (\"foo\" \"bar\";a);lvl=5, (), rum")
        #expect(try StructuredParser.list(Fields(), "x").isEmpty)
    }

    @Test(arguments: ["a,", ",a", "a,,b", "a b", "(a", "(a,b)", "(a\tb)", "a;", "()(", "(a)b", "(\"a\"\"b\")"])
    func `RFC 9651 section 4.2.1: malformed lists are errors as a whole`(text: String) {
        #expect(throws: StructuredFieldError.self) { try StructuredParser.list(Array(text.utf8)) }
    }

    @Test func `RFC 9651 section 3.2: dictionaries`() throws {
        let text = "en=\"Applepie\", a, b;x=1, c=(1 2);y, a=?0;z"
        let parsed = try StructuredParser.dictionary(Array(text.utf8))
        #expect(parsed.entries.map(\.key) == ["en", "a", "b", "c"])
        #expect(parsed["b"] == .item(StructuredItem(.boolean(true), parameters: parameters(("x", .integer(1))))))
        #expect(try StructuredSerialiser.dictionary(parsed) == "en=\"Applepie\", a=?0;z, b;x=1, c=(1 2);y")
        for bad in ["a=", "A=1", "a=1,", "a 1", "1=a", "a=1 b=2", ",a", "=1"] {
            #expect(throws: StructuredFieldError.self, "\(bad)") { try StructuredParser.dictionary(Array(bad.utf8)) }
        }
    }

    @Test func `RFC 9651 section 3: what every parser must take is taken, more is not`() throws {
        func list(_ count: Int) -> [UInt8] { Array([String](repeating: "a", count: count).joined(separator: ",").utf8) }
        #expect(try StructuredParser.list(list(1024)).count == 1024)
        #expect(throws: StructuredFieldError.self) { try StructuredParser.list(list(1025)) }
        func keys(_ count: Int) -> [UInt8] { Array((0..<count).map { "k\($0)" }.joined(separator: ",").utf8) }
        #expect(try StructuredParser.dictionary(keys(1024)).entries.count == 1024)
        #expect(throws: StructuredFieldError.self) { try StructuredParser.dictionary(keys(1025)) }
        func inner(_ count: Int) -> [UInt8] {
            Array(("(" + [String](repeating: "1", count: count).joined(separator: " ") + ")").utf8)
        }
        #expect(try StructuredParser.list(inner(256)).count == 1)
        #expect(throws: StructuredFieldError.self) { try StructuredParser.list(inner(257)) }
        func many(_ count: Int) -> [UInt8] { Array(("a" + (0..<count).map { ";p\($0)" }.joined()).utf8) }
        #expect(try StructuredParser.item(many(256)).parameters.pairs.count == 256)
        #expect(throws: StructuredFieldError.self) { try StructuredParser.item(many(257)) }
        func key(_ count: Int) -> [UInt8] { Array(String(repeating: "k", count: count).utf8) }
        #expect(try StructuredParser.dictionary(key(64)).entries.count == 1)
        #expect(throws: StructuredFieldError.self) { try StructuredParser.dictionary(key(65)) }
    }

    @Test(
        arguments: [
            (.integer(-5), "-5"), (.decimal(thousandths: 1500), "1.5"), (.decimal(thousandths: -125), "-0.125"),
            (.decimal(thousandths: 2000), "2.0"), (.decimal(thousandths: 1010), "1.01"),
            (.string("a\"b\\"), "\"a\\\"b\\\\\""),
            (.token("a/b"), "a/b"), (.bytes([0x68, 0x69]), ":aGk=:"), (.boolean(false), "?0"), (.date(-1), "@-1"),
            (.displayString("ü%\"\n"), "%\"%c3%bc%25%22%0a\""),
        ] as [(BareItem, String)])
    func `RFC 9651 section 4.1: items are written`(value: BareItem, text: String) throws {
        #expect(try StructuredSerialiser.item(StructuredItem(value)) == text)
        #expect(item(text) == value)
    }

    @Test(
        arguments: [
            .integer(1_000_000_000_000_000), .integer(.min), .decimal(thousandths: .max), .string("é"), .string("\n"),
            .token(""), .token("1a"), .token("a b"), .date(.max),
        ] as [BareItem])
    func `RFC 9651 section 4.1: what has no form is an error`(value: BareItem) {
        #expect(throws: StructuredFieldError.self) { try StructuredSerialiser.item(StructuredItem(value)) }
        #expect(throws: StructuredFieldError.self) {
            try StructuredSerialiser.item(StructuredItem(.integer(1), parameters: parameters(("A", .integer(1)))))
        }
    }
}
