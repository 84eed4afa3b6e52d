import Glibc

/// The socket on which a service manager hears from a service: Unix datagrams to a path, or to an abstract name.
package struct NotifySocket: Sendable {
    private let socket: SharedDescriptor
    private let address: [UInt8]

    /// Makes a socket that sends to an address.
    ///
    /// - Parameter name: An absolute path, or `@` and an abstract name (unix(7)).
    /// - Throws: ``SystemError`` when it is neither (`EINVAL`), or there is no socket to be had.
    package init(_ name: String) throws(SystemError) {
        var path = Array(name.utf8)
        // sockaddr_un has 108 bytes for the path, the last of which is a zero unless the name is abstract.
        guard let first = path.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"), path.count > 1,
            path.count < 108, !path.contains(0)
        else { throw SystemError(call: "the socket address '\(name)'", code: EINVAL) }
        if first == UInt8(ascii: "@") { path[0] = 0 } else { path.append(0) }
        let family = withUnsafeBytes(of: sa_family_t(AF_UNIX)) { Array($0) }
        address = family + path
        let type = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = try Kernel.checked("socket") { Glibc.socket(AF_UNIX, type, 0) }
        socket = SharedDescriptor(adopting: raw)
        // A manager that does not read must not stop us.
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        try Kernel.checked("setsockopt SO_SNDTIMEO") {
            setsockopt(raw, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// Sends one message.
    ///
    /// - Parameters:
    ///   - text: The message.
    ///   - descriptor: Is passed along with it, if there is one; the manager gets one of its own for the same file.
    /// - Throws: ``SystemError``.
    package func send(_ text: String, passing descriptor: SharedDescriptor? = nil) throws(SystemError) {
        var (address, bytes) = (address, Array(text.utf8))
        var control = descriptor.map { PassedDescriptors.message($0.raw) } ?? []
        try Kernel.checked("sendmsg to the service manager") {
            address.withUnsafeMutableBytes { address in
                bytes.withUnsafeMutableBytes { bytes in
                    control.withUnsafeMutableBytes { control in
                        var piece = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                        return withUnsafeMutablePointer(to: &piece) { piece in
                            var message = msghdr()
                            message.msg_name = address.baseAddress
                            message.msg_namelen = socklen_t(address.count)
                            message.msg_iov = piece
                            message.msg_iovlen = 1
                            if !control.isEmpty {
                                message.msg_control = control.baseAddress
                                message.msg_controllen = control.count
                            }
                            return sendmsg(socket.raw, &message, CInt(MSG_NOSIGNAL))
                        }
                    }
                }
            }
        }
    }
}

/// Descriptors that go along with a message over a local socket (`SCM_RIGHTS`, unix(7)).
package enum PassedDescriptors {
    /// The control message that passes one: its length, level and kind, and the descriptor, padded to whole words.
    static func message(_ descriptor: CInt) -> [UInt8] {
        var header = cmsghdr()
        header.cmsg_len = MemoryLayout<cmsghdr>.size + MemoryLayout<CInt>.size
        header.cmsg_level = SOL_SOCKET
        header.cmsg_type = CInt(SCM_RIGHTS)
        let padding = [UInt8](repeating: 0, count: MemoryLayout<Int>.size - MemoryLayout<CInt>.size)
        return withUnsafeBytes(of: header) { Array($0) } + withUnsafeBytes(of: descriptor) { Array($0) } + padding
    }
}
