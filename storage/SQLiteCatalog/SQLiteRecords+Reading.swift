package import Core
internal import GRDB
package import Storage

extension SQLiteRecords {
    private static let sessionColumns = """
        id, policy, created, timeout, token_hash, redaction_key, revoked, configuration, secret_count, boot_id,
        incomplete
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
        try file.read("look up session id \(id)") { db in
            let statement = try db.cachedStatement(sql: "SELECT 1 FROM used_ids WHERE hash = ?")
            return try Row.fetchOne(statement, arguments: [hash(id)]) != nil
        }
    }

    package func totals(of session: SessionID) throws(StoreError) -> SessionTotals {
        try file.read("add up session \(session)") { db in
            guard let keys = try keys(session, db) else { return SessionTotals() }
            let statement = try db.cachedStatement(
                sql: """
                    SELECT coalesce(max(key), 0), count(*), coalesce(sum(delivered), 0) FROM exchanges
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
        let filter =
            switch category {
            case nil: ""
            case .artifact: "AND kind < 2"
            case .some(let other): "AND kind >= 2 AND kind = \(ExchangeKind.code(other))"
            }
        return try exchanges(of: session, filter, after: after, limit: limit)
    }

    package func exchanges(of session: SessionID, digest: SHA256Digest) throws(StoreError) -> [ExchangeRow] {
        try exchanges(of: session, "AND session = ? AND digest_key = ? AND digest = ?", after: 0, limit: .max) {
            [$0.session, digest.indexKey, digest.column]
        }
    }

    package func unconcluded(of session: SessionID, limit: Int) throws(StoreError) -> [ExchangeRow] {
        try exchanges(of: session, "AND result IS NULL AND kind < 2", after: 0, limit: limit)
    }

    package func artifacts(
        of session: SessionID, after: Int64, limit: Int
    ) throws(StoreError) -> [(digest: SHA256Digest, firstNumber: Int64)] {
        try file.read("list the artifacts of session \(session)") { db in
            guard let keys = try keys(session, db) else { return [] }
            let statement = try db.cachedStatement(
                sql: "SELECT key, digest FROM exchanges WHERE key > ? AND key < ? AND kind = 0 ORDER BY key LIMIT ?")
            let rows = try Row.fetchCursor(statement, arguments: [keys.key(after), keys.end, max(limit, 0)])
            return try Self.collect(rows) { row in
                (digest: try row.digest(1), firstNumber: ExchangeKey.number(try row.number(0)))
            }
        }
    }

    private func exchanges(
        of session: SessionID, _ filter: String, after: Int64, limit: Int,
        values: (ExchangeKey) -> [any DatabaseValueConvertible] = { _ in [] }
    ) throws(StoreError) -> [ExchangeRow] {
        try file.read("read the exchanges of session \(session)") { db in
            guard let keys = try keys(session, db) else { return [] }
            let statement = try db.cachedStatement(
                sql: """
                    SELECT key, kind, size, delivered, truncated, result, digest, download, judgement FROM exchanges
                    WHERE key > ? AND key < ? \(filter) ORDER BY key LIMIT ?
                    """)
            let arguments = [keys.key(after), keys.end] + values(keys) + [max(limit, 0)]
            let rows = try Row.fetchCursor(statement, arguments: StatementArguments(arguments))
            return try Self.collect(rows) { try Self.exchange($0, of: session) }
        }
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
        return SessionRow(
            id: id, policy: policy, created: WallTime(nanoseconds: try row.number(2)), timeout: try row.number(3),
            tokenHash: try row.digest(4), redactionKey: try row.bytes(5),
            revoked: try row.optionalNumber(6).map(WallTime.init(nanoseconds:)), configuration: try row.bytes(7),
            secretCount: Int(try row.number(8)), bootID: try row.text(9), incompleteReason: try row.text(10))
    }

    private static func exchange(_ row: Row, of session: SessionID) throws -> ExchangeRow {
        guard let category = ExchangeKind.category(try row.number(1)) else { throw Row.damage(1) }
        let result: ExchangeRow.Result? =
            switch try row.optionalNumber(5) {
            case nil: nil
            case 0: .unknown
            case 1: .rejected
            case 2: .approved
            default: throw Row.damage(5)
            }
        return ExchangeRow(
            session: session, number: ExchangeKey.number(try row.number(0)), category: category,
            digest: try row.optionalDigest(6), size: try row.number(2), delivered: try row.number(3),
            isTruncated: try row.number(4) != 0, result: result, download: try row.bytes(7),
            judgement: try row.bytes(8))
    }
}
