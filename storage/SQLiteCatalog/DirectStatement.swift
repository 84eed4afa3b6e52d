internal import Core
internal import GRDB
internal import GRDBSQLite

/// The values of a statement that runs for every miss, collected in memory that stays from one run to the next.
///
/// GRDB makes an array of existential values and a copy of each text and blob for every run; here they are bound where
/// they lie. The statements are those of GRDB's cache, and errors are GRDB's.
struct DirectStatement: Sendable {
    private enum Value {
        case null
        case number(Int64)
        case zeros(Int)
        case text(Range<Int>)
        case blob(Range<Int>)
    }

    private var values: [Value] = []
    /// Begins with a byte of no meaning, so that there is an address even for what is empty.
    private var bytes: [UInt8] = [0]

    mutating func add(_ number: Int64) { values.append(.number(number)) }

    mutating func addNull() { values.append(.null) }

    /// Adds a blob of zeros.
    mutating func add(zeros count: Int) { values.append(.zeros(count)) }

    mutating func add(_ text: String) {
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        values.append(.text(start..<bytes.count))
    }

    mutating func add(_ blob: [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: blob)
        values.append(.blob(start..<bytes.count))
    }

    mutating func add(_ digest: SHA256Digest) {
        let start = bytes.count
        digest.append(to: &bytes)
        values.append(.blob(start..<bytes.count))
    }

    /// Runs a statement with the values added since the last run, up to its first row.
    ///
    /// - Returns: Whether there is a row.
    @discardableResult
    mutating func run(_ sql: String, in db: Database) throws -> Bool {
        defer {
            values.removeAll(keepingCapacity: true)
            bytes.removeSubrange(1...)
        }
        let statement = unsafe try db.cachedStatement(sql: sql).sqliteStatement
        return try unsafe bytes.withUnsafeBytes { bytes in
            defer {
                // Nothing that is bound outlives this call.
                unsafe sqlite3_reset(statement)
                unsafe sqlite3_clear_bindings(statement)
            }
            for (index, value) in values.enumerated() {
                let code = unsafe Self.bind(value, of: bytes, to: statement, at: CInt(index + 1))
                guard code == SQLITE_OK else { throw Self.error(code, sql, db) }
            }
            let code = unsafe sqlite3_step(statement)
            guard code == SQLITE_ROW || code == SQLITE_DONE else { throw Self.error(code, sql, db) }
            return code == SQLITE_ROW
        }
    }

    private static func bind(
        _ value: Value, of bytes: UnsafeRawBufferPointer, to statement: OpaquePointer, at index: CInt
    ) -> CInt {
        switch value {
        case .null: unsafe sqlite3_bind_null(statement, index)
        case .number(let number): unsafe sqlite3_bind_int64(statement, index, number)
        case .zeros(let count): unsafe sqlite3_bind_zeroblob64(statement, index, UInt64(count))
        case .text(let range):
            unsafe sqlite3_bind_text64(
                statement, index, bytes.baseAddress?.advanced(by: range.lowerBound).assumingMemoryBound(to: CChar.self),
                UInt64(range.count), nil, UInt8(SQLITE_UTF8))
        case .blob(let range):
            unsafe sqlite3_bind_blob64(
                statement, index, bytes.baseAddress?.advanced(by: range.lowerBound), UInt64(range.count), nil)
        }
    }

    private static func error(_ code: CInt, _ sql: String, _ db: Database) -> DatabaseError {
        // What SQLite says of the connection is about its last call.
        let message = unsafe sqlite3_errmsg(db.sqliteConnection).map { unsafe String(cString: $0) }
        return unsafe DatabaseError(
            resultCode: ResultCode(rawValue: sqlite3_extended_errcode(db.sqliteConnection)), message: message, sql: sql)
    }
}
