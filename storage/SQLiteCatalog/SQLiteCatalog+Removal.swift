internal import Core
internal import GRDB
internal import Storage

/// Deleting what has ended, a slice at a time.
///
/// A removal is a row of `removals`, written in the transaction that makes what it names invisible. It stays until its
/// last row is deleted and the log holds nothing of them, so that a start after a crash goes on with it.
extension SQLiteCatalog {
    /// How long a slice deletes before it commits; the commit takes about as long again.
    private static let slice = Duration.milliseconds(5)
    /// Rows deleted between two looks at the clock.
    private static let step = 32
    /// Responses of one blob that are deleted together with it.
    private static let mostResponsesAtOnce = 256

    /// Makes everything that is private to a session invisible.
    func beginRemoval(of session: SessionID, in db: Database) throws {
        guard let scope = try scopeNumber(.session(session), in: db) else { return }
        try db.cachedStatement(sql: "INSERT INTO removals VALUES (NULL, ?, NULL, NULL, 0, NULL)").execute(arguments: [
            scope
        ])
        // Rows of a scope without a session are shown to nobody.
        try db.cachedStatement(sql: "DELETE FROM scopes WHERE no = ?").execute(arguments: [scope])
        scopeNumbers[session] = nil
    }

    /// Deletes responses that have a blob as their body, as many as fit into a transaction.
    ///
    /// `blob` is the number of the blob's row, when there was one.
    ///
    /// - Returns: Whether there may be more.
    func deleteResponses(
        of digest: SHA256Digest, _ blob: Int64?, _ scope: Int64, before id: Int64, most: Int = mostResponsesAtOnce,
        _ totals: inout CatalogTotals, in db: Database
    ) throws -> Bool {
        try db.cachedStatement(
            sql: """
                DELETE FROM responses WHERE id IN (
                    SELECT id FROM responses
                    WHERE digest_key IN (?, ?) AND digest = ? AND scope = ? AND id < ? LIMIT ?
                )
                """
        ).execute(arguments: [digest.indexKey, blob ?? digest.indexKey, digest.column, scope, id, most])
        totals.responses -= Int64(db.changesCount)
        return db.changesCount == most
    }

    /// Goes on with removals for a while.
    ///
    /// - Returns: Whether everything has been deleted.
    func removePart(_ totals: inout CatalogTotals, in db: Database) throws -> Bool {
        let began = MonotonicTime.now()
        let next = try db.cachedStatement(
            sql: "SELECT no, scope, digest, below, blob FROM removals WHERE done = 0 ORDER BY no LIMIT 1")
        while let row = try Row.fetchOne(next) {
            let (number, scope, digest) = (try row.number(0), try row.number(1), try row.optionalDigest(2))
            let (below, blob) = (try row.optionalNumber(3) ?? .max, try row.optionalNumber(4))
            var isLeft = true
            while isLeft {
                if MonotonicTime.now() - began > Self.slice { return false }
                if let digest {
                    isLeft = try deleteResponses(
                        of: digest, blob, scope, before: below, most: Self.step, &totals, in: db)
                } else {
                    isLeft = try deleteStep(of: scope, &totals, in: db)
                }
            }
            try db.cachedStatement(sql: "UPDATE removals SET done = 1 WHERE no = ?").execute(arguments: [number])
            markLogStale()
        }
        return true
    }

    /// Deletes some rows of a scope: responses first, then blobs, then pins, those in rows of blobs before the others.
    ///
    /// - Returns: Whether there were any.
    private func deleteStep(of scope: Int64, _ totals: inout CatalogTotals, in db: Database) throws -> Bool {
        try db.cachedStatement(
            sql: """
                DELETE FROM responses WHERE id IN (
                    SELECT id FROM responses WHERE scope <> 0 AND scope = ? LIMIT ?
                )
                """
        ).execute(arguments: [scope, Self.step])
        totals.responses -= Int64(db.changesCount)
        guard db.changesCount == 0 else { return true }

        let blobs = try db.cachedStatement(
            sql: "SELECT no, digest, logical_size, size_on_disk FROM blobs WHERE scope <> 0 AND scope = ? LIMIT ?")
        let rows = try Row.fetchAll(blobs, arguments: [scope, Self.step])
        for row in rows {
            try deleteBlob(try row.number(0), try row.digest(1), in: db)
            totals.blobs -= 1
            totals.logicalBytes -= try row.number(2)
            totals.bytesOnDisk -= try row.number(3)
        }
        guard rows.isEmpty else { return true }

        try db.cachedStatement(
            sql: """
                UPDATE blobs SET owner = 0, pinned = EXISTS (SELECT 1 FROM pins WHERE pins.digest = blobs.digest)
                WHERE no IN (SELECT no FROM blobs WHERE owner <> 0 AND owner = ? LIMIT ?)
                """
        ).execute(arguments: [scope, Self.step])
        guard db.changesCount == 0 else { return true }

        let pins = try db.cachedStatement(sql: "SELECT digest FROM pins WHERE scope = ? LIMIT ?")
        let pinned = try Row.fetchAll(pins, arguments: [scope, Self.step]).map { try $0.digest(0) }
        for digest in pinned {
            try db.cachedStatement(sql: "DELETE FROM pins WHERE digest = ? AND scope = ?").execute(
                arguments: [digest.column, scope])
            try db.cachedStatement(
                sql: """
                    UPDATE blobs SET pinned = 0 WHERE digest = ?1 AND scope = 0 AND owner = 0
                        AND NOT EXISTS (SELECT 1 FROM pins WHERE pins.digest = ?1)
                    """
            ).execute(arguments: [digest.column])
            try deleteSHA1(digest, in: db)
        }
        return !pinned.isEmpty
    }
}
