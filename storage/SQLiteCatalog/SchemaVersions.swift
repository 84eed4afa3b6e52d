internal import GRDB
internal import Storage

/// The versions of a file's schema and how to get from one to the next.
///
/// `user_version` in the header counts the steps taken, `application_id` says which program's file it is. Steps only
/// add (tables, columns with defaults, indices), so that the release before can still read what this one wrote.
struct SchemaVersions: Sendable {
    /// Four letters that say what the file is.
    var applicationID: Int64
    /// Bytes of a page, for files that are made anew.
    var pageSize: Int
    /// Step n leads from version n to n + 1.
    var steps: [@Sendable (Database) throws -> Void]
    /// Queries that touch the root and one leaf of each tree, and fail when those are damaged.
    var probes: [String]

    /// Files up to this size are checked as a whole when they are opened, which takes about 10 ms.
    private static let wholeCheck: Int64 = 4 << 20

    /// Refuses files of other programs and of newer versions, before anything is written.
    func refuseForeign(_ db: Database, path: String) throws {
        let application = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let isNew = application == 0 && version == 0
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'grdb%'"
        if isNew ? try Int.fetchOne(db, sql: tables) != 0 : application != applicationID {
            throw DatabaseError(resultCode: .SQLITE_NOTADB, message: "it is a database of another program")
        }
        guard version >= 0 else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "its schema has version \(version)")
        }
        if version > steps.count {
            throw StoreError(
                .rejected, "open \(path)",
                "its schema has version \(version), which a newer release made, and this one knows up to "
                    + "\(steps.count); start the newer release, or move the file away")
        }
    }

    /// Takes the missing steps, in one transaction.
    func migrate(_ db: Database) throws {
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard version < steps.count else { return }
        try db.inTransaction(.immediate) {
            for step in steps[version...] { try step(db) }
            try db.execute(
                sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(steps.count)")
            return .commit
        }
    }

    /// Looks for damage where it is cheap to find: all of a small file, the ends of the trees of a large one.
    func probe(_ db: Database, size: Int64) throws {
        if size <= Self.wholeCheck, let finding = try String.fetchOne(db, sql: "PRAGMA quick_check(1)"),
            finding != "ok"
        {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: finding)
        }
        // Queries fit the newest schema; an older file gets there only after this.
        guard try Int.fetchOne(db, sql: "PRAGMA user_version") == steps.count else { return }
        for query in probes {
            let rows = try Row.fetchCursor(db, sql: query)
            while try rows.next() != nil {}
        }
    }
}
