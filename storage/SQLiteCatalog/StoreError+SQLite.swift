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
        let detail = "SQLite code \(failure.extendedResultCode.rawValue): \(failure.message ?? "no message")"
        let (kind, words): (Kind, String) =
            switch failure.resultCode {
            case .SQLITE_FULL: (.full, "has no room on the disk; make some there")
            case .SQLITE_CORRUPT, .SQLITE_FORMAT: (.corrupt, "is damaged; \(advice)")
            case .SQLITE_NOTADB: (.corrupt, "is no database, or one of another program; \(advice)")
            case .SQLITE_TOOBIG, .SQLITE_CONSTRAINT, .SQLITE_MISMATCH: (.rejected, "cannot hold what it was given")
            case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL:
                (.unavailable, "is in use by another program; stop that, or try again")
            case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN, .SQLITE_AUTH:
                (.unavailable, "cannot be opened or written; look at its permissions and those of its folder")
            case .SQLITE_NOMEM: (.unavailable, "needs more memory than there is")
            case .SQLITE_IOERR: (.unavailable, "cannot be read or written; look for faults of the disk")
            default: (.unavailable, "cannot be used now; try again")
            }
        self.init(kind, operation, "\(path) \(words)", detail: detail)
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
