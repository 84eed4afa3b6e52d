internal import Core
internal import GRDB
package import Storage

/// The index of the cache in an SQLite file.
///
/// The file can be thrown away: one that is damaged or of a newer release is set aside, and an empty one takes its place.
package final class SQLiteCatalog: Catalog, @unchecked Sendable {
    /// What happened at opening that the log should say, or `nil`.
    package let notice: String?

    let file: SQLiteFile
    private let hashKey: (UInt64, UInt64)
    // Touched in the writer's serial queue only; `nil` when the file must be asked.
    private var totalsAfterGroup: CatalogTotals?
    // Touched in the writer's serial queue only: whether the log may still hold what a removal deleted.
    private var isLogStale = false
    // Touched in the writer's serial queue only: numbers of sessions' scopes that were asked for lately.
    var scopeNumbers: [SessionID: Int64] = [:]
    // Touched in the writer's serial queue only: the rows of blobs that were entered in this group.
    var entered: [SHA256Digest: (scope: Int64, number: Int64)] = [:]
    // Touched in the writer's serial queue only.
    var direct = DirectStatement()

    /// Opens or makes the file.
    ///
    /// - Parameter path: The database; SQLite's `-wal` and `-shm` stand beside it.
    /// - Throws: ``StoreError`` with `.unavailable` when the path cannot be used at all.
    package init(path: String) throws(StoreError) {
        (file, notice) = try Self.open(path)
        file.openReaders()
        hashKey = try file.read("read the settings of \(path)") { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT hash_key0, hash_key1 FROM settings") else {
                throw Row.damage(0)
            }
            return (UInt64(bitPattern: try row.number(0)), UInt64(bitPattern: try row.number(1)))
        }
        isLogStale = try file.read("find removals of the last run") { db in
            try Row.fetchOne(db, sql: "SELECT 1 FROM removals WHERE done = 1") != nil
        }
    }

    private static func open(_ path: String) throws(StoreError) -> (SQLiteFile, String?) {
        do {
            return (try attempt(path), nil)
        } catch  where error.kind == .corrupt || error.kind == .rejected {
            let target = try SetAside.move(path)
            return (try attempt(path), "\(error.reason); it was moved to \(target), and the cache starts empty")
        }
    }

    private static func attempt(_ path: String) throws(StoreError) -> SQLiteFile {
        try SQLiteFile(
            path: path, schema: CatalogSchema.versions, durability: .process,
            advice: "restart the service, which sets the file aside and begins with an empty cache",
            writerMemory: 16 << 20)
    }

    /// Forbids the file to grow by more than some pages from now on; writes that need more fail with `.full`.
    ///
    /// - Parameter pages: How many; `nil` lifts the limit.
    /// - Throws: ``StoreError``.
    package func limitGrowth(pages: Int?) throws(StoreError) { try file.limitGrowth(pages) }

    /// Closes the file; calls afterwards fail.
    ///
    /// Dropping the last reference does the same, without telling of errors.
    package func close() throws(StoreError) { try file.close() }

    package func apply(_ changes: [CatalogChange]) throws(StoreError) {
        guard !changes.isEmpty else { return }
        try change("change the catalog") { db, totals in
            try make(changes, &totals, in: db)
        }
        try cleanLog()
    }

    package func removeSlice() throws(StoreError) -> Bool {
        let isNeeded = try file.read("find what is to be removed") { db in
            try Row.fetchOne(try db.cachedStatement(sql: "SELECT 1 FROM removals WHERE done = 0 LIMIT 1")) != nil
        }
        var isLast = true
        if isNeeded {
            try change("remove a part of what has ended") { db, totals in isLast = try removePart(&totals, in: db) }
        }
        if isLast { try cleanLog() }
        return isLast
    }

    /// Runs a transaction that changes what the totals count.
    private func change(
        _ operation: String, _ body: (Database, inout CatalogTotals) throws -> Void
    ) throws(StoreError) {
        try file.write(operation) { db in
            var totals = try totalsAfterGroup ?? Self.totals(db)
            let before = totals
            try body(db, &totals)
            if totals != before { try Self.save(totals, db) }
            totalsAfterGroup = totals
        } afterFailure: { _, _ in
            totalsAfterGroup = nil
            scopeNumbers = [:]
        }
    }

    /// Says, in the writer's queue, that the log holds what a removal deleted.
    func markLogStale() { isLogStale = true }

    /// Empties the log after a removal; when somebody holds it, the next group tries again.
    private func cleanLog() throws(StoreError) {
        guard try file.onWriter("look at the log", { _ in isLogStale }) else { return }
        guard try file.tryTruncatingLog() else { return }
        try file.write("end a removal") { db in
            try db.cachedStatement(sql: "DELETE FROM removals WHERE done = 1").execute()
            isLogStale = false
        }
    }

    package func keyHash(_ partition: Partition, _ key: String) -> UInt64 {
        UInt64(bitPattern: hash(partition, key))
    }

    package func keyHashes(after: UInt64?, limit: Int) throws(StoreError) -> [UInt64] {
        try file.read("read the keys of the catalog") { db in
            // The index has all that is asked for, so that the rows are not read.
            let statement = try db.cachedStatement(
                sql: """
                    SELECT DISTINCT key_hash FROM responses INDEXED BY responses_key
                    WHERE key_hash > ? OR ? ORDER BY key_hash LIMIT ?
                    """)
            let start = after.map { Int64(bitPattern: $0) } ?? .min
            let rows = try Row.fetchCursor(statement, arguments: [start, after == nil, max(limit, 0)])
            var hashes: [UInt64] = []
            while let row = try rows.next() { hashes.append(UInt64(bitPattern: try row.number(0))) }
            return hashes
        }
    }

    package func totals() throws(StoreError) -> CatalogTotals {
        try file.read("read the totals of the catalog") { db in try Self.totals(db) }
    }

    private static func totals(_ db: Database) throws -> CatalogTotals {
        let statement = try db.cachedStatement(
            sql: "SELECT blobs, bytes_on_disk, logical_bytes, responses FROM settings")
        guard let row = try Row.fetchOne(statement) else { throw Row.damage(0) }
        return CatalogTotals(
            blobs: try row.number(0), bytesOnDisk: try row.number(1), logicalBytes: try row.number(2),
            responses: try row.number(3))
    }

    private static func save(_ totals: CatalogTotals, _ db: Database) throws {
        try db.cachedStatement(
            sql: "UPDATE settings SET blobs = ?, bytes_on_disk = ?, logical_bytes = ?, responses = ?"
        ).execute(arguments: [totals.blobs, totals.bytesOnDisk, totals.logicalBytes, totals.responses])
    }

    /// The hash by which a session's scope is found.
    func hash(_ id: SessionID) -> Int64 {
        var hash = SipHash(key: hashKey)
        hash.add(id.text.utf8)
        return Int64(bitPattern: hash.finish())
    }

    /// The hash by which responses are found.
    func hash(_ partition: Partition, _ key: String) -> Int64 {
        var hash = SipHash(key: hashKey)
        if case .session(let id, let credentials) = partition {
            hash.add(id.text.utf8)
            hash.add(credentials.bytes)
        }
        // Not part of any text, so that no two splits of the same bytes meet.
        hash.add([0xff])
        hash.add(key.utf8)
        return Int64(bitPattern: hash.finish())
    }
}
