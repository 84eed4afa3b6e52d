import Core
import Glibc
import System

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
    ///
    /// - Returns: Its path.
    /// - Throws: ``SystemError``.
    func makeFolder(_ name: String) throws(SystemError) -> String {
        try Kernel.mkdir(file(name), mode: 0o700)
        return file(name)
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
        Self.empty(path)
        try? Kernel.rmdir(path)
    }

    /// Removes what is in a folder, folders of folders excepted: we make none.
    private static func empty(_ path: String) {
        for name in (try? Kernel.names(inFolder: path)) ?? [] {
            let inner = path + "/" + name
            if (try? Kernel.unlink(inner)) != nil { continue }
            for file in (try? Kernel.names(inFolder: inner)) ?? [] { try? Kernel.unlink(inner + "/" + file) }
            try? Kernel.rmdir(inner)
        }
    }
}
