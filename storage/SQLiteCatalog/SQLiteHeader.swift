internal import Glibc
internal import Storage
internal import Platform

/// What the first 100 bytes of a database file tell, read without SQLite, which would change or repair.
///
/// - SeeAlso: sqlite.org/fileformat2.html, section 1.3.
struct SQLiteHeader {
    /// What is at a path.
    enum Finding {
        /// Nothing, or an empty file.
        case absent
        /// Something that looks like a whole database.
        case database(size: Int64)
        /// Something else, and why.
        case damaged(String)
    }

    /// Looks at a path.
    ///
    /// - Throws: `.unavailable` when something is there that is no file, or it cannot be read.
    static func find(at path: String) throws(StoreError) -> Finding {
        let operation = "open \(path)"
        do {
            guard let status = try Kernel.stat(path) else { return .absent }
            guard status.isRegular else {
                let what = status.isDirectory ? "a directory" : "no regular file"
                throw StoreError(.unavailable, operation, "it is \(what); move it away or choose another state folder")
            }
            guard status.size > 0 else { return .absent }
            let log = try Kernel.stat(path + "-wal")?.size ?? 0
            return examine(try start(of: path), size: status.size, hasLog: log > 0)
        } catch let error as StoreError {
            throw error
        } catch let error as SystemError {
            throw StoreError(.unavailable, operation, error.description)
        } catch {
            throw StoreError(.unavailable, operation, "\(error)")
        }
    }

    /// Says in the header that the file has no log beside it, as if `journal_mode` had been set so.
    ///
    /// - Parameter path: A database that nobody has open.
    /// - Throws: `SystemError` when the file cannot be written.
    static func markAsWithoutLog(_ path: String) throws {
        let file = try Kernel.open(path, O_RDWR)
        // Bytes 18 and 19, the versions of the format for writing and reading: 1 without a log, 2 with one.
        try unsafe [1, 1 as UInt8].withUnsafeBytes { try unsafe Kernel.pwriteAll(file.number, $0, offset: 18) }
    }

    private static func start(of path: String) throws -> [UInt8] {
        let file = try Kernel.open(path, O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = try unsafe bytes.withUnsafeMutableBytes { buffer in
            try unsafe Kernel.pread(file.number, into: buffer, offset: 0)
        }
        return Array(bytes.prefix(count))
    }

    private static func examine(_ bytes: [UInt8], size: Int64, hasLog: Bool) -> Finding {
        guard bytes.count == 100, bytes.starts(with: Array("SQLite format 3\0".utf8)) else {
            return .damaged("it is no SQLite database")
        }
        func number(at offset: Int) -> Int64 { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int64($1) } }
        let pageField = Int64(bytes[16]) << 8 | Int64(bytes[17])
        let pageSize = pageField == 1 ? 65536 : pageField
        guard pageSize >= 512, pageSize & (pageSize - 1) == 0 else { return .damaged("its header is damaged") }
        // The page count counts only when the version it is valid for is the current one. While there is a log, later
        // pages may still be in it.
        let pages = number(at: 28)
        if !hasLog, number(at: 24) == number(at: 92), size < pages * pageSize {
            return .damaged("it is cut off: \(size) of \(pages * pageSize) bytes")
        }
        return .database(size: size)
    }
}
