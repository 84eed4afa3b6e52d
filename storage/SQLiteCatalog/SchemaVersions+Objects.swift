internal import Core
internal import GRDB
internal import Storage

extension SchemaVersions {
    /// Refuses a file whose schema has other objects than those that the steps up to its version make.
    ///
    /// - Parameters:
    ///   - db: The file, whose version is one of ours.
    ///   - others: Statements that make further objects, which may be there.
    ///   - operation: What is being done.
    ///   - advice: What to do when it is refused.
    /// - Throws: ``StoreError``: `.rejected` for what is too much or different, `.corrupt` for what is missing.
    func refuseOtherObjects(
        _ db: Database, besides others: [String], _ operation: String, advice: String
    ) throws {
        let found = try Self.objects(of: db)
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        // Made by the same steps, so that there is no second list that could differ.
        let (needed, possible) = try DatabaseQueue().inDatabase { model in
            for step in steps[..<version] { try step(model) }
            let needed = try Self.objects(of: model)
            for statement in others { try model.execute(sql: statement) }
            return (needed, try Self.objects(of: model))
        }
        for (object, text) in found.sorted(by: { $0.key < $1.key }) where possible[object] != text {
            let what = possible[object] == nil ? "which no record has" : "which is not that of a record"
            throw StoreError(
                .rejected, operation, "it has the \(escapedForDisplay(object, limit: 80)), \(what); \(advice)")
        }
        for object in needed.keys.sorted() where found[object] == nil {
            throw StoreError(.corrupt, operation, "it lacks the \(object); \(advice)")
        }
    }

    /// Types and names of all objects, and what each of them is.
    private static func objects(of db: Database) throws -> [String: String] {
        var objects: [String: String] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema") {
            let words = try row.text(3).split(whereSeparator: \.isWhitespace).joined(separator: " ")
            objects["\(try row.text(0)) '\(try row.text(1))'"] = "\(try row.text(2)): \(words)"
        }
        return objects
    }
}
