internal import Core
internal import Foundation
internal import GRDB
internal import Storage

extension RecordChunk {
    /// Enters the chunk and what finds it.
    func insert(_ keys: ExchangeKey, in db: Database) throws {
        let key = keys.key(items[0].row.number)
        let rows = encoded()
        try db.cachedStatement(
            sql: "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, zeroblob(?), ?, zeroblob(?))"
        ).execute(arguments: [
            key, items.count, others, unconcluded, firsts, delivered, RecordsSchema.padding.front, rows,
            Self.tail(rows.count),
        ])
        var entered: Set<Int64> = []
        for item in items where item.row.category == .artifact {
            guard let digest = item.row.digest?.indexKey, entered.insert(digest).inserted else { continue }
            try db.cachedStatement(sql: "INSERT OR IGNORE INTO uses VALUES (?, ?, ?)")
                .execute(arguments: [keys.session, digest, key])
        }
    }

    /// Zeros behind `rows`.
    static func tail(_ text: Int) -> Int { RecordsSchema.padding.tail(text: text, rest: 30) }

    /// Puts the rows of version 1, one for each exchange, into chunks.
    static func takeOver(_ db: Database) throws {
        guard let nobody = SessionID("0") else { preconditionFailure("0 is an id") }
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT key, kind, size, delivered, truncated, result, digest, download, judgement FROM exchanges
                ORDER BY key
                """)
        var items: [Item] = []
        var keys = ExchangeKey(session: 0)
        var text = 0
        while let row = try rows.next() {
            let key = try row.number(0)
            let (session, number) = (key >> 32, ExchangeKey.number(key))
            let follows = session == keys.session && items.last?.row.number == number - 1
            if !items.isEmpty, !follows || items.count == mostItems || text >= mostText {
                try RecordChunk(items: items).insert(keys, in: db)
                items = []
                text = 0
            }
            keys = ExchangeKey(session: session)
            // Whose it is stands in the key; the text is the same for everybody.
            let item = try old(row, number, of: nobody)
            items.append(item)
            text += item.row.download.count + item.row.judgement.count
        }
        if !items.isEmpty { try RecordChunk(items: items).insert(keys, in: db) }
    }

    private static func old(_ row: Row, _ number: Int64, of session: SessionID) throws -> Item {
        let kind = try row.number(1)
        guard let category = ExchangeKind.category(kind) else { throw Row.damage(1) }
        let result: ExchangeRow.Result? =
            switch try row.optionalNumber(5) {
            case nil: nil
            case 0: .unknown
            case 1: .rejected
            case 2: .approved
            default: throw Row.damage(5)
            }
        return Item(
            row: ExchangeRow(
                session: session, number: number, category: category, digest: try row.optionalDigest(6),
                size: try row.number(2), delivered: try row.number(3), isTruncated: try row.number(4) != 0,
                result: result, download: try row.bytes(7), judgement: try row.bytes(8)),
            isFirst: kind == ExchangeKind.firstOfArtifact)
    }
}
