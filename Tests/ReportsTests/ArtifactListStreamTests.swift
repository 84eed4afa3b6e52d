import Core
import FoundationEssentials
import ReportModel
import Storage
import Testing

@testable import Reports

@Suite struct ArtifactListStreamTests {
    private let records = ListedRecords()

    private func text() throws -> String {
        let session = SessionRow(
            id: try #require(SessionID("s1")), policy: .strict, created: WallTime(seconds: 2_000_000_000), timeout: 60,
            tokenHash: digest(0), redactionKey: [])
        let context = ReportContext(
            version: "1", inspectors: [], spoolPath: "/spool", sha1: { _, _ in .known("abc", read: 0) })
        var stream = ArtifactListStream(session: session, records: records, context: context)
        var bytes: [UInt8] = []
        while let piece = try stream.next() {
            // Whole text in each piece.
            #expect(String(validating: piece, as: UTF8.self) != nil)
            bytes += piece
        }
        #expect(try stream.next() == nil)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func digest(_ number: UInt64) -> SHA256Digest { SHA256Digest(words: (number, 0, 0, number)) }

    private func add(_ category: ExchangeRow.Category, _ number: UInt64?) throws {
        records.rows.append(
            ExchangeRow(
                session: try #require(SessionID("s1")), number: Int64(records.rows.count + 1), category: category,
                digest: number.map(digest), size: 7, delivered: 7,
                download: Array("{\"url\":\"https://a.example/ü\"}".utf8)))
    }

    @Test func nothingIsAnEmptyList() throws { #expect(try text() == "[]") }

    @Test func everyArtifactStandsThereOnceAndNothingElse() throws {
        for number in [1, 2, 1, 3] as [UInt64] { try add(.artifact, number) }
        try add(.response, nil)
        try add(.failure, 9)
        let artifacts = try JSONDecoder().decode([ReportedArtifact].self, from: Data(try text().utf8))
        #expect(artifacts.map(\.metadata.sha256) == [1, 2, 3].map { digest($0).hex })
        #expect(artifacts.map(\.downloads.count) == [2, 1, 1])
        #expect(artifacts[0].downloads[0].url == "https://a.example/ü" && artifacts[0].result == "Unknown")
    }

    @Test func itIsIndented() throws {
        try add(.artifact, 1)
        #expect(try text().hasPrefix("[\n\t{\n\t\t\"artifact-metadata-version\": \"0.3\",\n"))
        #expect(try text().hasSuffix("\n\t}\n]"))
    }

    @Test func manyAreReadPageByPage() throws {
        for number in 1...450 { try add(.artifact, UInt64(number)) }
        let artifacts = try JSONDecoder().decode([ReportedArtifact].self, from: Data(try text().utf8))
        #expect(artifacts.count == 450 && records.longestPage <= 200)
    }

    @Test func anErrorOfTheRecordEndsIt() throws {
        try add(.artifact, 1)
        records.failsAtPage = 2
        #expect(throws: StoreError.self) { try text() }
    }
}
