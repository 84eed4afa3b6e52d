import Foundation
import Testing

@testable import fetchctl

@Suite struct ArtifactTableTests {
    static let digest = String(repeating: "0123456789abcdef", count: 4)

    static let artifacts = [
        RunSummary.Artifact(
            name: "requests", version: "2.32.3", type: "application/x-wheel+zip", size: 64_928, sha256: digest,
            sources: [.network], verdict: "Approved", objections: []),
        RunSummary.Artifact(
            name: "figlet", version: "2.2.5-3", type: "application/vnd.debian.binary-package", size: 1_234_567,
            sha256: String(digest.reversed()), sources: [.network, .cache], verdict: "Rejected", objections: []),
        RunSummary.Artifact(
            name: "index", version: "", type: "text/html", size: 12, sha256: digest, sources: [.shared],
            verdict: "Unknown", objections: []),
    ]

    private func table(_ artifacts: [RunSummary.Artifact] = Self.artifacts, width: Int?, colour: Bool = false) -> String
    {
        ArtifactTable(artifacts, style: TerminalStyle(width: width, hasColour: colour)).lines.joined(separator: "\n")
    }

    static let whole = """
        NAME      VERSION  TYPE                                     SIZE  SHA-256                                                           FROM           VERDICT
        requests  2.32.3   application/x-wheel+zip                 65 kB  0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  network        Approved
        figlet    2.2.5-3  application/vnd.debian.binary-package  1.2 MB  fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210  network+cache  Rejected
        index     -        text/html                                12 B  0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  shared         Unknown
        """

    @Test func aPipeGetsEverythingWhole() {
        #expect(table(width: nil) == Self.whole)
    }

    @Test func aWideTerminalGetsTheSame() {
        #expect(table(width: 200) == Self.whole)
    }

    @Test func aTerminalOfUsualWidthGetsShortDigestsAndTypes() {
        #expect(
            table(width: 100)
                == """
                NAME      VERSION  TYPE                           SIZE  SHA-256        FROM           VERDICT
                requests  2.32.3   x-wheel+zip                   65 kB  0123456789ab…  network        Approved
                figlet    2.2.5-3  vnd.debian.binary-package    1.2 MB  fedcba987654…  network+cache  Rejected
                index     -        html                           12 B  0123456789ab…  shared         Unknown
                """.replacing("package    1.2", with: "package  1.2")
                .replacing("TYPE                           SIZE", with: "TYPE                         SIZE")
                .replacing("x-wheel+zip                   65", with: "x-wheel+zip                 65")
                .replacing("html                           12", with: "html                         12"))
    }

    @Test func aNarrowTerminalLosesTheTypeThenPartsOfNames() {
        var artifacts = Self.artifacts
        artifacts[0].name = "a-package-with-a-very-long-name"
        let lines = table(artifacts, width: 70).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 70 })
        #expect(!lines[0].contains("TYPE"))
        #expect(lines[1].hasPrefix("a-packag"))
        #expect(lines[1].contains("…  2.32.3 "))
    }

    @Test func hostileNamesNeitherControlTheTerminalNorBreakTheColumns() {
        var artifacts = Self.artifacts
        artifacts[0].name = "evil\u{1b}[2J\u{202e}gpj.exe"
        artifacts[0].version = "1\n2\r3\t4"
        artifacts[0].verdict = "App\u{7}roved"
        let lines = table(artifacts, width: nil).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 4)
        #expect(lines[1].hasPrefix("evil\\u{1b}[2J\\u{202e}gpj.exe  1\\u{a}2\\u{d}3\\u{9}4  application"))
        #expect(lines[1].hasSuffix("App\\u{7}roved"))
        let scalars = lines.joined().unicodeScalars
        #expect(!scalars.contains { $0.value < 0x20 || $0.value == 0x202e })
        // Every line's verdict begins in the same column.
        let column = lines[0].range(of: "VERDICT").map {
            lines[0].distance(from: lines[0].startIndex, to: $0.lowerBound)
        }
        let second = lines[2].range(of: "Rejected").map {
            lines[2].distance(from: lines[2].startIndex, to: $0.lowerBound)
        }
        #expect(column == second)
    }

    @Test func wideCharactersKeepTheColumnsAligned() {
        var artifacts = Self.artifacts
        artifacts[0].name = "日本語"
        let lines = table(artifacts, width: nil).split(separator: "\n")
        #expect(lines[1].hasPrefix("日本語  2.32.3 "))
        #expect(lines[2].hasPrefix("figlet  2.2.5-3"))
    }

    @Test func coloursStandOnlyAroundTheTextAndOnlyWhenWanted() {
        let coloured = table(width: nil, colour: true)
        #expect(coloured.contains("\u{1b}[32mApproved\u{1b}[0m"))
        #expect(coloured.contains("\u{1b}[31mRejected\u{1b}[0m"))
        #expect(!table(width: nil).contains("\u{1b}"))
        let bare = coloured.replacing(/\u{1b}\[[0-9]+m/, with: "")
        #expect(bare == Self.whole)
    }

    @Test func noArtifactsNoTable() {
        #expect(table([], width: 80) == "")
    }
}

