internal import Core
internal import GRDB
internal import Storage

/// Sessions of another record, which nobody sees before all of them is there.
extension SQLiteRecords {
    func beginRestoring(_ row: SessionRow, in db: Database) throws {
        let operation = "restore session \(row.id)"
        guard try !isUsed(row.id, in: db) else { throw StoreError(.rejected, operation, "the id was used before") }
        guard try number(of: row.id, in: db, state: .arriving) == nil else {
            throw StoreError(.rejected, operation, "it is being brought back already")
        }
        try insert(row, .arriving, in: db)
    }

    func endRestoring(_ id: SessionID, in db: Database) throws {
        let known = try known(id, in: db, state: .arriving)
        try use(id, in: db, "restore session \(id)")
        try db.cachedStatement(sql: "UPDATE sessions SET state = ? WHERE no = ?")
            .execute(arguments: [RecordsSchema.State.present.rawValue, known.keys.session])
        known.state = .present
    }
}
