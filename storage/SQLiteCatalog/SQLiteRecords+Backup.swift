package import Core
internal import GRDB
internal import GRDBSQLite
internal import Platform
package import Storage

/// Backups: files of the record's own format, with everything that was in it at one moment, and when that was.
///
/// A backup has one more table, **backup**: one row with the time, in nanoseconds since the epoch. Its header says that it
/// has no log, and it has no page of a session that was being removed or brought back.
extension SQLiteRecords {
    /// What a backup holds.
    package struct BackupContents: Sendable, Hashable {
        package var sessions: Int64
        package var exchanges: Int64
    }

    /// How long a slice copies; what is to be recorded goes in between two of them.
    package static let backupSlice = Duration.milliseconds(5)
    /// Pages copied between two looks at the clock.
    private static let backupStep: CInt = 32

    /// How many bytes a backup would have now.
    package func backupSize() throws(StoreError) -> Int64 {
        try file.read("measure the record") { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM pragma_page_count, pragma_page_size") else {
                throw Row.damage(0)
            }
            return try row.number(0) * row.number(1)
        }
    }

    /// Makes a backup while the record goes on being written.
    ///
    /// It is copied slice by slice through the writer's connection: SQLite then changes the copy with everything that is
    /// recorded or removed meanwhile (sqlite.org/c3ref/backup_finish.html), so that it need not begin again. Blocks.
    ///
    /// - Parameters:
    ///   - path: An empty file, which nobody else uses.
    ///   - time: What stands in the backup as its time: what happened before it is all there.
    ///   - slice: How long it copies at a time; a few pages are the least.
    ///   - mayGoOn: Called before each slice but the first; what it throws ends the backup.
    /// - Returns: What is in it.
    /// - Throws: ``StoreError``; the file is worth nothing then.
    package func backUp(
        to path: String, time: WallTime, slice: Duration = backupSlice, mayGoOn: () throws(StoreError) -> Void
    ) throws(StoreError) -> BackupContents {
        let operation = "back the record up"
        do {
            let copy = try Self.plainQueue(path)
            try copy.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA page_size = \(RecordsSchema.versions.pageSize)")
                try copyPages(into: db, operation, slice, mayGoOn)
            }
            try copy.close()
            try SQLiteHeader.markAsWithoutLog(path)
            return try Self.finishBackup(path, time)
        } catch {
            throw StoreError(error, operation, path: "the backup", advice: "the record itself is as it was")
        }
    }

    private func copyPages(
        into copy: Database, _ operation: String, _ slice: Duration, _ mayGoOn: () throws -> Void
    ) throws {
        // The copy's connection is used in the writer's queue only as long as this goes on, and by this thread afterwards.
        let backup = unsafe try file.onWriter(operation) { db in
            unsafe sqlite3_backup_init(copy.sqliteConnection, "main", db.sqliteConnection, "main")
        }
        guard let backup = unsafe backup else { throw unsafe Self.error(sqlite3_errcode(copy.sqliteConnection)) }
        do {
            while try unsafe !copySlice(backup, operation, slice) {
                Latch().wait(atMost: slice)
                try mayGoOn()
            }
        } catch {
            _ = try? file.onWriter(operation) { _ in unsafe sqlite3_backup_finish(backup) }
            throw error
        }
        let code = try file.onWriter(operation) { _ in unsafe sqlite3_backup_finish(backup) }
        guard code == SQLITE_OK else { throw Self.error(code) }
    }

    /// Copies pages for a while.
    ///
    /// - Returns: Whether all are copied.
    private func copySlice(_ backup: OpaquePointer, _ operation: String, _ slice: Duration) throws -> Bool {
        try file.onWriter(operation) { _ in
            let began = MonotonicTime.now()
            repeat {
                switch unsafe sqlite3_backup_step(backup, Self.backupStep) {
                case SQLITE_OK: continue
                case SQLITE_DONE: return true
                case SQLITE_BUSY, SQLITE_LOCKED: return false
                case let code: throw Self.error(code)
                }
            } while MonotonicTime.now() - began < slice
            return false
        }
    }

    private static func error(_ code: CInt) -> DatabaseError {
        let message = unsafe sqlite3_errstr(code).map { unsafe String(cString: $0) }
        return DatabaseError(resultCode: ResultCode(rawValue: code), message: message)
    }

    /// Takes out of a copy what nobody should see, and notes its time.
    private static func finishBackup(_ path: String, _ time: WallTime) throws -> BackupContents {
        let queue = try plainQueue(path)
        let contents = try queue.writeWithoutTransaction { db in
            let hidden = try Int64.fetchAll(
                db, sql: "SELECT no FROM sessions WHERE state <> ?", arguments: [RecordsSchema.State.present.rawValue])
            for keys in hidden.map(ExchangeKey.init(session:)) {
                try db.execute(sql: "DELETE FROM chunks WHERE key > ? AND key < ?", arguments: [keys.base, keys.end])
                try db.execute(sql: "DELETE FROM uses WHERE session = ?", arguments: [keys.session])
                try db.execute(sql: "DELETE FROM sessions WHERE no = ?", arguments: [keys.session])
            }
            try db.execute(
                sql: "DROP TABLE IF EXISTS backup; \(timeTable)")
            try db.execute(sql: "INSERT INTO backup VALUES (1, ?)", arguments: [time.nanoseconds])
            let counts = "SELECT (SELECT count(*) FROM sessions), (SELECT coalesce(sum(count), 0) FROM chunks)"
            guard let row = try Row.fetchOne(db, sql: counts) else { throw Row.damage(0) }
            return BackupContents(sessions: try row.number(0), exchanges: try row.number(1))
        }
        try queue.close()
        return contents
    }

    /// A connection to a file that is thrown away when anything goes wrong with it.
    private static func plainQueue(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.prepareDatabase { db in
            try db.execute(
                sql: """
                    PRAGMA journal_mode = OFF;
                    PRAGMA synchronous = OFF;
                    PRAGMA secure_delete = ON;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA cache_size = -1024;
                    PRAGMA mmap_size = 0;
                    """)
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    private static let timeTable =
        "CREATE TABLE backup (one INTEGER PRIMARY KEY CHECK (one = 1), time INTEGER NOT NULL) STRICT"

    // MARK: - Taking a backup in

    /// Opens a backup, or another record, to be read.
    ///
    /// - Parameter path: A copy that nobody else uses: an older schema is brought up to date in it, and files of SQLite's
    ///   stand beside it.
    /// - Returns: The record, and its time when it is a backup.
    /// - Throws: ``StoreError``: `.rejected` when it is something else or of a newer release, `.corrupt` for damage.
    package static func openBackup(_ path: String) throws(StoreError) -> (records: SQLiteRecords, time: WallTime?) {
        let (name, operation, advice) = ("the backup", "open the backup", "use another backup")
        switch try SQLiteHeader.find(at: path) {
        case .absent: throw StoreError(.rejected, operation, "the file is empty; \(advice)")
        case .damaged(let reason): throw StoreError(.corrupt, operation, "\(reason); \(advice)")
        case .database: break
        }
        let time: WallTime?
        do {
            var configuration = Configuration()
            configuration.prepareDatabase { db in
                try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0")
            }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            time = try queue.writeWithoutTransaction { db in
                guard try Int64.fetchOne(db, sql: "PRAGMA application_id") == RecordsSchema.versions.applicationID
                else {
                    throw StoreError(.rejected, operation, "it is no record of this service; \(advice)")
                }
                let newest = RecordsSchema.versions.steps.count
                if let version = try Int.fetchOne(db, sql: "PRAGMA user_version"), version > newest {
                    throw StoreError(
                        .rejected, operation,
                        "it was made by a newer release (version \(version) of the schema, and this one knows up to "
                            + "\(newest)); restore it with that one")
                }
                try RecordsSchema.versions.refuseForeign(db, path: name)
                // Before anything runs that is in it: what others put there is not ours to know.
                try RecordsSchema.versions.refuseOtherObjects(db, besides: [timeTable], operation, advice: advice)
                // All of it, however large: what is taken in once stays.
                if let finding = try String.fetchOne(db, sql: "PRAGMA quick_check(1)"), finding != "ok" {
                    throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: finding)
                }
                let numbers = "SELECT count(*) FROM sessions WHERE no < 1 OR no >= \(ExchangeKey.limit)"
                guard try Int.fetchOne(db, sql: numbers) == 0 else {
                    throw StoreError(.corrupt, operation, "its sessions have numbers that no record gives; \(advice)")
                }
                guard try db.tableExists("backup") else { return nil }
                return try Row.fetchOne(db, sql: "SELECT time FROM backup").map {
                    WallTime(nanoseconds: try $0.number(0))
                }
            }
            try queue.close()
        } catch {
            throw StoreError(error, operation, path: name, advice: advice)
        }
        let records = try SQLiteRecords(path: path, name: name, durability: .process, reserve: nil, advice: advice)
        return (records, time)
    }
}
