internal import Core
internal import GRDB
internal import Glibc
internal import Storage
internal import Platform

/// One database file of ours: a writer and a few readers in WAL mode, with a known schema.
///
/// Reads are single statements without a transaction around them: each sees one state of the file, and none keeps the
/// log from being truncated.
final class SQLiteFile: Sendable {
    /// What it is called in errors: its path, unless that means nothing outside.
    let name: String
    private let advice: String
    private let pool: DatabasePool
    private let checkpointer: Checkpointer

    /// Bytes of the log at which it is copied into the file.
    static let logSize = 8 << 20
    /// Milliseconds that a connection waits for a lock of another process.
    private static let patience = 2000

    /// Opens or makes the file and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - path: The database.
    ///   - name: What it is called in errors; `nil` is its path.
    ///   - schema: What is in it.
    ///   - durability: What a commit survives.
    ///   - advice: What to do when the file is damaged.
    ///   - logSize: Bytes of the log at which it is copied.
    ///   - writerMemory: Bytes of pages that the writer keeps; indices in random order want many.
    ///   - beforeCopy: Called on the thread that copies the log (for tests).
    /// - Throws: ``StoreError`` with `.corrupt` when it is damaged, `.rejected` when a newer version of the service made
    ///   it. Nothing was changed then.
    init(
        path: String, name: String? = nil, schema: SchemaVersions, durability: Durability, advice: String,
        logSize: Int = logSize,
        writerMemory: Int = 4 << 20,
        beforeCopy: @escaping @Sendable () -> Void = {}
    ) throws(StoreError) {
        let name = name ?? path
        self.name = name
        self.advice = advice
        checkpointer = Checkpointer(
            path: path, thresholds: Checkpointer.Thresholds(due: logSize / schema.pageSize), beforeCopy: beforeCopy)
        let finding = try SQLiteHeader.find(at: path)
        if case .damaged(let reason) = finding {
            throw StoreError(.corrupt, "open \(name)", "\(reason); \(advice)")
        }
        do {
            try Self.makePrivate(path)
            if case .database(let size) = finding { try Self.probe(path, schema, size: size) }
            pool = try DatabasePool(path: path, configuration: Self.configuration(path, schema))
            try pool.writeWithoutTransaction { db in
                if durability == .power { try db.execute(sql: "PRAGMA synchronous = FULL") }
                try db.execute(sql: "PRAGMA cache_size = -\(writerMemory >> 10)")
                try schema.migrate(db)
                try checkpointer.attach(to: db)
            }
        } catch {
            throw StoreError(error, "open \(name)", path: name, advice: advice)
        }
    }

