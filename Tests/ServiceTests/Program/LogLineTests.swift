import Core
import Logging
import Testing

@testable import fetch_service

@Suite struct LogLineTests {
    private func line(
        _ level: Logger.Level, _ text: String, session: String? = nil, fields: [(String, String)] = [],
        offset: Int64 = 0
    ) -> String {
        LogLine.format(
            level, text, session: session, fields: fields,
            at: WallTime(rfc3339: "2031-04-05T06:07:08.000123456Z") ?? .now(), offsetFromUTC: offset)
    }

    @Test func linesHaveTheContractsForm() {
        #expect(line(.info, "hello") == "2031/04/05 06:07:08.000123 INFO : hello\n")
        #expect(line(.warning, "x") == "2031/04/05 06:07:08.000123 WARN : x\n")
        #expect(line(.error, "x") == "2031/04/05 06:07:08.000123 ERROR: x\n")
        #expect(line(.debug, "x", offset: -7 * 3600) == "2031/04/04 23:07:08.000123 DEBUG: x\n")
    }

    @Test func linesOfASessionBeginWithItsID() {
        #expect(line(.info, "create strict session", session: "abc").hasSuffix("INFO : [abc] create strict session\n"))
        #expect(line(.info, "x", fields: [("a", "1"), ("b", "2")]).hasSuffix(": x a=1 b=2\n"))
    }

    @Test func textFromOutsideForgesNoLine() {
        let forged = line(.info, "a\n2031/04/05 ERROR: b\u{1b}[31m\u{202e}")
        #expect(forged.split(separator: "\n").count == 1)
        #expect(forged.hasSuffix(": a\\u{a}2031/04/05 ERROR: b\\u{1b}[31m\\u{202e}\n"))
    }
}
