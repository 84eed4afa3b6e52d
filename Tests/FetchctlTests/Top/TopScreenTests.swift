import Core
import Testing

@testable import fetchctl

@Suite struct TopScreenTests {
    private func model(sessions: Int, transfers: Int) -> TopModel {
        var model = TopModel()
        model.take(
            TopSample.snapshot(
                (0..<sessions).map { TopSample.session("session\($0)", age: Int64(1000 - $0), name: "build \($0)") },
                (0..<transfers).map {
                    TopSample.transfer(
                        "session0", "https://a.example/\($0)/" + String(repeating: "漢", count: 90), delivered: 50,
                        size: 100)
                }))
        return model
    }

    private func lines(
        _ model: TopModel, rows: Int = 30, columns: Int = 100, hasColour: Bool = false
    ) -> [String] {
        TopScreen(
            model: model, place: "http://127.0.0.1:9999", style: TerminalStyle(width: columns, hasColour: hasColour)
        ).lines(rows: rows)
    }

    @Test func itFitsIntoTerminalsOfAnySize() {
        for (sessions, transfers) in [(0, 0), (1, 0), (1, 30), (30, 0), (20, 20), (0, 5)] {
            for rows in [1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 16, 25, 40] {
                for columns in [1, 20, 40, 79, 200] {
                    for isDetailed in [false, true] {
                        var model = model(sessions: sessions, transfers: transfers)
                        if isDetailed { _ = model.press(.enter, page: 1) }
                        let lines = lines(model, rows: rows, columns: columns)
                        #expect(lines.count == rows, "\(sessions) \(transfers) \(rows)×\(columns)")
                        // What cannot be cut further is cut by the terminal, which does not wrap.
                        let widest = lines.map { DisplayWidth.of($0) }.max() ?? 0
                        #expect(columns < 40 || widest <= columns, "\(rows)×\(columns): \(widest)")
                    }
                }
            }
        }
    }

    @Test(arguments: [(60, 32), (80, 32), (120, 66)])
    func whatIsTransferredKeepsItsRoom(columns: Int, least: Int) throws {
        let row = try #require(
            lines(model(sessions: 1, transfers: 1), columns: columns).first { $0.hasPrefix("  https://") })
        let name = row.dropFirst(2).split(separator: "  ").first ?? ""
        #expect(DisplayWidth.of(String(name)) >= least - 1, "\(row)")
        #expect(row.contains("50 %"))
    }

    @Test func sessionsAndTransfersShareTheRoom() {
        let text = lines(model(sessions: 100, transfers: 100), rows: 30)
        #expect(text.count { $0.contains("session") && $0.contains("build") } == 12)
        #expect(text.contains { $0.contains("TRANSFER") } && text.contains { $0.hasPrefix("  … and ") })
        let few = lines(model(sessions: 2, transfers: 100), rows: 30)
        #expect(few.count { $0.contains("https://") } == 20)
        let alone = lines(model(sessions: 100, transfers: 0), rows: 30)
        #expect(alone.count { $0.contains("build") } == 25)
    }

    @Test func theSelectedSessionIsAlwaysOnTheScreen() {
        var model = model(sessions: 100, transfers: 10)
        for _ in 0..<40 {
            let selected = lines(model).filter { $0.hasPrefix("> ") }
            #expect(selected.count == 1 && selected[0].contains(model.selected ?? "?"))
            _ = model.press(.down, page: 1)
        }
    }

    @Test func detailsShowWhatIsKnownOfASession() {
        var model = model(sessions: 2, transfers: 1)
        _ = model.press(.enter, page: 1)
        let text = lines(model).joined(separator: "\n")
        for part in [
            "session0", "build 0", "active, strict", "2031-04-05T06:07:08Z", "1 refused and 2 failed", "label arch",
            "amd64", "delivering", "50 %", "100 B",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(!text.contains("session1"))
    }

    @Test func textFromOutsideIsHarmless() {
        var model = TopModel()
        let evil = "\u{1b}[2J\u{202e}\r\n\u{9b}"
        model.take(
            TopSample.snapshot(
                [TopSample.session("a", name: evil)], [TopSample.transfer("a", "http://x.example/" + evil)]))
        for isDetailed in [false, true] {
            if isDetailed { _ = model.press(.enter, page: 1) }
            for line in lines(model) + [lines(model).joined()] {
                #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x9b || $0.value == 0x202e })
            }
        }
        model.problem = "gone" + evil
        #expect(lines(model)[1].contains("gone\\u{1b}"))
    }

    @Test func aServiceThatDoesNotAnswerIsToldAboveTheLastThingItShowed() {
        var model = model(sessions: 1, transfers: 0)
        model.problem = "cannot reach the service"
        let text = lines(model)
        #expect(text[1].contains("cannot reach the service  (shown: 06:08:08 UTC)"))
        #expect(text.contains { $0.contains("session0") })
        #expect(lines(TopModel())[1] == "asking the service …")
    }

    @Test func coloursCanBeWithout() {
        #expect(lines(model(sessions: 1, transfers: 1)).allSatisfy { !$0.contains("\u{1b}") })
        #expect(
            lines(model(sessions: 1, transfers: 1), hasColour: true).contains { $0.contains("\u{1b}[7m> session0") })
    }

    @Test func aPipeGetsOneWholeReport() {
        let screen = TopScreen(model: model(sessions: 2, transfers: 1), place: "x", style: .plain)
        #expect(screen.report.count == 6)
        #expect(screen.report[0].hasPrefix("SESSION") && screen.report[4].hasPrefix("TRANSFER"))
        #expect(screen.report[5].contains(String(repeating: "漢", count: 90)))
    }
}
