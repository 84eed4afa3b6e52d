import Core
import Glibc
import Platform

/// The temporary folder with the files that COMMAND's environment points to.
///
/// Its name holds the session's id, which nobody can guess beforehand. Others may pass through it (0711) to the
/// certificates, since apt and other programs of root read them as another user; what holds the token is 0600.
struct SessionFolder: Sendable, Equatable {
    let path: String

    /// The folder of a session, below `TMPDIR` or `/tmp`.
    init(of id: SessionID, environment: ProcessEnvironment) {
        let parent = environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
        path = (parent.hasSuffix("/") ? parent : parent + "/") + "fetchctl-\(id)"
    }

    func file(_ name: String) -> String { path + "/" + name }

    /// Makes the folder.
    ///
    /// - Throws: ``SystemError``; one that is there already is an error, since somebody else made it.
    func make() throws(SystemError) {
        guard try Kernel.mkdir(path, mode: 0o700) else { throw SystemError(call: "mkdir \(path)", code: EEXIST) }
        try Kernel.chmod(path, 0o711)
    }

    /// Makes a folder in it, for this user alone.
    func makeFolder(_ name: String) throws(SystemError) {
        try Kernel.mkdir(file(name), mode: 0o700)
    }

    /// Makes a link in it.
    func link(_ name: String, to target: String) throws(SystemError) {
        guard symlink(target, file(name)) == 0 else { throw SystemError(call: "symlink \(file(name))", code: errno) }
    }

    /// Writes a file of it: 0644, or 0600 when it is secret.
    ///
    /// - Returns: Its path.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8], secret: Bool) throws(SystemError) -> String {
        let path = file(name)
        let file = try Kernel.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        try bytes.withUnsafeBufferPointer { (bytes) throws(SystemError) in
            try Kernel.writeAll(file.number, UnsafeRawBufferPointer(bytes))
        }
        if !secret { try Kernel.fchmod(file.number, 0o644) }
        try file.close()
        return path
    }

    /// Removes the folder, when it is there and belongs to this user.
    func remove() {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else { return }
        Self.remove(path)
    }

    /// Removes a folder with what is in it; links are removed and not followed.
    private static func remove(_ path: String) {
        for name in (try? Kernel.names(inFolder: path)) ?? [] {
            let inner = path + "/" + name
            // unlink(2) of a folder is EISDIR.
            if (try? Kernel.unlink(inner)) == nil { remove(inner) }
        }
        try? Kernel.rmdir(path)
    }
}