    /// Makes the file and what SQLite keeps beside it ours alone, whatever the mask of the process: SQLite gives its log the
    /// permissions of the database, and finds an empty one as good as none.
    ///
    /// What its owner may not write stays so.
    private static func makePrivate(_ path: String) throws(SystemError) {
        for file in [path, path + "-wal", path + "-shm"] {
            guard let mode = try Kernel.stat(file)?.mode, mode & 0o077 != 0 else { continue }
            try Kernel.chmod(file, mode & 0o600)
        }
        try Kernel.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600).close()
    }

    /// Looks at the file through a connection that cannot write.
    private static func probe(_ path: String, _ schema: SchemaVersions, size: Int64) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(2)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.inDatabase { db in
            try schema.refuseForeign(db, path: path)
            try schema.probe(db, size: size)
        }
        try queue.close()
    }

    private static func configuration(_ path: String, _ schema: SchemaVersions) -> Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.maximumReaderCount = 3
        configuration.busyMode = .timeout(Double(patience) / 1000)
        configuration.persistentReadOnlyConnections = true
        configuration.prepareDatabase { db in
            try schema.refuseForeign(db, path: path)
            // Memory-mapped reads are off: an error of the medium would be a SIGBUS, and what they save is a copy.
            try db.execute(
                sql: """
                    PRAGMA page_size = \(schema.pageSize);
                    PRAGMA auto_vacuum = NONE;
                    PRAGMA secure_delete = ON;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA cache_size = -2000;
                    PRAGMA mmap_size = 0;
                    PRAGMA cell_size_check = ON;
                    PRAGMA trusted_schema = OFF;
                    PRAGMA wal_autocheckpoint = 0;
                    PRAGMA journal_size_limit = \(16 << 20);
                    """)
        }
        return configuration
    }

    /// Opens two readers now, so that the first read beside another one need not.
    ///
    /// What prevents it is told to whoever reads next.
    func openReaders() {
        let opened = Latch()
        _ = try? pool.unsafeRead { _ in
            // The thread, which may end later, must not be the one that lets go of the pool last.
            let lent = Lock<DatabasePool?>(pool)
            startThread(name: "reader") {
                lent.withLock { pool in
                    _ = try? pool?.unsafeRead { _ in }
                    pool = nil
                }
                opened.signal()
            }
            opened.wait()
        }
    }

    /// Runs single statements on a reader.
    func read<R>(_ operation: String, _ body: (Database) throws -> R) throws(StoreError) -> R {
        do {
            return try pool.unsafeRead(body)
        } catch {
            throw StoreError(error, operation, path: name, advice: advice)
        }
    }

    /// Runs a transaction on the writer, and `afterFailure` in the writer's queue when nothing of it was kept.
    func write(
        _ operation: String, _ body: (Database) throws -> Void,
        afterFailure: (Database, any Error) -> Void = { _, _ in }
    ) throws(StoreError) {
        do {
            try pool.writeWithoutTransaction { db in
                do {
                    try db.inTransaction(.immediate) {
                        try body(db)
                        return .commit
                    }
                } catch {
                    afterFailure(db, error)
                    throw error
                }
            }
        } catch {
            throw StoreError(error, operation, path: name, advice: advice)
        }
    }

    /// Runs statements on the writer, outside of a transaction.
    func onWriter<R>(_ operation: String, _ body: (Database) throws -> R) throws(StoreError) -> R {
        do {
            return try pool.writeWithoutTransaction(body)
        } catch {
            throw StoreError(error, operation, path: name, advice: advice)
        }
    }

    /// Copies the log into the file and empties it, so that nothing deleted is left in it.
    ///
    /// Readers hold a state of the file for one statement; changes go on while this waits for them.
    ///
    /// - Throws: `.unavailable` when a reader still holds the log after two seconds.
    func truncateLog() throws(StoreError) {
        let deadline = MonotonicTime.now() + .milliseconds(Self.patience)
        while try !tryTruncatingLog() {
            guard MonotonicTime.now() < deadline else {
                throw StoreError(.unavailable, "truncate the log of \(name)", "a reader holds it")
            }
            Latch().wait(atMost: .milliseconds(10))
        }
    }

    /// Does as ``truncateLog()``, once and without waiting.
    ///
    /// - Returns: `false` when a reader holds the log.
    func tryTruncatingLog() throws(StoreError) -> Bool {
        // Beside the writer first, so that little is left for the copy that keeps it waiting.
        checkpointer.copy()
        return try onWriter("truncate the log of \(name)") { db in
            try db.execute(sql: "PRAGMA busy_timeout = 0")
            defer { try? db.execute(sql: "PRAGMA busy_timeout = \(Self.patience)") }
            do {
                try db.checkpoint(.truncate)
                return true
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                return false
            }
        }
    }

    /// Forbids the file to grow beyond what it has now and `more` pages, or lifts that (`nil`).
    func limitGrowth(_ more: Int?) throws(StoreError) {
        try onWriter("limit the size of \(name)") { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(more.map { pages + $0 } ?? 1 << 30)")
        }
    }

    /// Closes all connections; calls afterwards fail.
    func close() throws(StoreError) {
        checkpointer.close()
        do {
            // GRDB closes the readers last, and what is opened for reading only cannot copy the log into the file.
            // When somebody holds the log it stays, and the next start reads it.
            _ = try? pool.writeWithoutTransaction { db in try db.checkpoint(.truncate) }
            try pool.close()
        } catch {
            throw StoreError(error, "close \(name)", path: name, advice: advice)
        }
    }
}
