import Core
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
/// | `.store/cache.db` | what is stored for reuse; can be thrown away with `content` |
/// | `.store/content/` | bodies |
/// | `.store/ca.pem`, `.store/ca.key.pem` | our own certificate authority |
/// | `.store/admin.auth` | administrator's credentials that we made |
struct StateFolder {
    let path: String
    private let lock: FileLock

    var serviceFile: String { path + "/service.json" }
    var store: String { path + "/.store" }
    var records: String { store + "/records.db" }
    var journal: String { store + "/records.journal" }
    var catalog: String { store + "/cache.db" }
    var content: String { store + "/content" }
    var authorityCertificate: String { store + "/ca.pem" }
    var authorityKey: String { store + "/ca.key.pem" }
    var credentials: String { store + "/admin.auth" }

    /// Makes the folder where it is missing, for us alone, and takes its lock.
    init(path: String) throws(StartFailure) {
        self.path = path
        do {
            try Self.makeFolders(path + "/.store")
            guard let lock = try FileLock.tryLock(path + "/.store/lock") else {
                throw StartFailure.service(
                    "cannot start service: another fetch-service uses the state folder \(path); "
                        + "stop it, or give another folder with --spool")
            }
            self.lock = lock
        } catch let error as StartFailure {
            throw error
        } catch {
            throw .service("cannot start service: the state folder \(path): \(error)")
        }
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
