import Core
import GRDB
import Storage
import Testing

@testable import SQLiteCatalog

/// Chunks of exchanges: what is written is read, and what is damaged is told.
@Suite struct RecordChunkTests {
    private let session: SessionID

    init() throws { session = try #require(SessionID("a")) }

    private func items(_ count: Int64, from first: Int64 = 1) -> [RecordChunk.Item] {
        (first..<first + count).map { number in
            let category = ExchangeRow.Category.allCases[Int(number) % 4]
            let results: [ExchangeRow.Result?] = [nil, .unknown, .rejected, .approved]
            return RecordChunk.Item(
                row: ExchangeRow(
                    session: session, number: number, category: category,
                    digest: number % 3 == 0 ? nil : SHA256Digest(words: (UInt64(number), 1, 2, .max)),
                    size: number << 33,
                    delivered: number, isTruncated: number % 5 == 0, result: results[Int(number / 4) % 4],
                    download: Array(repeating: UInt8(number), count: Int(number) * 7),
                    judgement: Array("judgement \(number)".utf8)),
                isFirst: category == .artifact && number % 8 == 0)
        }
    }

    @Test("What is written is read, alone and with others", arguments: [1, 2, 17, 64] as [Int64])
    func roundTrip(_ count: Int64) throws {
        let chunk = RecordChunk(items: items(count, from: 90))
        let read = try RecordChunk(Array(chunk.encoded()), session: session, first: 90, count: count)
        #expect(read.items.map(\.row) == chunk.items.map(\.row))
        #expect(read.items.map(\.isFirst) == chunk.items.map(\.isFirst))
        #expect(read.others == chunk.others && read.unconcluded == chunk.unconcluded && read.firsts == chunk.firsts)
    }

    @Test("Exchanges that are alike take little more room than one")
    func packed() throws {
        let text = Array("https://a.example/some/path/to/a/file and what was said of it".utf8)
        let row = ExchangeRow(session: session, number: 1, category: .artifact, download: text + text, judgement: text)
        let item = RecordChunk.Item(row: row, isFirst: false)
        let one = RecordChunk(items: [item]).encoded().count
        #expect(RecordChunk(items: Array(repeating: item, count: 64)).encoded().count < one * 3)
    }

    @Test("Every damaged or shortened chunk is an error or reads as something, and never crashes")
    func damage() throws {
        let whole = Array(RecordChunk(items: items(9)).encoded())
        for end in 0..<whole.count {
            #expect(throws: DatabaseError.self, "cut at \(end)") {
                _ = try RecordChunk(Array(whole[..<end]), session: session, first: 1, count: 9)
            }
        }
        for count in [0, -1, 8, 10, 65, .max] as [Int64] {
            #expect(throws: DatabaseError.self, "count \(count)") {
                _ = try RecordChunk(whole, session: session, first: 1, count: count)
            }
        }
        var random = SplitMix(state: 11)
        for _ in 0..<2_000 {
            var bytes = whole
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            _ = try? RecordChunk(bytes, session: session, first: 1, count: 9)
        }
    }
}
