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
        let bytes = Array(text.utf8)
        let destination = address
        let result = bytes.withUnsafeBytes { Kernel.send(socket.raw, $0, handing: descriptor?.raw, to: destination) }
        switch result {
        case .count: return
        case .wouldBlock: throw SystemError(call: "sendmsg to the service manager", code: EAGAIN)
        case .failed(let code): throw SystemError(call: "sendmsg to the service manager", code: code)
        }
    }
}
