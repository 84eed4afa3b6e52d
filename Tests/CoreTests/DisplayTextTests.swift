import Core
import Testing

@Suite struct DisplayTextTests {
    @Test func harmfulCharactersOfJSONBecomeEscapesOfTheSameJSON() throws {
        let value: JSONValue = ["a": "plain ü 漢\n\t", "b": "\u{202e}\u{1b}[31m\u{9b}\u{feff}\u{e0041}"]
        let json = String(decoding: value.json, as: UTF8.self)
        let shown = escapedForDisplay(json: json)
        #expect(shown.contains("plain ü 漢") && shown.contains(#"\u202e"#) && shown.contains(#"\udb40\udc41"#))
        #expect(!shown.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x9b || $0.value == 0x202e })
        #expect(try JSONValue(parsing: Array(shown.utf8)) == value)
    }

    @Test func indentedJSONKeepsItsLines() {
        let json = "{\n\t\"a\": [\n\t\t1\n\t]\n}"
        #expect(escapedForDisplay(json: json) == json)
    }
}