@Suite struct SummaryTextTests {
    private func text(_ summary: RunSummary) -> String {
        SummaryText(summary: summary, style: .plain).lines.joined(separator: "\n")
    }

    @Test func totalsNameWhatCameFromWhere() {
        var summary = RunSummary()
        summary.artifacts = ArtifactTableTests.artifacts
        summary.bytesFromNetwork = 1_300_000
        summary.bytesFromCache = 12
        summary.savedNanoseconds = 3_200_000_000
        summary.otherAnswers = [404: 2, 301: 1]
        #expect(
            text(summary).hasSuffix(
                """

                3 artifacts, 1.3 MB: 1.3 MB from the network, 12 B from the cache, 3.2 s saved
                3 other answers: 1 × 301, 2 × 404
                """))
        summary.savedNanoseconds = nil
        #expect(!text(summary).contains("saved"))
    }

    @Test func anEmptySessionSaysSo() {
        #expect(text(RunSummary()) == "Nothing was downloaded.")
    }

    @Test func problemsAreListedWithTheirReasonsEscapedAndBounded() {
        var summary = RunSummary()
        summary.problems = (0..<25).map {
            .init(kind: "refused", url: "http://\($0).example/\u{1b}", reason: "no\nclaim")
        }
        summary.incompleteness = "the machine was restarted"
        let lines = text(summary).split(separator: "\n")
        #expect(lines[0] == "refused http://0.example/\\u{1b}: no\\u{a}claim")
        #expect(lines[20] == "… and 5 more; see the report")
        #expect(lines.last == "The record is incomplete: the machine was restarted")
    }

    @Test func whatWasTriedAgainStandsThereOnce() {
        var summary = RunSummary()
        let (one, other) = ("http://a.example/", "http://b.example/")
        summary.problems = [one, other, one, one].map { .init(kind: "failed", url: $0, reason: "no answer") }
        #expect(
            text(summary).split(separator: "\n").prefix(2) == [
                "failed http://a.example/: no answer (3 times)", "failed http://b.example/: no answer",
            ])
    }

    @Test func rejectedArtifactsShowWhoObjected() {
        var summary = RunSummary()
        summary.artifacts = [ArtifactTableTests.artifacts[1]]
        summary.artifacts[0].objections = ["deb: not signed"]
        #expect(text(summary).contains("\nrejected figlet: deb: not signed\n"))
    }
}

@Suite struct QuantityTests {
    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1049, "1.0 kB"), (1050, "1.1 kB"), (9949, "9.9 kB"),
        (9950, "10 kB"), (133_000, "133 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (1_234_567, "1.2 MB"),
        (2_000_000_000, "2.0 GB"), (Int64.max, "9.2 EB"),
    ])
    func sizesHaveAFewDigits(_ bytes: Int64, _ text: String) {
        #expect(Quantity.size(bytes) == text)
    }

    @Test(arguments: [
        (0, "0.0 s"), (450_000_000, "0.5 s"), (9_949_000_000, "9.9 s"), (12_400_000_000, "12 s"),
        (185_000_000_000, "3 min 5 s"), (7_620_000_000_000, "2 h 7 min"),
    ])
    func timesToo(_ nanoseconds: Int64, _ text: String) {
        #expect(Quantity.time(nanoseconds: nanoseconds) == text)
    }
}

@Suite struct ProgressLineTests {
    @Test func itTellsTimeAndRequests() {
        #expect(ProgressLine.text(elapsed: .milliseconds(2900), exchanges: nil) == "fetchctl: 2 s")
        #expect(ProgressLine.text(elapsed: .seconds(65), exchanges: 1) == "fetchctl: 1 min 5 s, 1 request")
    }

    @Test func theLastRowIsTakenAndGivenBackAndTheCursorStays() {
        #expect(ProgressLine.reserve(rows: 24) == "\u{1b}D\u{1b}7\u{1b}[1;23r\u{1b}8\u{1b}[1A")
        #expect(ProgressLine.drawn("x", row: 24) == "\u{1b}7\u{1b}[24;1H\u{1b}[2Kx\u{1b}8")
        #expect(ProgressLine.released(rows: 24) == "\u{1b}7\u{1b}[24;1H\u{1b}[2K\u{1b}[1;24r\u{1b}8")
    }

    @Test func aPipeGetsNone() {
        #expect(ProgressLine(on: -1, environment: ProcessEnvironment(["TERM": "xterm"])) == nil)
    }
}
