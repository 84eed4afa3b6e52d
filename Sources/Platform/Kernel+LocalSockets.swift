import CLinux
import Glibc

/// Sockets within this machine, with a file as their address (unix(7)).
extension Kernel {
    /// The longest path that an address holds, in bytes; longer ones are reached through their folder.
    package static let longestLocalPath = 107

    /// Makes a local stream socket, non-blocking and closed on `exec`.
    package static func localSocket() throws(SystemError) -> OwnedDescriptor {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return OwnedDescriptor(adopting: try checked("socket") { Glibc.socket(AF_UNIX, type, 0) })
    }

    /// Binds a local socket, which makes its file; the file has the mode that `fchmod` gave the socket before.
    ///
    /// - Throws: ``SystemError``; `EADDRINUSE` when there is something at the path.
    package static func bindLocal(_ fd: CInt, _ path: String) throws(SystemError) {
        try withLocalAddress(path) { (address, length) throws(SystemError) in
            _ = try checked("bind", path) { Glibc.bind(fd, address, length) }
        }
    }

    /// Connects a local socket; a non-blocking one fails with `EAGAIN` when too many wait already.
    package static func connectLocal(_ fd: CInt, _ path: String) throws(SystemError) {
        try withLocalAddress(path) { (address, length) throws(SystemError) in
            _ = try checked("connect", path) { Glibc.connect(fd, address, length) }
        }
    }

    /// The user of the process that connected to a local socket of ours, as the kernel knows it.
    package static func peerUser(_ fd: CInt) -> UInt32? { UInt32(exactly: linux_peer_user(fd)) }

    /// The status of what is at a path, a symbolic link being one itself; `nil` when there is nothing.
    package static func statusOfLink(_ path: String) throws(SystemError) -> FileStatus? {
        var status = Glibc.stat()
        do {
            try checked("lstat", path) { Glibc.fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) }
        } catch {
            guard error.code == ENOENT || error.code == ENOTDIR else { throw error }
            return nil
        }
        return FileStatus(status)
    }

    /// Lends the address for a path; where it is too long, that of the same file below its opened folder.
    private static func withLocalAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> Void
    ) throws(SystemError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw SystemError(call: "use \(path) as a socket", code: EINVAL)
        }
        guard path.utf8.count > longestLocalPath else { return try withAddress(path, body) }
        guard let slash = path.lastIndex(of: "/") else {
            throw SystemError(call: "use \(path) as a socket", code: ENAMETOOLONG)
        }
        let folder = try open(slash == path.startIndex ? "/" : String(path[..<slash]), O_RDONLY | O_DIRECTORY)
        try folder.withRaw { (number) throws(SystemError) in
            let short = "/proc/self/fd/\(number)\(path[slash...])"
            guard short.utf8.count <= longestLocalPath else {
                throw SystemError(call: "use \(path) as a socket", code: ENAMETOOLONG)
            }
            try withAddress(short, body)
        }
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> Void
    ) throws(SystemError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result: Result<Void, SystemError> = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                do throws(SystemError) {
                    return .success(try body(pointer, socklen_t(MemoryLayout<sockaddr_un>.size)))
                } catch {
                    return .failure(error)
                }
            }
        }
        try result.get()
    }
}

extension FileStatus {
    package var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
}
