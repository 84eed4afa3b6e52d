import Core
import Foundation
import Logging
import Platform
import PlatformTesting
import Testing

@testable import fetch_service

@Suite struct LogJSONTests {
    private func members(_ line: String) throws -> [String: String] {
        try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
    }

    @Test func linesAreObjectsWithWhatTheContractsLinesSay() throws {
        let line = LogJSON.format(
            .warning, "hello", session: "abc", fields: [("a", "1"), ("level", "forged")],
            at: WallTime(rfc3339: "2031-04-05T06:07:08.000123456Z") ?? .now())
        #expect(line.hasPrefix("{\"time\":\"2031-04-05T06:07:08.000123456Z\",\"level\":\"warning\","))
        #expect(line.hasSuffix("}\n"))
        let wanted = ["time", "level", "message", "session", "a"]
        let members = try members(line)
        #expect(Set(members.keys) == Set(wanted))
        #expect(members["message"] == "hello" && members["session"] == "abc" && members["a"] == "1")
        #expect(members["level"] == "warning")
    }

    @Test(
        arguments: [
            (.trace, "debug"), (.debug, "debug"), (.info, "info"), (.notice, "info"), (.warning, "warning"),
            (.error, "error"), (.critical, "error"),
        ] as [(Logger.Level, String)])
    func levelsHaveTheNamesOfTheSetting(level: Logger.Level, name: String) throws {
        #expect(try members(LogJSON.format(level, "x", at: .now()))["level"] == name)
    }

    @Test func textFromOutsideForgesNoLineAndNoMember() throws {
        let line = LogJSON.format(.info, "a\n\"},{\"level\":\"error\u{1b}[31m\u{202e}", at: .now())
        #expect(line.split(separator: "\n").count == 1)
        #expect(!line.contains("\u{1b}") && !line.contains("\u{202e}"))
        #expect(try members(line)["message"] == "a\\u{a}\"},{\"level\":\"error\\u{1b}[31m\\u{202e}")
    }

    @Test func formFileAndMeasureChangeWhileItIsWritten() throws {
        let folder = try TemporaryFolder.configured()
        let destination = try LogDestination(path: folder.file("one"))
        let log = Logger(destination: destination)
        log.info("as text")
        log.debug("not at all")
        try destination.change(path: folder.file("two"), format: .json, verbosity: .debug)
        log.debug("as JSON", metadata: ["session": "abc"])
        #expect(folder.text("one").hasSuffix("INFO : as text\n") && !folder.text("one").contains("not at all"))
        #expect(try members(folder.text("two"))["session"] == "abc")
        #expect(throws: SystemError.self) {
            try destination.change(path: folder.file("no/such"), format: .text, verbosity: .error)
        }
        log.debug("still there")
        #expect(folder.text("two").split(separator: "\n").count == 2)
    }
}
