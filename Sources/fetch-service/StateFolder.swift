import Core
import Glibc
import Logging
import Platform

/// The state folder: the sessions' folders, and what is ours in `.store`, a name that no session can have.
///
/// | Path | Holds |
/// |---|---|
/// | `<session id>/` | what is left of a finished session |
/// | `service.json` | where the running service is, for `fetchctl` |
/// | `.store/lock` | held by the one process that uses the folder |
/// | `.store/records.db` | sessions and exchanges; precious |
/// | `.store/records.journal-0`, `-1` | exchanges that `records.db` has not taken in yet; empty after an orderly end |
/// | `.store/archive/` | a copy of the record while it is backed up or restored; empty otherwise |
/// | `.store/cache.db` | what is stored for reuse; can be thrown away with `content` |
/// | `.store/content/` | bodies |
/// | `.store/ca.pem`, `.store/ca.key.pem` | our own certificate authority |
/// | `.store/admin.auth` | administrator's credentials that we made |
///
/// With `cache.folder`, `cache.db` and `content` are there, beside a lock of that folder.
struct StateFolder {
    let path: String
    private let locks: [FileLock]
    private let cacheFolder: String

    var serviceFile: String { path + "/service.json" }
    var store: String { path + "/.store" }
    var records: String { store + "/records.db" }
    var journal: String { store + "/records.journal" }
    var archive: String { store + "/archive" }
    var catalog: String { cacheFolder + "/cache.db" }
    var content: String { cacheFolder + "/content" }
    var authorityCertificate: String { store + "/ca.pem" }
    var authorityKey: String { store + "/ca.key.pem" }
    var credentials: String { store + "/admin.auth" }

    /// How often a lock that somebody else has is tried.
    private static let pause = Duration.milliseconds(20)

    /// Makes the folders where they are missing, for us alone, and takes their locks.
    ///
    /// - Parameters:
    ///   - path: The state folder.
    ///   - cacheFolder: Where the cache is, unless in the state folder.
    ///   - patience: How long a predecessor may take to end; `nil` when there is none, and the lock must be free.
    ///   - endedBy: The signal that has told the process to end; the wait is over then.
    ///   - log: Is told of waiting.
    /// - Throws: ``StartFailure``.
    init(
        path: String, cacheFolder: String? = nil, patience: Duration? = nil, endedBy: () -> CInt? = { nil }, log: Logger
    ) throws(StartFailure) {
        self.path = path
        self.cacheFolder = cacheFolder ?? path + "/.store"
        var locks: [FileLock] = []
        for folder in [path + "/.store"] + (cacheFolder.map { [$0] } ?? []) {
            do throws(SystemError) {
                try Self.makeFolders(folder)
            } catch {
                throw .service("cannot start service: the folder \(folder): \(error)")
            }
            locks.append(
                try Self.lock(
                    folder + "/lock", isState: locks.isEmpty, of: locks.isEmpty ? path : folder, patience, endedBy, log)
            )
        }
        self.locks = locks
        do throws(SystemError) {
            // What a process left that was killed while it made a copy.
            try Self.empty(archive)
        } catch {
            throw .service("cannot start service: the folder \(archive): \(error)")
        }
    }

    /// Removes the files of a folder, which need not be there.
    static func empty(_ folder: String) throws(SystemError) {
        do throws(SystemError) {
            for name in try Kernel.names(inFolder: folder) { try Kernel.unlinkIfPresent("\(folder)/\(name)") }
        } catch {
            guard error.code == ENOENT else { throw error }
        }
    }

    private static func lock(
        _ file: String, isState: Bool, of folder: String, _ patience: Duration?, _ endedBy: () -> CInt?, _ log: Logger
    ) throws(StartFailure) -> FileLock {
        let deadline = MonotonicTime.now() + (patience ?? .zero)
        var isTold = false
        let never = Latch()
        while true {
            do throws(SystemError) {
                if let lock = try FileLock.tryLock(file) { return lock }
            } catch {
                throw .service("cannot start service: the folder \(folder): \(error)")
            }
            guard MonotonicTime.now() < deadline else { break }
            if let signal = endedBy() {
                throw StartFailure(
                    status: 128 + signal, description: "stopping: \(Signals.name(of: signal)), before the service began"
                )
            }
            if !isTold { log.info("waiting for the service that uses \(folder) to end") }
            isTold = true
            never.wait(atMost: pause)
        }
        let (name, flag) = isState ? ("state", "--spool") : ("cache", "cache.folder")
        throw .service(
            "cannot start service: another fetch-service uses the \(name) folder \(folder); stop it, or give another "
                + "folder with \(flag)")
    }

    private static func makeFolders(_ path: String) throws(SystemError) {
        var end = path.startIndex
        while end < path.endIndex {
            end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
            try Kernel.mkdir(String(path[..<end]), mode: 0o700)
        }
        // It may have been there with other permissions.
        try Kernel.chmod(path, 0o700)
    }
}
