package import Core
internal import GRDB
package import Storage

extension SQLiteRecords {
    private static let sessionColumns = """
        id, policy, created, timeout, token_hash, redaction_key, revoked, configuration, secrets, boot_id,
        incomplete, name, labels
        """

    package func sessions() throws(StoreError) -> [SessionRow] {
        try file.read("list the sessions") { db in
            let statement = try db.cachedStatement(
                sql: "SELECT \(Self.sessionColumns) FROM sessions WHERE state = 0 ORDER BY no")
            return try Self.collect(try Row.fetchCursor(statement), Self.session)
        }
    }

    package func session(_ id: SessionID) throws(StoreError) -> SessionRow? {
        try file.read("read session \(id)") { db in try sessionRow(id, in: db) }
    }

    /// Reads a session that is not being removed.
    func sessionRow(_ id: SessionID, in db: Database) throws -> SessionRow? {
        let statement = try db.cachedStatement(
            sql: "SELECT \(Self.sessionColumns) FROM sessions WHERE id_hash = ? AND state = 0")
        guard let row = try Row.fetchOne(statement, arguments: [hash(id)]) else { return nil }
        let session = try Self.session(row)
        return session.id == id ? session : nil
    }

    package func wasUsed(_ id: SessionID) throws(StoreError) -> Bool {
        try file.read("look up session id \(id)") { db in try isUsed(id, in: db) }
    }

    package func lastNumber(of session: SessionID) throws(StoreError) -> Int64 {
        try file.read("find the last exchange of session \(session)") { db in
            guard let keys = try keys(session, db) else { return 0 }
            return try lastNumber(keys, in: db)
        }
    }

    package func totals(of session: SessionID) throws(StoreError) -> SessionTotals {
        try file.read("add up session \(session)") { db in
            guard let keys = try keys(session, db) else { return SessionTotals() }
            let statement = try db.cachedStatement(
                sql: """
                    SELECT coalesce(max(key + count - 1), 0), coalesce(sum(count), 0), coalesce(sum(delivered), 0) FROM chunks
                    WHERE key > ? AND key < ?
                    """)
            guard let row = try Row.fetchOne(statement, arguments: [keys.base, keys.end]) else { throw Row.damage(0) }
            return SessionTotals(
                lastNumber: ExchangeKey.number(try row.number(0)), exchanges: try row.number(1),
                delivered: try row.number(2))
        }
    }

    package func exchanges(
        of session: SessionID, category: ExchangeRow.Category?, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        switch category {
        case nil: try exchanges(of: session, "", after: after, limit: limit) { _ in true }
        case .artifact:
            try exchanges(of: session, "", after: after, limit: limit) { $0.category == .artifact }
        case .some(let wanted):
            try exchanges(
                of: session, "AND others > 0 AND others & \(1 << ExchangeKind.code(wanted))", after: after, limit: limit
            ) { $0.category == wanted }
        }
    }

    package func exchanges(
        of session: SessionID, digest: SHA256Digest, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        try file.read("read the uses of an artifact of session \(session)") { db in
            guard let keys = try keys(session, db), limit > 0 else { return [] }
            let statement = try db.cachedStatement(
                sql: """
                    SELECT chunks.key, count, rows FROM uses JOIN chunks ON chunks.key = uses.key
                    WHERE session = ? AND digest_key = ? AND uses.key >= ? ORDER BY uses.key
                    """)
            let start = try firstChunk(keys, after: after, db)
            let chunks = try Row.fetchCursor(statement, arguments: [keys.session, digest.indexKey, start])
            return try Self.collect(chunks, session, after, limit) {
                $0.row.category == .artifact && $0.row.digest == digest
            }
        }
    }

    package func unconcluded(of session: SessionID, limit: Int) throws(StoreError) -> [ExchangeRow] {
        try exchanges(of: session, "AND unconcluded > 0", after: 0, limit: limit) {
            $0.category == .artifact && $0.result == nil
        }
    }

    package func artifacts(
        of session: SessionID, after: Int64, limit: Int
    ) throws(StoreError) -> [(digest: SHA256Digest, firstNumber: Int64)] {
        try file.read("list the artifacts of session \(session)") { db in
            try items(of: session, "AND firsts > 0", after: after, limit: limit, db, where: \.isFirst).compactMap {
                row in
                row.digest.map { ($0, row.number) }
            }
        }
    }

    private func exchanges(
        of session: SessionID, _ filter: String, after: Int64, limit: Int, where isWanted: (ExchangeRow) -> Bool
    ) throws(StoreError) -> [ExchangeRow] {
        try file.read("read the exchanges of session \(session)") { db in
            try items(of: session, filter, after: after, limit: limit, db) { isWanted($0.row) }
        }
    }

    /// Reads chunk after chunk until there is enough of what is wanted.
    private func items(
        of session: SessionID, _ filter: String, after: Int64, limit: Int, _ db: Database,
        where isWanted: (RecordChunk.Item) -> Bool
    ) throws -> [ExchangeRow] {
        guard let keys = try keys(session, db), limit > 0 else { return [] }
        let statement = try db.cachedStatement(
            sql: "SELECT key, count, rows FROM chunks WHERE key >= ? AND key < ? \(filter) ORDER BY key")
        let start = try firstChunk(keys, after: after, db)
        let chunks = try Row.fetchCursor(statement, arguments: [start, keys.end])
        return try Self.collect(chunks, session, after, limit, where: isWanted)
    }

    private static func collect(
        _ chunks: RowCursor, _ session: SessionID, _ after: Int64, _ limit: Int,
        where isWanted: (RecordChunk.Item) -> Bool
    ) throws -> [ExchangeRow] {
        var found: [ExchangeRow] = []
        while let row = try chunks.next() {
            for item in try chunk(row, of: session).items where item.row.number > after && isWanted(item) {
                found.append(item.row)
                if found.count == limit { return found }
            }
        }
        return found
    }

    /// Where to begin to find the exchange behind a number: the key of the last chunk that begins up to it.
    private func firstChunk(_ keys: ExchangeKey, after: Int64, _ db: Database) throws -> Int64 {
        let statement = try db.cachedStatement(
            sql: "SELECT key FROM chunks WHERE key > ? AND key <= ? ORDER BY key DESC LIMIT 1")
        let row = try Row.fetchOne(statement, arguments: [keys.base, keys.key(after) + 1])
        return try row?.number(0) ?? keys.base
    }

    private func keys(_ session: SessionID, _ db: Database) throws -> ExchangeKey? {
        try number(of: session, in: db).map(ExchangeKey.init(session:))
    }

    private static func collect<R>(_ rows: RowCursor, _ decode: (Row) throws -> R) throws -> [R] {
        var result: [R] = []
        while let row = try rows.next() { result.append(try decode(row)) }
        return result
    }

    private static func session(_ row: Row) throws -> SessionRow {
        guard let id = SessionID(try row.text(0)), let policy = SessionPolicy(rawValue: try row.text(1)) else {
            throw Row.damage(0)
        }
        guard let secrets = SecretColumn.secrets(try row.bytes(8)) else { throw Row.damage(8) }
        return SessionRow(
            id: id, policy: policy, created: WallTime(nanoseconds: try row.number(2)), timeout: try row.number(3),
            tokenHash: try row.digest(4), redactionKey: try row.bytes(5),
            revoked: try row.optionalNumber(6).map(WallTime.init(nanoseconds:)), configuration: try row.bytes(7),
            secrets: secrets, bootID: try row.text(9), incompleteReason: try row.text(10), name: try row.text(11),
            labels: try row.bytes(12))
    }
}
