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

    /// Sends on a local socket with a descriptor, of which the peer gets one of its own (`SCM_RIGHTS`).
    ///
    /// The descriptor goes with the first of the bytes, of which there must be one.
    ///
    /// - Parameters:
    ///   - fd: The socket.
    ///   - bytes: What is sent.
    ///   - descriptor: What goes with it, if anything does.
    ///   - address: Where a socket for datagrams sends to, a `sockaddr_un`; empty for one that is connected.
    /// - Returns: How many bytes went.
    package static func send(
        _ fd: CInt, _ bytes: UnsafeRawBufferPointer, handing descriptor: CInt?, to address: [UInt8] = []
    ) -> IOResult {
        var (control, address) = (DescriptorMessage(), address)
        if let descriptor { control.descriptors = (descriptor, 0) }
        var part = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        return withUnsafeMutablePointer(to: &part) { part in
            address.withUnsafeMutableBytes { address in
                withUnsafeMutableBytes(of: &control) { control in
                    var message = msghdr()
                    if !address.isEmpty {
                        message.msg_name = address.baseAddress
                        message.msg_namelen = socklen_t(address.count)
                    }
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    if descriptor != nil {
                        message.msg_control = control.baseAddress
                        message.msg_controllen = control.count
                    }
                    return moving("sendmsg") { Glibc.sendmsg(fd, &message, CInt(MSG_NOSIGNAL)) }
                }
            }
        }
    }

    /// Receives from a local socket, also descriptors, which are closed on `exec`.
    ///
    /// - Parameters:
    ///   - fd: The socket.
    ///   - buffer: Gets the bytes.
    ///   - descriptors: Gets those that came, two of one message at most; the kernel closes the others.
    /// - Returns: How many bytes came.
    package static func recv(
        _ fd: CInt, into buffer: UnsafeMutableRawBufferPointer, descriptors: inout [SharedDescriptor]
    ) -> IOResult {
        var control = DescriptorMessage()
        var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
        return withUnsafeMutablePointer(to: &part) { part in
            withUnsafeMutableBytes(of: &control) { control in
                var message = msghdr()
                message.msg_iov = part
                message.msg_iovlen = 1
                message.msg_control = control.baseAddress
                message.msg_controllen = control.count
                // MSG_CMSG_CLOEXEC
                let result = moving("recvmsg") { Glibc.recvmsg(fd, &message, 0x4000_0000) }
                if case .count = result {
                    descriptors += DescriptorMessage.descriptors(in: control.prefix(message.msg_controllen))
                }
                return result
            }
        }
    }

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

/// A control message with two descriptors as it lies in memory, or with one and padding (cmsg(3)).
private struct DescriptorMessage {
    var length = MemoryLayout<cmsghdr>.size + MemoryLayout<CInt>.size
    var level = SOL_SOCKET
    // SCM_RIGHTS
    var type: CInt = 1
    var descriptors: (CInt, CInt) = (0, 0)

    /// Takes the descriptors out of the control messages that were received.
    static func descriptors(in control: Slice<UnsafeMutableRawBufferPointer>) -> [SharedDescriptor] {
        let bytes = UnsafeRawBufferPointer(rebasing: control)
        let headSize = MemoryLayout<cmsghdr>.size
        var found: [SharedDescriptor] = []
        var start = 0
        while start + headSize <= bytes.count {
            let head = bytes.loadUnaligned(fromByteOffset: start, as: cmsghdr.self)
            let end = min(start + Int(head.cmsg_len), bytes.count)
            guard end >= start + headSize else { break }
            if head.cmsg_level == SOL_SOCKET, head.cmsg_type == 1 {
                for place in stride(from: start + headSize, through: end - 4, by: 4) {
                    found.append(
                        SharedDescriptor(adopting: bytes.loadUnaligned(fromByteOffset: place, as: CInt.self)))
                }
            }
            start += (end - start + 7) & ~7
        }
        return found
    }
}

extension FileStatus {
    package var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
}
