package import Core
internal import GRDB
package import Storage

extension SQLiteRecords {
    /// How long a slice deletes before it commits; the commit takes about as long again.
    private static let slice = Duration.milliseconds(5)
    /// Rows deleted between two looks at the clock.
    private static let step: Int64 = 32

    package func remove(_ session: SessionID) throws(StoreError) {
        var number: Int64?
        try write("begin to remove session \(session)") { db in
            number = try self.number(of: session, in: db)
            // From here on nobody sees it, and a start after a crash goes on with the removal.
            try db.execute(sql: "UPDATE sessions SET state = 1 WHERE no = ?", arguments: [number])
            forget(session)
        }
        if let number { try deleteRows(of: number) }
        try file.truncateLog()
    }

    /// Goes on with removals that were interrupted.
    func endRemovals() throws(StoreError) {
        let interrupted = try file.read("find interrupted removals") { db in
            try Int64.fetchAll(db, sql: "SELECT no FROM sessions WHERE state = 1")
        }
        guard !interrupted.isEmpty else { return }
        for number in interrupted { try deleteRows(of: number) }
        try file.truncateLog()
    }

    private func deleteRows(of number: Int64) throws(StoreError) {
        let keys = ExchangeKey(session: number)
        var next: Int64? = keys.base
        while let from = next {
            try write("remove exchanges") { db in next = try deleteSlice(from: from, before: keys.end, in: db) }
        }
        try write("remove a session") { db in
            try db.execute(sql: "DELETE FROM sessions WHERE no = ?", arguments: [number])
        }
    }

    /// Deletes rows for a while.
    ///
    /// - Returns: Where to go on, or `nil` when all are gone.
    private func deleteSlice(from start: Int64, before end: Int64, in db: Database) throws -> Int64? {
        let began = MonotonicTime.now()
        let find = try db.cachedStatement(sql: "SELECT key FROM exchanges WHERE key >= ? AND key < ? LIMIT 1")
        let delete = try db.cachedStatement(sql: "DELETE FROM exchanges WHERE key >= ? AND key < ?")
        var from = start
        while let row = try Row.fetchOne(find, arguments: [from, end]) {
            if MonotonicTime.now() - began > Self.slice { return from }
            let first = try row.number(0)
            from = min(first + Self.step, end)
            try delete.execute(arguments: [first, from])
        }
        return nil
    }
}
