internal import Core
internal import GRDB
package import Storage

/// The record in an SQLite file.
///
/// Corruption is never repaired and never overwritten: opening fails, naming the file and the command to run. A file
/// beside it keeps room on the disk (``Reserve``), which is given up when a write finds none.
package final class SQLiteRecords: Records, @unchecked Sendable {
    /// What the writer remembers of a session with exchanges.
    final class Known {
        let id: SessionID
        let keys: ExchangeKey
        var state: RecordsSchema.State
        var lastNumber: Int64
        /// Digests of its artifacts, those that the writer has met.
        var digests: Set<SHA256Digest> = []
        /// Whether these are all.
        let hasAllDigests: Bool

        init(id: SessionID, keys: ExchangeKey, state: RecordsSchema.State, lastNumber: Int64) {
            self.id = id
            self.keys = keys
            self.state = state
            self.lastNumber = lastNumber
            hasAllDigests = lastNumber == 0
        }
    }

    /// How many sessions the writer remembers at most.
    private static let mostKnown = 4096
    /// How many digests of artifacts it remembers at most.
    private static let mostDigests = 500_000

    let file: SQLiteFile
    let hashKey: UsedIDKey
    /// `nil` for a record that nothing is going to be recorded in.
    private let reserve: Reserve?
    private let reserveReleased: @Sendable (SQLiteRecords) -> Void
    // Touched in the writer's serial queue only.
    private var known: [SessionID: Known] = [:]
    private var digestCount = 0

    /// Opens or makes the file; ``endRemovals(mayGoOn:)`` ends what the last run of the service began to remove, and what it
    /// did not end to bring back.
    ///
    /// - Parameters:
    ///   - path: The database; SQLite's `-wal` and `-shm` and our reserve `records.reserve` stand beside it.
    ///   - durability: What a commit survives.
    ///   - reserveReleased: Called on the writing thread when the reserve was given up, for the log; not on the
    ///     writer's queue.
    /// - Throws: ``StoreError``: `.corrupt` for damage, `.rejected` for a newer schema, `.unavailable` otherwise.
    package convenience init(
        path: String, durability: Durability = .process,
        reserveReleased: @escaping @Sendable (SQLiteRecords) -> Void = { _ in }
    ) throws(StoreError) {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let stem = name.hasSuffix(".db") ? String(path.dropLast(3)) : path
        try self.init(
            path: path, durability: durability, reserve: Reserve(path: stem + ".reserve"),
            advice: """
                nothing was changed; keep a copy of \(path) and what stands beside it, then run: \
                sqlite3 \(path) ".recover" | sqlite3 recovered-\(name), and put the result in its place
                """, reserveReleased: reserveReleased)
    }

    init(
        path: String, name: String? = nil, durability: Durability, reserve: Reserve?, advice: String,
        reserveReleased: @escaping @Sendable (SQLiteRecords) -> Void = { _ in }
    ) throws(StoreError) {
        file = try SQLiteFile(
            path: path, name: name, schema: RecordsSchema.versions, durability: durability, advice: advice)
        self.reserve = reserve
        self.reserveReleased = reserveReleased
        let arriving: Int64
        (hashKey, arriving) = try file.read("read the settings of \(file.name)") { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT hash_key0, hash_key1 FROM settings") else {
                throw Row.damage(0)
            }
            let count = try Row.fetchOne(
                db, sql: "SELECT count(*) FROM sessions WHERE state = ?",
                arguments: [RecordsSchema.State.arriving.rawValue])
            return (try Self.key(row, 0), try count?.number(0) ?? 0)
        }
        if arriving > 0 {
            try write("give up what was being restored") { db in
                try db.execute(
                    sql: "UPDATE sessions SET state = ? WHERE state = ?",
                    arguments: [RecordsSchema.State.leaving.rawValue, RecordsSchema.State.arriving.rawValue])
            }
        }
        do {
            try reserve?.refill()
        } catch  where error.kind == .full {
            // Without the reserve the record still works; maintain() tries again.
        }
    }

    /// Takes the reserve again when there is room for it.
    ///
    /// - Throws: ``StoreError`` with `.full` as long as there is not.
    package func maintain() throws(StoreError) { try reserve?.refill() }

    /// Whether there is room on the disk that only the record may take; asks the file system.
    package var hasReserve: Bool { reserve?.isTaken ?? false }

    /// Forbids the file to grow by more than some pages from now on; writes that need more fail with `.full`.
    ///
    /// - Parameter pages: How many; `nil` lifts the limit.
    /// - Throws: ``StoreError``.
    package func limitGrowth(pages: Int?) throws(StoreError) { try file.limitGrowth(pages) }

    /// Closes the file; calls afterwards fail.
    ///
    /// Dropping the last reference does the same, without telling of errors.
    package func close() throws(StoreError) { try file.close() }

    package func apply(_ changes: [RecordChange]) throws(StoreError) {
        guard !changes.isEmpty else { return }
        try write("record \(changes.count) changes") { db in
            var index = 0
            while index < changes.count {
                guard case .exchange(let first) = changes[index] else {
                    try make(changes[index], in: db)
                    index += 1
                    continue
                }
                // Exchanges that follow each other are written together, each session's by themselves.
                var bySession: [(session: SessionID, rows: [ExchangeRow])] = [(first.session, [])]
                while index < changes.count, case .exchange(let row) = changes[index] {
                    let place = bySession.firstIndex { $0.session == row.session } ?? bySession.count
                    if place == bySession.count { bySession.append((row.session, [])) }
                    bySession[place].rows.append(row)
                    index += 1
                }
                for (session, rows) in bySession { try insert(rows, of: session, in: db) }
            }
            if digestCount >= Self.mostDigests { forgetAll() }
        }
    }

    package func checkWritable() throws(StoreError) {
        try write("write to the record") { db in
            try db.cachedStatement(sql: "UPDATE settings SET probe = (probe + 1) & 65535").execute()
        }
    }

    /// Runs a transaction; when there is no room for it, gives up the reserve and tries once more.
    func write(_ operation: String, _ body: (Database) throws -> Void) throws(StoreError) {
        var isRoomWanted = false
        do {
            try attempt(operation, body, isRoomWanted: &isRoomWanted)
        } catch {
            guard isRoomWanted, reserve?.release() == true else { throw error }
            reserveReleased(self)
            try attempt(operation, body, isRoomWanted: &isRoomWanted)
        }
    }

    private func attempt(
        _ operation: String, _ body: (Database) throws -> Void, isRoomWanted: inout Bool
    ) throws(StoreError) {
        try file.write(operation, body) { _, error in
            forgetAll()
            isRoomWanted = (error as? DatabaseError)?.isLackOfSpace ?? false
        }
    }

    /// The hash by which an id is found.
    func hash(_ id: SessionID) -> Int64 { hashKey.hash(id) }

    /// The session's number in the file, when it is there in this state.
    func number(
        of id: SessionID, in db: Database, state: RecordsSchema.State = .present
    ) throws -> Int64? {
        let statement = try db.cachedStatement(sql: "SELECT no, id FROM sessions WHERE id_hash = ? AND state = ?")
        guard let row = try Row.fetchOne(statement, arguments: [hash(id), state.rawValue]), try row.text(1) == id.text
        else { return nil }
        return try row.number(0)
    }

    /// What the writer knows of a session; called in its queue only.
    ///
    /// - Throws: `.rejected` when it is not there in this state.
    func known(_ id: SessionID, in db: Database, state: RecordsSchema.State = .present) throws -> Known {
        if let present = known[id], present.state == state { return present }
        guard let number = try number(of: id, in: db, state: state) else {
            throw StoreError(.rejected, "change session \(id)", "there is no such session")
        }
        let keys = ExchangeKey(session: number)
        if known.count >= Self.mostKnown || digestCount >= Self.mostDigests { forgetAll() }
        let made = Known(id: id, keys: keys, state: state, lastNumber: try lastNumber(keys, in: db))
        known[id] = made
        return made
    }

    private func forgetAll() {
        known.removeAll()
        digestCount = 0
    }

    /// The number of a session's last exchange, 0 without one.
    func lastNumber(_ keys: ExchangeKey, in db: Database) throws -> Int64 {
        let statement = try db.cachedStatement(
            sql: "SELECT key, count FROM chunks WHERE key > ? AND key < ? ORDER BY key DESC LIMIT 1")
        guard let row = try Row.fetchOne(statement, arguments: [keys.base, keys.end]) else { return 0 }
        return ExchangeKey.number(try row.number(0)) + (try row.number(1)) - 1
    }

    /// Notes a digest of an artifact; what is forgotten when there are too many is looked up again.
    ///
    /// - Returns: Whether the writer had not met it.
    func note(_ digest: SHA256Digest, _ session: Known) -> Bool {
        guard session.digests.insert(digest).inserted else { return false }
        digestCount += 1
        return true
    }

    /// Forgets what the writer knows of a session; called in its queue only.
    func forget(_ id: SessionID) { digestCount -= known.removeValue(forKey: id)?.digests.count ?? 0 }
}
