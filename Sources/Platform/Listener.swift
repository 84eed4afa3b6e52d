import Glibc

/// Why a port could not be opened.
package struct ListenError: Error, Sendable, CustomStringConvertible {
    /// Where we wanted to listen.
    package var address: SocketAddress
    package var cause: SystemError

    /// "listen 127.0.0.1:9988: bind: address already in use; …".
    package var description: String {
        switch cause.code {
        case EADDRINUSE:
            "listen \(address): bind: address already in use; stop the program that has this port or choose another"
        case EACCES:
            "listen \(address): bind: permission denied; choose a port above 1023"
        case EADDRNOTAVAIL:
            "listen \(address): bind: this machine does not have that address"
        default: "listen \(address): \(cause)"
        }
    }
}

/// A TCP socket that listens; non-blocking, shared by all loops.
///
/// With `SO_REUSEADDR`, so that a restart is not held up by old connections, and never with `SO_REUSEPORT`, so that a
/// port that somebody has is noticed.
package struct Listener: Sendable {
    package let descriptor: SharedDescriptor
    /// Where it listens, with the port that the kernel chose when 0 was asked for.
    package let address: SocketAddress

    /// Takes over a socket that listens already.
    package init(adopting descriptor: SharedDescriptor) {
        self.descriptor = descriptor
        address = Kernel.localAddress(descriptor.raw) ?? .any4(port: 0)
    }

    /// Listens at one address.
    package init(_ address: SocketAddress, backlog: CInt = 4096) throws(ListenError) {
        self = try Self.open(address, dualStack: false, backlog: backlog)
    }

    /// Listens at all addresses of this machine, IPv6 and IPv4 with one socket; IPv4 only where there is no IPv6.
    package static func allAddresses(port: UInt16, backlog: CInt = 4096) throws(ListenError) -> Listener {
        do {
            return try open(.any6(port: port), dualStack: true, backlog: backlog)
        } catch {
            guard [EAFNOSUPPORT, EADDRNOTAVAIL, EINVAL, EPROTONOSUPPORT].contains(error.cause.code) else { throw error }
            return try open(.any4(port: port), dualStack: false, backlog: backlog)
        }
    }

    private static func open(
        _ address: SocketAddress, dualStack: Bool, backlog: CInt
    ) throws(ListenError) -> Listener {
        do {
            let socket = SharedDescriptor(adopting: try Kernel.socket(ipv6: address.isIPv6))
            try Kernel.setReuseAddress(socket.raw)
            if address.isIPv6 { try Kernel.setIPv6Only(socket.raw, !dualStack) }
            try Kernel.bind(socket.raw, address)
            try Kernel.listen(socket.raw, backlog: backlog)
            return Listener(adopting: socket)
        } catch {
            throw ListenError(address: address, cause: error)
        }
    }
}
