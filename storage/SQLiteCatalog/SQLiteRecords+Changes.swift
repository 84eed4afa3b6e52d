internal import Core
internal import Foundation
internal import GRDB
internal import Storage

extension SQLiteRecords {
    /// Makes one change, inside a transaction of the writer.
    func make(_ change: RecordChange, in db: Database) throws {
        switch change {
        case .exchange(let row): try insert([row], of: row.session, in: db)
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
            try alter(id, number, in: db) { $0.ended(delivered: bytes, truncated: truncated) }
        case .beginRestoring(let row): try beginRestoring(row, in: db)
        case .restore(let id, let rows):
            guard rows.allSatisfy({ $0.session == id }) else {
                throw StoreError(.rejected, "restore exchanges of session \(id)", "they are another session's")
            }
            try insert(rows, of: id, in: db, state: .arriving)
        case .endRestoring(let id): try endRestoring(id, in: db)
        case .reserve(let hashes, let key): try reserve(hashes, key, in: db)
        }
    }

    // MARK: - Exchanges

    /// Inserts exchanges of one session in the order of their numbers.
    func insert(
        _ rows: [ExchangeRow], of session: SessionID, in db: Database, state: RecordsSchema.State = .present
    ) throws {
        let known = try known(session, in: db, state: state)
        var items: [RecordChunk.Item] = []
        var text = 0
        for row in rows {
            guard row.number == known.lastNumber + 1, row.number < ExchangeKey.limit else {
                throw StoreError(
                    .rejected, "record exchange \(row.number) of session \(session)",
                    "the next number is \(known.lastNumber + 1)")
            }
            known.lastNumber = row.number
            let isFirst = try row.category == .artifact && row.digest.map { try isNew($0, known, in: db) } == true
            items.append(RecordChunk.Item(row: row, isFirst: isFirst))
            text += row.download.count + row.judgement.count
            if items.count == RecordChunk.mostItems || text >= RecordChunk.mostText {
                try RecordChunk(items: items).insert(known.keys, in: db)
                items = []
                text = 0
            }
        }
        if !items.isEmpty { try RecordChunk(items: items).insert(known.keys, in: db) }
    }

    /// Whether a session has had no artifact with that digest before, which is noted.
    private func isNew(_ digest: SHA256Digest, _ known: Known, in db: Database) throws -> Bool {
        guard note(digest, known) else { return false }
        if known.hasAllDigests { return true }
        let statement = try db.cachedStatement(
            sql: """
                SELECT chunks.key, count, rows FROM uses JOIN chunks ON chunks.key = uses.key
                WHERE uses.session = ? AND digest_key = ?
                """)
        let found = try Row.fetchCursor(statement, arguments: [known.keys.session, digest.indexKey])
        while let row = try found.next() {
            // Another digest may begin like this one.
            let chunk = try Self.chunk(row, of: known.id)
            if chunk.items.contains(where: { $0.row.category == .artifact && $0.row.digest == digest }) { return false }
        }
        return true
    }

    /// A chunk from the columns `key`, `count`, `rows`.
    static func chunk(_ row: Row, of session: SessionID) throws -> RecordChunk {
        try RecordChunk(
            row.bytes(2), session: session, first: ExchangeKey.number(try row.number(0)), count: try row.number(1))
    }

    private func conclude(
        _ id: SessionID, _ number: Int64, _ result: ExchangeRow.Result, _ judgement: [UInt8], in db: Database
    ) throws {
        try alter(id, number, in: db) { row in
            row.result = result
            row.judgement = judgement
        }
    }

    /// Changes one exchange, in the chunk where it is.
    private func alter(
        _ id: SessionID, _ number: Int64, in db: Database, _ body: (inout ExchangeRow) -> Void
    ) throws {
        let keys = try known(id, in: db).keys
        let find = try db.cachedStatement(
            sql: "SELECT key, count, rows FROM chunks WHERE key > ? AND key <= ? ORDER BY key DESC LIMIT 1")
        guard let found = try Row.fetchOne(find, arguments: [keys.base, keys.key(number)]) else {
            throw Self.missing(id, number)
        }
        var chunk = try Self.chunk(found, of: id)
        guard let index = chunk.items.firstIndex(where: { $0.row.number == number }) else {
            throw Self.missing(id, number)
        }
        body(&chunk.items[index].row)
        let rows = chunk.encoded()
        try db.cachedStatement(
            sql: "UPDATE chunks SET unconcluded = ?, delivered = ?, rows = ?, tail = zeroblob(?) WHERE key = ?"
        ).execute(arguments: [
            chunk.unconcluded, chunk.delivered, rows, RecordChunk.tail(rows.count), try found.number(0),
        ])
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
        try use(row.id, in: db, "open session \(row.id)")
        try insert(row, .present, in: db)
    }

    /// Notes that an id is used.
    ///
    /// - Throws: `.rejected` when it was before.
    func use(_ id: SessionID, in db: Database, _ operation: String) throws {
        let used = try db.cachedStatement(sql: "INSERT OR IGNORE INTO used_ids VALUES (?)")
        try used.execute(arguments: [hash(id)])
        guard db.changesCount == 1, try !wasUsedElsewhere(id, in: db) else {
            throw StoreError(.rejected, operation, "the id was used before")
        }
    }

    func insert(_ row: SessionRow, _ state: RecordsSchema.State, in db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO sessions VALUES (
                    NULL, ?, ?, ?, ?, ?, ?, ?, zeroblob(?), ?, ?, ?, ?, ?, ?,
                    zeroblob(?), ?, ?, ?
                )
                """
        ).execute(arguments: [
            hash(row.id), state.rawValue, row.policy.rawValue, row.created.nanoseconds, row.timeout,
            row.revoked?.nanoseconds, row.secrets.count, RecordsSchema.padding.front, row.id.text,
            row.tokenHash.column, Data(row.redactionKey), row.bootID, row.incompleteReason, Data(row.configuration),
            Self.tail(row), Data(SecretColumn.bytes(row.secrets)), row.name, Data(row.labels),
        ])
    }

    /// Reads a session, lets it be changed, and writes what can change.
    private func update(_ id: SessionID, in db: Database, _ body: (inout SessionRow) -> Void) throws {
        let number = try known(id, in: db).keys.session
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
            + row.incompleteReason.utf8.count + row.configuration.count + SecretColumn.bytes(row.secrets).count
            + row.name.utf8.count + row.labels.count
        return RecordsSchema.padding.tail(text: text, rest: 60)
    }
}
