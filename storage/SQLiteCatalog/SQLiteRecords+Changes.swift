internal import Core
internal import Foundation
internal import GRDB
internal import Storage

extension SQLiteRecords {
    /// Makes one change, inside a transaction of the writer.
    func make(_ change: RecordChange, in db: Database) throws {
        switch change {
        case .exchange(let row): try insert(row, in: db)
        case .open(let row): try open(row, in: db)
        case .revoke(let id, let time):
            try update(id, in: db) { row in
                if row.revoked == nil { row.revoked = time }
            }
        case .markIncomplete(let id, let reason):
            try update(id, in: db) { $0.markIncomplete(reason) }
        case .conclude(let id, let number, let result, let judgement):
            try conclude(id, number, result, judgement, in: db)
        case .delivered(let id, let number, let bytes, let truncated):
            let key = try withKnown(id, in: db) { $0.keys.key(number) }
            try db.cachedStatement(sql: "UPDATE exchanges SET delivered = ?, truncated = ? WHERE key = ?")
                .execute(arguments: [bytes, truncated, key])
            try expectChange(of: id, number, in: db)
        }
    }

    // MARK: - Exchanges

    private static let insertion = """
        INSERT INTO exchanges VALUES (
            ?1, CASE WHEN ?2 = 1 AND ?7 IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM exchanges WHERE session = ?11 AND digest_key = ?7 AND digest = ?8
            ) THEN 0 ELSE ?2 END,
            ?3, ?4, ?5, ?6, ?11, ?7, ?8, zeroblob(?12), ?9, ?10, zeroblob(?13)
        )
        """

    private func insert(_ row: ExchangeRow, in db: Database) throws {
        try withKnown(row.session, in: db) { known in
            guard row.number == known.lastNumber + 1, row.number < ExchangeKey.limit else {
                throw StoreError(
                    .rejected, "record exchange \(row.number) of session \(row.session)",
                    "the next number is \(known.lastNumber + 1)")
            }
            let padding = RecordsSchema.padding
            let isIndexed = row.category == .artifact && row.digest != nil
            let tail = padding.tail(
                text: row.download.count + row.judgement.count, rest: row.digest == nil ? 26 : 66)
            try db.cachedStatement(sql: Self.insertion).execute(arguments: [
                known.keys.key(row.number), ExchangeKind.code(row.category), row.size, row.delivered, row.isTruncated,
                row.result.map(Self.code), isIndexed ? row.digest?.indexKey : nil, row.digest?.column,
                Data(row.download), Data(row.judgement), isIndexed ? known.keys.session : nil, padding.front, tail,
            ])
            known.lastNumber = row.number
        }
    }

    private func conclude(
        _ id: SessionID, _ number: Int64, _ result: ExchangeRow.Result, _ judgement: [UInt8], in db: Database
    ) throws {
        let key = try withKnown(id, in: db) { $0.keys.key(number) }
        let sizes = try db.cachedStatement(sql: "SELECT length(download), length(digest) FROM exchanges WHERE key = ?")
        guard let row = try Row.fetchOne(sizes, arguments: [key]) else { throw Self.missing(id, number) }
        let tail = RecordsSchema.padding.tail(
            text: Int(try row.number(0)) + judgement.count, rest: try row.optionalNumber(1) == nil ? 26 : 66)
        let statement = try db.cachedStatement(
            sql: "UPDATE exchanges SET result = ?, judgement = ?, tail = zeroblob(?) WHERE key = ?")
        try statement.execute(arguments: [Self.code(result), Data(judgement), tail, key])
    }

    private func expectChange(of id: SessionID, _ number: Int64, in db: Database) throws {
        if db.changesCount == 0 { throw Self.missing(id, number) }
    }

    private static func missing(_ id: SessionID, _ number: Int64) -> StoreError {
        StoreError(.rejected, "change exchange \(number) of session \(id)", "there is no such exchange")
    }

    /// `result` in the table.
    static func code(_ result: ExchangeRow.Result) -> Int64 {
        switch result {
        case .unknown: 0
        case .rejected: 1
        case .approved: 2
        }
    }

    // MARK: - Sessions

    private func open(_ row: SessionRow, in db: Database) throws {
        let hash = hash(row.id)
        let used = try db.cachedStatement(sql: "INSERT OR IGNORE INTO used_ids VALUES (?)")
        try used.execute(arguments: [hash])
        guard db.changesCount == 1 else {
            throw StoreError(.rejected, "open session \(row.id)", "the id was used before")
        }
        try db.cachedStatement(
            sql: """
                INSERT INTO sessions VALUES (
                    NULL, ?, 0, ?, ?, ?, ?, ?, zeroblob(?), ?, ?, ?, ?, ?, ?,
                    zeroblob(?)
                )
                """
        ).execute(arguments: [
            hash, row.policy.rawValue, row.created.nanoseconds, row.timeout, row.revoked?.nanoseconds, row.secretCount,
            RecordsSchema.padding.front, row.id.text, row.tokenHash.column, Data(row.redactionKey), row.bootID,
            row.incompleteReason, Data(row.configuration), Self.tail(row),
        ])
    }

    /// Reads a session, lets it be changed, and writes what can change.
    private func update(_ id: SessionID, in db: Database, _ body: (inout SessionRow) -> Void) throws {
        let number = try withKnown(id, in: db) { $0.keys.session }
        guard var row = try sessionRow(id, in: db) else { throw Row.damage(0) }
        let before = row
        body(&row)
        guard row != before else { return }
        try db.cachedStatement(
            sql: "UPDATE sessions SET revoked = ?, incomplete = ?, tail = zeroblob(?) WHERE no = ?"
        ).execute(arguments: [row.revoked?.nanoseconds, row.incompleteReason, Self.tail(row), number])
    }

    private static func tail(_ row: SessionRow) -> Int {
        let text =
            row.id.text.utf8.count + 32 + row.redactionKey.count + row.bootID.utf8.count
            + row.incompleteReason.utf8.count + row.configuration.count
        return RecordsSchema.padding.tail(text: text, rest: 60)
    }
}
