import CLinux
import Glibc

/// What an attempt to accept a connection came to.
package enum AcceptResult: ~Copyable {
    /// A connection, non-blocking, and where it comes from.
    case accepted(OwnedDescriptor, SocketAddress)
    /// None is waiting, or the one that was has gone.
    case wouldBlock
    /// The `errno` of the failure (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM` want a pause).
    case failed(CInt)
}

/// What an attempt to connect came to.
package enum ConnectResult: Sendable, Equatable {
    case connected
    /// Wait until it is writable, then ask ``Kernel/pendingError(_:)``.
    case inProgress
    case failed(CInt)
}

extension Kernel {
    /// Makes a TCP socket, non-blocking and closed on `exec`.
    package static func socket(ipv6: Bool) throws(SystemError) -> OwnedDescriptor {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return OwnedDescriptor(adopting: try checked("socket") { Glibc.socket(ipv6 ? AF_INET6 : AF_INET, type, 0) })
    }

    /// Makes a pair of connected stream sockets, non-blocking unless asked otherwise, closed on `exec`.
    package static func socketPair(blocking: Bool = false) throws(SystemError) -> DescriptorPair {
        var pair: [CInt] = [-1, -1]
        let mode = SOCK_CLOEXEC.rawValue | (blocking ? 0 : SOCK_NONBLOCK.rawValue)
        try checked("socketpair") { Glibc.socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | mode), 0, &pair) }
        return DescriptorPair(OwnedDescriptor(adopting: pair[0]), OwnedDescriptor(adopting: pair[1]))
    }

    package static func bind(_ fd: CInt, _ address: SocketAddress) throws(SystemError) {
        try checked("bind") { address.withSockaddr { Glibc.bind(fd, $0, $1) } }
    }

    package static func listen(_ fd: CInt, backlog: CInt) throws(SystemError) {
        try checked("listen") { Glibc.listen(fd, backlog) }
    }

    /// Accepts one connection: non-blocking, closed on `exec`.
    package static func accept4(_ fd: CInt) -> AcceptResult {
        var storage = sockaddr_storage()
        while true {
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let accepted = withUnsafeMutableBytes(of: &storage) { bytes in
                linux_accept(fd, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
            }
            if accepted >= 0 {
                return .accepted(OwnedDescriptor(adopting: accepted), SocketAddress(storage))
            }
            switch errno {
            // accept(2): "already-pending network errors on the new socket" are those of a peer that has left.
            case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH:
                continue
            case EAGAIN: return .wouldBlock
            case let code:
                precondition(code != EBADF && code != EFAULT, "accept4: \(SystemError.text(of: code))")
                return .failed(code)
            }
        }
    }

    /// Starts connecting a non-blocking socket, or connects a blocking one.
    package static func connect(_ fd: CInt, _ address: SocketAddress) -> ConnectResult {
        if address.withSockaddr({ Glibc.connect(fd, $0, $1) }) == 0 { return .connected }
        switch errno {
        // connect(2): after EINTR the connection goes on by itself.
        case EINPROGRESS, EINTR, EALREADY: return .inProgress
        case EISCONN: return .connected
        case let code:
            precondition(code != EBADF && code != EFAULT, "connect: \(SystemError.text(of: code))")
            return .failed(code)
        }
    }

    /// Takes the error that waits at a socket (`SO_ERROR`); 0 when there is none.
    package static func pendingError(_ fd: CInt) -> CInt {
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard Glibc.getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return errno }
        return code
    }

    package static func read(_ fd: CInt, into buffer: UnsafeMutableRawBufferPointer) -> IOResult {
        moving("read") { Glibc.read(fd, buffer.baseAddress, buffer.count) }
    }

    package static func write(_ fd: CInt, _ bytes: UnsafeRawBufferPointer) -> IOResult {
        moving("write") { Glibc.write(fd, bytes.baseAddress, bytes.count) }
    }

    /// Receives from a socket, with flags such as `MSG_PEEK`.
    package static func recv(
        _ fd: CInt, into buffer: UnsafeMutableRawBufferPointer, flags: CInt = 0
    ) -> IOResult {
        moving("recv") { Glibc.recv(fd, buffer.baseAddress, buffer.count, flags) }
    }

    /// Sends on a socket, never raising `SIGPIPE`.
    ///
    /// With `more`, more follows at once (`MSG_MORE`): the kernel need not send a short packet now.
    package static func send(_ fd: CInt, _ bytes: UnsafeRawBufferPointer, more: Bool = false) -> IOResult {
        let flags = CInt(MSG_NOSIGNAL) | (more ? CInt(MSG_MORE) : 0)
        return moving("send") { Glibc.send(fd, bytes.baseAddress, bytes.count, flags) }
    }

    /// Sends two buffers as one (`sendmsg`), never raising `SIGPIPE`; the count covers both.
    ///
    /// With `mayFault` the second one may be a file that cannot be read there: `EFAULT`, after the bytes before it have gone.
    package static func send(
        _ fd: CInt, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, more: Bool = false,
        mayFault: Bool = false
    ) -> IOResult {
        let flags = CInt(MSG_NOSIGNAL) | (more ? CInt(MSG_MORE) : 0)
        var parts = (
            iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count)
        )
        return withUnsafeMutableBytes(of: &parts) { bytes in
            var message = msghdr()
            message.msg_iov = bytes.baseAddress?.assumingMemoryBound(to: iovec.self)
            message.msg_iovlen = 2
            return moving("sendmsg", mayFault: mayFault) { Glibc.sendmsg(fd, &message, flags) }
        }
    }

    /// Ends the sending side of a connection.
    ///
    /// - Returns: `false` when the connection is gone already.
    @discardableResult
    package static func shutdownWrite(_ fd: CInt) -> Bool { Glibc.shutdown(fd, CInt(SHUT_WR)) == 0 }

    /// Ends both sides of a connection.
    @discardableResult
    package static func shutdownBoth(_ fd: CInt) -> Bool { Glibc.shutdown(fd, CInt(SHUT_RDWR)) == 0 }

    /// The other end of a connection, or `nil` when it is gone.
    package static func peerAddress(_ fd: CInt) -> SocketAddress? {
        address(of: fd, Glibc.getpeername)
    }

    /// Our end of a connection or listener.
    package static func localAddress(_ fd: CInt) -> SocketAddress? {
        address(of: fd, Glibc.getsockname)
    }

    private static func address(
        of fd: CInt, _ call: (CInt, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutableBytes(of: &storage) { bytes -> CInt in
            guard let start = bytes.baseAddress else { return -1 }
            return call(fd, start.assumingMemoryBound(to: sockaddr.self), &length)
        }
        return result == 0 ? SocketAddress(storage) : nil
    }

    /// Bytes in the send queue of a TCP socket that the peer has not confirmed (`SIOCOUTQ`, tcp(7)).
    package static func unconfirmedBytes(_ fd: CInt) -> Int { Int(linux_unconfirmed(fd)) }

    /// Sends small pieces at once (`TCP_NODELAY`).
    package static func setNoDelay(_ fd: CInt, _ on: Bool = true) {
        set(fd, CInt(IPPROTO_TCP), TCP_NODELAY, on ? 1 : 0)
    }

    /// Holds back short packets until uncorked (`TCP_CORK`).
    package static func setCork(_ fd: CInt, _ on: Bool) { set(fd, CInt(IPPROTO_TCP), TCP_CORK, on ? 1 : 0) }

    /// Notices dead peers: first probe after `idle` seconds, then every `interval`, giving up after `count`.
    package static func setKeepAlive(_ fd: CInt, idle: CInt = 60, interval: CInt = 15, count: CInt = 4) {
        set(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
        set(fd, CInt(IPPROTO_TCP), TCP_KEEPIDLE, idle)
        set(fd, CInt(IPPROTO_TCP), TCP_KEEPINTVL, interval)
        set(fd, CInt(IPPROTO_TCP), TCP_KEEPCNT, count)
    }

    /// Makes the next `close` send a reset, so that the peer sees that something is missing.
    package static func setResetOnClose(_ fd: CInt) {
        var value = linger(l_onoff: 1, l_linger: 0)
        _ = Glibc.setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    package static func setReuseAddress(_ fd: CInt) throws(SystemError) {
        try checked("setsockopt SO_REUSEADDR") { option(fd, SOL_SOCKET, SO_REUSEADDR, 1) }
    }

    package static func setIPv6Only(_ fd: CInt, _ on: Bool) throws(SystemError) {
        try checked("setsockopt IPV6_V6ONLY") { option(fd, CInt(IPPROTO_IPV6), IPV6_V6ONLY, on ? 1 : 0) }
    }

    /// Asks for a size of the kernel's send buffer (for tests of backpressure, mostly).
    package static func setSendBuffer(_ fd: CInt, _ size: CInt) { set(fd, SOL_SOCKET, SO_SNDBUF, size) }

    /// Asks for a size of the kernel's receive buffer.
    package static func setReceiveBuffer(_ fd: CInt, _ size: CInt) { set(fd, SOL_SOCKET, SO_RCVBUF, size) }

    /// Makes a descriptor blocking or not.
    package static func setNonBlocking(_ fd: CInt, _ on: Bool) throws(SystemError) {
        let flags = try checked("fcntl") { Glibc.fcntl(fd, F_GETFL) }
        try checked("fcntl") { Glibc.fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) }
    }

    /// For options that only tune: a failure means that the peer has gone, which the next read or write tells better.
    private static func set(_ fd: CInt, _ level: CInt, _ name: CInt, _ value: CInt) {
        _ = option(fd, level, name, value)
    }

    private static func option(_ fd: CInt, _ level: CInt, _ name: CInt, _ value: CInt) -> CInt {
        var value = value
        return Glibc.setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
    }
}
