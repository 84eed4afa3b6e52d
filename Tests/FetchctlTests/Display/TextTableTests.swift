import Testing

@testable import fetchctl

@Suite struct TextTableTests {
    private static let columns: [TextTable.Column] = [
        .init(title: "URL", least: 10), .init(title: "SIZE", isRight: true), .init(title: "STATE", rank: 1),
        .init(title: "MORE", rank: 2),
    ]

    private func table(width: Int?, hasColour: Bool = false) -> TextTable {
        TextTable(
            Self.columns,
            [
                [.init("https://a.example/long/漢字/path"), .init("12 MB"), .init("fresh", .green), .init("x")],
                [.init("b"), .init("1 B"), .init(""), .init("yes")],
            ], style: TerminalStyle(width: width, hasColour: hasColour))
    }

    private func text(_ table: TextTable) -> String { ([table.titles] + table.lines).joined(separator: "\n") }

    @Test func aPipeGetsEverything() {
        #expect(
            text(table(width: nil)) == """
                URL                                SIZE  STATE  MORE
                https://a.example/long/漢字/path  12 MB  fresh  x
                b                                   1 B  -      yes
                """)
    }

    @Test func aTerminalGetsWhatFits() {
        for width in 1...80 {
            let lines = text(table(width: width)).split(separator: "\n").map(String.init)
            // URL and size stay, cut as far as it goes.
            let least = 10 + 2 + 5
            for line in lines { #expect(DisplayWidth.of(line) <= max(width, least), "\(width): \(line)") }
            #expect(lines[1].contains("12 MB"))
            #expect(lines[0].contains("STATE") == (width >= least + 7), "\(width)")
            #expect(lines[0].contains("MORE") == (width >= least + 13), "\(width)")
        }
    }

    @Test func urlsAreCutInTheirMiddle() {
        #expect(DisplayWidth.cutInside("https://a.example/long/path/file.deb", to: 20) == "https:…path/file.deb")
        #expect(DisplayWidth.cutInside("漢字漢字漢字漢字", to: 9) == "漢…字漢字")
        for width in 0...12 {
            let cut = DisplayWidth.cutInside("abcdefghijkl", to: width)
            #expect(DisplayWidth.of(cut) <= width && (width < 12 || cut == "abcdefghijkl"))
        }
    }

    @Test func whatColumnsLeaveBehindGoesToThoseThatWereCut() {
        let table = TextTable(
            [.init(title: "A", least: 4), .init(title: "B", rank: 1)],
            [[.init("0123456789"), .init("0123456789")]], style: TerminalStyle(width: 12, hasColour: false))
        #expect(table.lines == ["0123456789"])
    }

    @Test func lookIsOfTheCellAlone() {
        #expect(table(width: nil, hasColour: true).lines[0].contains("\u{1b}[32mfresh\u{1b}[0m  x"))
        #expect(!table(width: nil, hasColour: true).plainLine(0).contains("\u{1b}"))
        #expect(table(width: nil, hasColour: true).titles.contains("\u{1b}[1m"))
    }

    @Test func withoutRowsThereAreTitles() {
        let table = TextTable(Self.columns, [], style: .plain)
        #expect(table.titles == "URL  SIZE  STATE  MORE" && table.lines.isEmpty)
    }
}
