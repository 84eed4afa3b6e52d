import Testing

@testable import Control

@Suite struct JSONDocumentTests {
    private func read(_ text: String) throws(JSONSyntaxError) -> JSONDocument {
        try JSONDocument(firstIn: Array(text.utf8))
    }

    @Test func valuesAreRead() throws {
        #expect(try read(" null ") == .null)
        #expect(try read("true") == .bool(true))
        #expect(try read("-1.5e+3 x") == .number("-1.5e+3"))
        #expect(try read(#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#) == .string("a\"\\/\u{8}\u{c}\n\r\té😀é"))
        #expect(
            try read(#"[1, [], {"a": {}}]"#)
                == .list([
                    .number("1"), .list([]), .object([.init(name: "a", value: .object([]), source: Array("{}".utf8))]),
                ]))
    }

    @Test func membersKeepTheirBytes() throws {
        guard case .object(let members) = try read(#"{ "a" : [ 1,2 ] , "b":"x"}"#) else { return }
        #expect(members.map { String(decoding: $0.source, as: UTF8.self) } == ["[ 1,2 ]", "\"x\""])
    }

    @Test(arguments: [
        "", " ", "{", "[", "\"", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "[1", "[1,", "tru", "-", "1.", "1e",
        "\"\\", "\"\\u12",
    ])
    func whatStopsTooEarlySaysSo(text: String) {
        #expect { try read(text) } throws: { "\($0)".contains("EOF") }
    }

    @Test(arguments: [
        "}", "{a:1}", "{1:2}", "[1 2]", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "truX", "+1", ".5", "\"\u{1}\"",
        "\"\\x\"", "\"\\uD800\"", "\"\\uD800\\u0041\"", "\"\\uzzzz\"",
    ])
    func whatIsNoJSONIsRefused(text: String) {
        #expect(throws: JSONSyntaxError.self) { try read(text) }
    }

    @Test func bytesThatAreNoTextAreRefused() {
        #expect(throws: JSONSyntaxError.self) { try JSONDocument(firstIn: [0x22, 0xff, 0x22]) }
    }

    @Test func nestingIsBounded() throws {
        _ = try read(String(repeating: "[", count: 60) + String(repeating: "]", count: 60))
        #expect(throws: JSONSyntaxError.self) { try read(String(repeating: "[", count: 100_000)) }
    }
}
