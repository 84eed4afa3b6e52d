import Glibc
import Platform

/// Reads files that decide where credentials go, and so must be this user's alone.
enum PrivateFile {
    /// The contents of a file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - owner: Who must own it.
    /// - Returns: `nil` when there is no such file.
    /// - Throws: ``ServiceError`` when it cannot be read, is not a plain file, belongs to somebody else, or can be read
    ///   or written by others.
    static func contents(of path: String, owner: uid_t) throws(ServiceError) -> [UInt8]? {
        do {
            // Checked on the open file, and without following a link, so that it cannot be exchanged in between.
            let file = try Kernel.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            let status = try Kernel.fstat(file.number)
            let name = Shown.text(path)
            guard status.isRegular else { throw ServiceError("\(name) is not a plain file; remove it") }
            guard status.owner == owner else {
                throw ServiceError("\(name) belongs to another user (\(status.owner)); not trusting it")
            }
            guard status.mode & 0o077 == 0 else {
                throw ServiceError("others may access \(name); run: chmod 600 \(ShellWord.quoted(path))")
            }
            guard status.size <= 1 << 20 else { throw ServiceError("\(name) is too long to be what it should be") }
            let size = Int(status.size)
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, size), alignment: 1)
            defer { bytes.deallocate() }
            let count = try Kernel.preadFully(
                file.number, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<size]), offset: 0)
            return Array(bytes[..<count])
        } catch let error as SystemError {
            if error.code == ENOENT || error.code == ENOTDIR { return nil }
            if error.code == ELOOP { throw ServiceError("\(Shown.text(path)) is a symbolic link; not trusting it") }
            throw ServiceError(Shown.text("\(error)"))
        } catch let error as ServiceError {
            throw error
        } catch {
            throw ServiceError("\(Shown.text(path)): \(error)")
        }
    }
}
