import Control
import Core
import Glibc
import Platform
import RecordJournal
import SQLiteCatalog
import Sessions
import Storage

/// Backs the record up and restores it while it is written, one of both at a time.
///
/// The copies that this needs are in a folder of their own, which is empty otherwise.
final class RecordCare: RecordArchive {
    private let stores: Stores
    private let registry: SessionRegistry
    private let pool: WorkerPool
    /// Path of the folder for copies.
    private let folder: String
    private let minFree: Int64?
    private let mustEnd = Latch()
    private let isBusy = Lock(false)

    /// Makes it for a record.
    ///
    /// - Parameters:
    ///   - stores: Where the record is.
    ///   - registry: Takes up the sessions that are restored.
    ///   - pool: Where blocking calls run.
    ///   - folder: Path of the folder for copies.
    ///   - minFree: Bytes that stay free on its file system; `nil` is as for the cache.
    init(stores: Stores, registry: SessionRegistry, pool: WorkerPool, folder: String, minFree: Int64?) {
        self.stores = stores
        self.registry = registry
        self.pool = pool
        self.folder = folder
        self.minFree = minFree
    }

    /// Ends what is being done, soon.
    func stop() { mustEnd.signal() }

    func backUp() async throws(ArchiveFailure) -> RecordBackup {
        try await alone {
            let time = await registry.settledTime()
            return try await pool.run { try self.makeBackup(time) }
        }
    }

    func restore(_ file: SharedDescriptor, validateOnly: Bool) async throws(ArchiveFailure) -> RestoredRecord {
        try await alone {
            let (records, time) = try await pool.run { try self.open(file) }
            let outcome: Result<SessionsRestored, SessionError>
            do throws(SessionError) {
                outcome = .success(
                    try await registry.restore(
                        from: records, time: time, validateOnly: validateOnly,
                        mayGoOn: { () throws(StoreError) in try self.mayGoOn() }))
            } catch {
                outcome = .failure(error)
            }
            try await pool.run {
                try? records.close()
                try self.empty()
            }
            return RestoredRecord(try outcome.get(), time: time)
        }
    }

    /// Does something with the folder, unless somebody else does.
    private func alone<R: Sendable>(_ body: () async throws -> R) async throws(ArchiveFailure) -> R {
        let isFree = isBusy.withLock { isBusy in
            defer { isBusy = true }
            return !isBusy
        }
        guard isFree else { throw ArchiveFailure("another backup is being made or restored; try again later") }
        defer { isBusy.withLock { $0 = false } }
        do {
            return try await body()
        } catch {
            throw Self.failure(error)
        }
    }

    /// What went wrong, without names that mean nothing outside.
    private static func failure(_ error: any Error) -> ArchiveFailure {
        let stored =
            switch error {
            case SessionError.storage(let error): error
            default: error as? StoreError
            }
        guard let stored else {
            let system = (error as? SystemError).map { "the state folder: \(SystemError.text(of: $0.code))" }
            return ArchiveFailure(system ?? "\(error)", detail: system == nil ? "" : "\(error)")
        }
        return ArchiveFailure(
            stored.reason, isOfTheFile: [.rejected, .corrupt].contains(stored.kind), detail: stored.detail)
    }

    // MARK: - Blocking

    private static let backupName = "backup.db"
    private static let copyName = "restore.db"

    private func makeBackup(_ time: WallTime) throws -> RecordBackup {
        try stores.journal?.flush()
        try requireRoom(try stores.database.backupSize())
        let path = "\(folder)/\(Self.backupName)"
        try makeFile(path)
        defer { try? empty() }
        let contents = try stores.database.backUp(to: path, time: time) { () throws(StoreError) in try mayGoOn() }
        let file = SharedDescriptor(adopting: try Kernel.open(path, O_RDONLY))
        return RecordBackup(
            file: file, sessions: contents.sessions, exchanges: contents.exchanges,
            bytes: try Kernel.fstat(file.raw).size, time: time)
    }

    /// Opens a copy of a backup, which nobody can change.
    private func open(_ file: SharedDescriptor) throws -> (SQLiteRecords, WallTime) {
        let status = try Kernel.fstat(file.raw)
        // Once for the copy, and about as much for what is taken in.
        try requireRoom(status.size.multipliedReportingOverflow(by: 2).partialValue)
        let path = "\(folder)/\(Self.copyName)"
        let copy = try makeFile(path)
        do {
            _ = try Kernel.copyBytes(from: file.raw, to: copy.raw, count: status.size)
            let (records, time) = try SQLiteRecords.openBackup(path)
            if let time, time.nanoseconds < 0 {
                throw StoreError(.rejected, "open the backup", "its time, \(time.rfc3339), is none of a backup")
            }
            // Without a time of its own it can be no newer than the file.
            return (records, min(time ?? WallTime(nanoseconds: status.modified), .now()))
        } catch {
            try? empty()
            throw error
        }
    }

    @discardableResult
    private func makeFile(_ path: String) throws(SystemError) -> SharedDescriptor {
        try Kernel.mkdir(folder)
        try empty()
        return SharedDescriptor(adopting: try Kernel.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600))
    }

    private func empty() throws(SystemError) { try StateFolder.empty(folder) }

    private func mayGoOn() throws(StoreError) {
        guard !mustEnd.isOpen else { throw StoreError(.unavailable, "go on", "the service is stopping") }
        try requireRoom(0)
    }

    /// Throws unless so many bytes can be written and the minimum of free space is still there.
    private func requireRoom(_ count: Int64) throws(StoreError) {
        do throws(SystemError) {
            let parent = folder.lastIndex(of: "/").map { String(folder[..<$0]) } ?? folder
            let space = try Kernel.space(at: parent)
            let kept = minFree ?? min(256 << 20, space.total / 50)
            guard count >= 0, space.available - kept >= count else {
                throw SystemError(
                    call: "it needs \(count) bytes in \(parent), where \(space.available) are free and \(kept) must "
                        + "stay so", code: ENOSPC)
            }
        } catch {
            throw StoreError(error.code == ENOSPC ? .full : .unavailable, "make room", error.description)
        }
    }
}

extension RestoredRecord {
    fileprivate init(_ outcome: SessionsRestored, time: WallTime) {
        self.init(time: time)
        restored = outcome.restored
        exchanges = outcome.exchanges
        known = outcome.known
        expired = outcome.expired
        failed = outcome.failed
    }
}
