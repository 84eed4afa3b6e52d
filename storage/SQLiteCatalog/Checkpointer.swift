internal import GRDB
internal import GRDBSQLite
internal import Platform

/// Copies the log of a database into its file without keeping commits waiting.
///
/// SQLite by itself copies the log at the end of whichever commit makes it too long, with two fsyncs. Here a thread with
/// a connection of its own does it (`SQLITE_CHECKPOINT_PASSIVE` takes no lock that a writer or a reader needs); it takes
/// up what came meanwhile when a quarter as much has come again. The log begins anew at the first commit that finds all
/// of it copied. Only when commits leave no gap for that, and the log has grown four times as long as it should, does a
/// commit copy the rest itself. The log never gets longer than that and what comes while it is copied once.
///
/// - SeeAlso: sqlite.org/wal.html, section 2; sqlite.org/c3ref/wal_checkpoint_v2.html.
final class Checkpointer: Sendable {
    /// When the log is copied, in pages.
    struct Thresholds: Sendable {
        /// The log is copied from here on.
        var due: Int
        /// A commit copies the rest from here on.
        var most: Int { due * 4 }
        /// Pages between two copies.
        var step: Int { due / 4 }
    }

    private struct State {
        /// When the thread copies next, in pages.
        var nextAt: Int
        /// When a commit copies next.
        var nextByCommitAt: Int
        var pages = 0
        var isRunning = false
        var isClosed = false
    }

    private let path: String
    private let thresholds: Thresholds
    private let beforeCopy: @Sendable () -> Void
    private let state: Monitor<State>
    private let connection = Lock<DatabaseQueue?>(nil)

    /// Makes a checkpointer; ``attach(to:)`` starts it.
    ///
    /// - Parameters:
    ///   - path: The database.
    ///   - thresholds: When the log is copied.
    ///   - beforeCopy: Called on the thread that copies (for tests).
    init(path: String, thresholds: Thresholds, beforeCopy: @escaping @Sendable () -> Void) {
        self.path = path
        self.thresholds = thresholds
        self.beforeCopy = beforeCopy
        state = Monitor(State(nextAt: thresholds.due, nextByCommitAt: thresholds.most))
    }

    /// Hears of every commit of a connection, which must not outlive this object.
    func attach(to db: Database) throws {
        try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
        // The pointer is used by calls on the connection only, and its owner keeps this object.
        unsafe sqlite3_wal_hook(
            db.sqliteConnection,
            { context, connection, name, pages in
                guard let context = unsafe context else { return SQLITE_OK }
                let checkpointer = unsafe Unmanaged<Checkpointer>.fromOpaque(context).takeUnretainedValue()
                if checkpointer.committed(pages: Int(pages)) {
                    unsafe sqlite3_wal_checkpoint_v2(connection, name, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
                }
                return SQLITE_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Notes how long the log is.
    ///
    /// - Returns: Whether the commit must copy the log itself.
    private func committed(pages: Int) -> Bool {
        let (begins, copies) = state.withLock { state in
            // The log has begun anew.
            if pages < state.pages {
                state.nextAt = thresholds.due
                state.nextByCommitAt = thresholds.most
            }
            state.pages = pages
            guard !state.isRunning else { return (false, false) }
            let copies = pages >= state.nextByCommitAt
            if copies { state.nextByCommitAt = pages + thresholds.step }
            let begins = !copies && pages >= state.nextAt && pages < thresholds.most && !state.isClosed
            if begins { state.isRunning = true }
            return (begins, copies)
        }
        if begins { startThread(name: "checkpoint") { self.run() } }
        return copies
    }

    private func run() {
        beforeCopy()
        copy()
        state.change { state in
            state.nextAt = max(thresholds.due, state.pages + thresholds.step)
            state.isRunning = false
        }
    }

    /// Copies what is in the log now, on the calling thread; what cannot be copied stays in the log.
    func copy() {
        let queue = connection.withLock { connection in
            if connection == nil {
                var configuration = Configuration()
                configuration.busyMode = .immediateError
                connection = try? DatabaseQueue(path: path, configuration: configuration)
            }
            return connection
        }
        // A log that cannot be copied shows when a commit has no room for its pages.
        _ = try? queue?.writeWithoutTransaction { db in try db.checkpoint(.passive) }
    }

    /// Ends; returns when nothing is being copied any more.
    func close() {
        state.change { $0.isClosed = true }
        _ = state.wait { $0.isRunning ? nil : () }
        connection.withLock { connection in
            try? connection?.close()
            connection = nil
        }
    }
}
