import Glibc

/// An exclusive lock on a file, held until this object goes or the process ends, however it ends (flock(2)).
package final class FileLock: Sendable {
    private let descriptor: SharedDescriptor

    private init(_ descriptor: SharedDescriptor) { self.descriptor = descriptor }

    /// Takes the lock, making the file when it is not there.
    ///
    /// - Returns: `nil` when another process, or another object of this one, holds it.
    package static func tryLock(_ path: String) throws(SystemError) -> FileLock? {
        let file = SharedDescriptor(adopting: try Kernel.open(path, O_RDWR | O_CREAT))
        do {
            try Kernel.checked("flock", path) { flock(file.raw, LOCK_EX | LOCK_NB) }
        } catch {
            guard error.code == EWOULDBLOCK else { throw error }
            return nil
        }
        return FileLock(file)
    }
}
