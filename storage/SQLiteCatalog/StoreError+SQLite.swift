internal import GRDB
internal import Storage

extension StoreError {
    /// Says what an error of SQLite means for the store: the one table of its result codes.
    ///
    /// - Parameters:
    ///   - error: What GRDB threw; a ``StoreError`` stays what it is.
    ///   - operation: What was being done.
    ///   - path: The database file, named in the reason.
    ///   - advice: What to do when the file is damaged.
    init(_ error: any Error, _ operation: String, path: String, advice: String) {
        if let error = error as? StoreError {
            self = error
            return
        }
        guard let failure = error as? DatabaseError else {
            self.init(.unavailable, operation, "\(path): \(error)")
            return
        }
        let words = "\(path): \(failure.message ?? "no message") (SQLite code \(failure.extendedResultCode.rawValue))"
        switch failure.resultCode {
        case .SQLITE_FULL: self.init(.full, operation, words)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT: self.init(.corrupt, operation, "\(words); \(advice)")
        case .SQLITE_TOOBIG, .SQLITE_CONSTRAINT, .SQLITE_MISMATCH: self.init(.rejected, operation, words)
        // BUSY, LOCKED, IOERR, READONLY, CANTOPEN, PERM, NOMEM, INTERRUPT, PROTOCOL …
        default: self.init(.unavailable, operation, words)
        }
    }
}

extension DatabaseError {
    /// Whether giving back room on the disk may help.
    ///
    /// SQLite says `SQLITE_FULL` for `ENOSPC` but `SQLITE_IOERR_WRITE` for `EDQUOT` (os_unix.c, `unixWrite`).
    var isLackOfSpace: Bool {
        [.SQLITE_FULL].contains(resultCode)
            || [.SQLITE_IOERR_WRITE, .SQLITE_IOERR_SHMSIZE, .SQLITE_IOERR_TRUNCATE].contains(extendedResultCode)
    }
}
