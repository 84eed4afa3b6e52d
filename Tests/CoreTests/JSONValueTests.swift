import Testing

@testable import Core

@Suite struct JSONValueTests {
    @Test(arguments: [
        "null", "true", "-12", "0", "1.5", "\"a\\\"b\\\\c\\n\"", "[]", "[1,[2,{}]]",
        "{\"a\":{\"b\":[null]},\"c\":\"ü<>&\"}",
    ])
    func valuesRoundTrip(_ json: String) throws {
        let value = try JSONValue(parsing: json.utf8)
        #expect(String(decoding: value.json, as: UTF8.self) == json)
    }

    @Test func escapesAreUndone() throws {
        #expect(try JSONValue(parsing: #""\u00e9\ud83d\ude00\/\b\f\ud800x""#.utf8) == "é😀/\u{8}\u{c}\u{fffd}x")
        #expect(try JSONValue(parsing: #""\ud800\u0041""#.utf8) == "\u{fffd}A")
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1.", "-", "1e", "tru", "\"", "\"\\x\"", "\"\n\"", "[1] 2",
        "{1:2}", "\"\\u12g4\"", "nul", "+1", ".5",
    ])
    func whatIsNoJSONIsRefused(_ text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text.utf8) }
    }

    @Test(arguments: [
        ("", "line 1, column 1: expected a value, and there is the end of the text"),
        ("{\n  \"a\": 1\n  \"b\"", "line 3, column 3: expected ',' or '}', and there is '\"'"),
        ("[1,\n]", "line 2, column 1: expected a value, and there is ']'"),
        ("{a}", "line 1, column 2: expected a name in quotes, and there is 'a'"),
        ("[01]", "line 1, column 2: expected a number without a leading zero, and there is '0'"),
        ("[1.]", "line 1, column 4: expected a digit, and there is ']'"),
        ("truu", "line 1, column 1: expected 'true', and there is 't'"),
        ("[1] 2", "line 1, column 5: expected nothing more, and there is '2'"),
        (
            "\"a\nb\"",
            "line 1, column 3: expected an escape such as \\n in place of a control character, and there is the byte 0x0a"
        ),
        ("\"\\x\"", "line 1, column 3: expected one of \"\\/bfnrtu behind a backslash, and there is 'x'"),
        ("\"ü", "line 1, column 4: expected the '\"' that ends a string, and there is the end of the text"),
        ("\u{202e}", "line 1, column 1: expected a value, and there is the byte 0xe2"),
    ])
    func whatIsWrongIsToldWithItsPlace(_ text: String, _ what: String) {
        #expect { try JSONValue(parsing: text.utf8) } throws: {
            "\($0)" == "not JSON in \(what)"
        }
    }

    @Test func nestingIsLimited() throws {
        let deep = { (levels: Int) in
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        _ = try JSONValue(parsing: deep(64).utf8)
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: deep(65).utf8) }
    }

    @Test func everyCutOfADocumentIsRefused() throws {
        let whole = Array(#"{"a":[1,-2.5e3,"x\u0041"],"b":{"c":null}}"#.utf8)
        _ = try JSONValue(parsing: whole)
        for end in whole.indices {
            #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: whole[..<end]) }
        }
    }

    @Test func numbersThatAreTooLargeBecomeFloatingPoint() throws {
        #expect(try JSONValue(parsing: "9223372036854775807".utf8) == .integer(.max))
        #expect(try JSONValue(parsing: "9223372036854775808".utf8) == .number(9_223_372_036_854_775_808))
        #expect(JSONValue.number(.infinity).json == Array("null".utf8))
    }
}
