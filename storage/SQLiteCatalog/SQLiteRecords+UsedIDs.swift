internal import Core
internal import GRDB
package import Storage

/// The ids that were used, here and in the records of which backups were taken in.
extension SQLiteRecords {
    package func usedIDKeys() throws(StoreError) -> [UsedIDKey] {
        try file.read("list the keys of used ids") { db in
            [hashKey] + (try others(in: db).map { $0.key })
        }
    }

    package func usedIDs(_ key: UsedIDKey, after: Int64?, limit: Int) throws(StoreError) -> [Int64] {
        try file.read("list used ids") { db in
            let start = after.map { $0 < .max ? $0 + 1 : nil } ?? .min
            guard let start, limit > 0 else { return [] }
            var statement = try db.cachedStatement(
                sql: "SELECT hash FROM used_ids WHERE hash >= ? ORDER BY hash LIMIT ?")
            var arguments: StatementArguments = [start, limit]
            if key != hashKey {
                guard let record = try others(in: db).first(where: { $0.key == key })?.number else { return [] }
                statement = try db.cachedStatement(
                    sql: "SELECT hash FROM other_ids WHERE record = ? AND hash >= ? ORDER BY hash LIMIT ?")
                arguments = [record, start, limit]
            }
            var hashes: [Int64] = []
            let rows = try Row.fetchCursor(statement, arguments: arguments)
            while let row = try rows.next() { hashes.append(try row.number(0)) }
            return hashes
        }
    }

    /// Whether an id was used here or elsewhere.
    func isUsed(_ id: SessionID, in db: Database) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT 1 FROM used_ids WHERE hash = ?")
        if try Row.fetchOne(statement, arguments: [hash(id)]) != nil { return true }
        return try wasUsedElsewhere(id, in: db)
    }

    func wasUsedElsewhere(_ id: SessionID, in db: Database) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT 1 FROM other_ids WHERE record = ? AND hash = ?")
        return try others(in: db).contains { other in
            try Row.fetchOne(statement, arguments: [other.number, other.key.hash(id)]) != nil
        }
    }

    /// Notes hashes of ids as those of used ones.
    func reserve(_ hashes: [Int64], _ key: UsedIDKey, in db: Database) throws {
        if key == hashKey {
            let statement = try db.cachedStatement(sql: "INSERT OR IGNORE INTO used_ids VALUES (?)")
            for hash in hashes { try statement.execute(arguments: [hash]) }
            return
        }
        let record = try number(of: key, in: db)
        let statement = try db.cachedStatement(sql: "INSERT OR IGNORE INTO other_ids VALUES (?, ?)")
        for hash in hashes { try statement.execute(arguments: [record, hash]) }
    }

    /// The number of another record, which it gets when it has none.
    private func number(of key: UsedIDKey, in db: Database) throws -> Int64 {
        let others = try others(in: db)
        if let present = others.first(where: { $0.key == key }) { return present.number }
        guard others.count < UsedIDKey.most else {
            throw StoreError(.rejected, "reserve ids", "there are those of \(UsedIDKey.most) records already")
        }
        try db.cachedStatement(sql: "INSERT INTO other_records VALUES (NULL, ?, ?)")
            .execute(arguments: [Int64(bitPattern: key.first), Int64(bitPattern: key.second)])
        return db.lastInsertedRowID
    }

    private func others(in db: Database) throws -> [(number: Int64, key: UsedIDKey)] {
        let statement = try db.cachedStatement(sql: "SELECT no, hash_key0, hash_key1 FROM other_records ORDER BY no")
        var others: [(number: Int64, key: UsedIDKey)] = []
        let rows = try Row.fetchCursor(statement)
        while let row = try rows.next() { others.append((try row.number(0), try Self.key(row, 1))) }
        return others
    }

    /// A key from two columns.
    static func key(_ row: Row, _ index: Int) throws -> UsedIDKey {
        UsedIDKey(
            first: UInt64(bitPattern: try row.number(index)), second: UInt64(bitPattern: try row.number(index + 1)))
    }
}
