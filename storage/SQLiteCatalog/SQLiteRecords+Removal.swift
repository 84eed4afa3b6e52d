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
            number = try self.number(of: session, in: db) ?? self.number(of: session, in: db, state: .arriving)
            // From here on nobody sees it, and a start after a crash goes on with the removal.
            try db.execute(
                sql: "UPDATE sessions SET state = ? WHERE no = ?",
                arguments: [RecordsSchema.State.leaving.rawValue, number])
            forget(session)
        }
        if let number { _ = try deleteRows(of: number) { true } }
        try file.truncateLog()
    }

    /// Goes on with removals that the last run of the service did not end, slice by slice; nobody sees their sessions.
    ///
    /// - Parameter mayGoOn: Asked between two slices; what is left when it says no is left to the next start.
    /// - Throws: ``StoreError``; a second call goes on.
    package func endRemovals(mayGoOn: () -> Bool) throws(StoreError) {
        let interrupted = try file.read("find interrupted removals") { db in
            try Int64.fetchAll(db, sql: "SELECT no FROM sessions WHERE state = 1")
        }
        guard !interrupted.isEmpty else { return }
        for number in interrupted {
            guard try deleteRows(of: number, mayGoOn) else { return }
        }
        try file.truncateLog()
    }

    /// Deletes a session; returns `false` when it was told not to go on.
    private func deleteRows(of number: Int64, _ mayGoOn: () -> Bool) throws(StoreError) -> Bool {
        let keys = ExchangeKey(session: number)
        var isDone = false
        while !isDone {
            guard mayGoOn() else { return false }
            try write("remove exchanges") { db in isDone = try deleteSlice(of: keys, in: db) }
        }
        try write("remove a session") { db in
            try db.execute(sql: "DELETE FROM sessions WHERE no = ?", arguments: [number])
        }
        return true
    }

    /// Deletes rows for a while.
    ///
    /// - Returns: Whether all are gone.
    private func deleteSlice(of keys: ExchangeKey, in db: Database) throws -> Bool {
        let began = MonotonicTime.now()
        while try deleteChunks(of: keys, in: db) || deleteUses(of: keys, in: db) {
            if MonotonicTime.now() - began > Self.slice { return false }
        }
        return true
    }

    /// Deletes the first few chunks; returns `false` when there were none.
    private func deleteChunks(of keys: ExchangeKey, in db: Database) throws -> Bool {
        let find = try db.cachedStatement(sql: "SELECT key FROM chunks WHERE key > ? AND key < ? LIMIT 1")
        guard let row = try Row.fetchOne(find, arguments: [keys.base, keys.end]) else { return false }
        let first = try row.number(0)
        try db.cachedStatement(sql: "DELETE FROM chunks WHERE key >= ? AND key < ?")
            .execute(arguments: [first, min(first + Self.step, keys.end)])
        return true
    }

    /// Deletes the first few index entries of artifacts; returns `false` when there were none.
    private func deleteUses(of keys: ExchangeKey, in db: Database) throws -> Bool {
        let delete = try db.cachedStatement(
            sql: """
                DELETE FROM uses WHERE session = ?1 AND (digest_key, key) IN (
                    SELECT digest_key, key FROM uses WHERE session = ?1 ORDER BY digest_key, key LIMIT ?2
                )
                """)
        try delete.execute(arguments: [keys.session, Self.step])
        return db.changesCount > 0
    }
}
