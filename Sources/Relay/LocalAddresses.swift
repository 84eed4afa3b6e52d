package import Core
import Glibc
package import Platform

/// The addresses of this machine, for ``DestinationPolicy``.
package enum LocalAddresses {
    /// Asks the kernel for the addresses of all interfaces.
    package static func current() throws(SystemError) -> [IPAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { throw SystemError(call: "getifaddrs", code: errno) }
        defer { freeifaddrs(list) }
        var found: Set<IPAddress> = []
        var next = list
        while let entry = next {
            next = entry.pointee.ifa_next
            guard let address = entry.pointee.ifa_addr, let socket = SocketAddress(sockaddr: address),
                let ip = IPAddress(bytes: socket.bytes)
            else { continue }
            found.insert(ip)
        }
        return found.sorted()
    }
}

extension SocketAddress {
    /// Joins an address and a port.
    init(_ address: IPAddress, port: UInt16) {
        guard let made = SocketAddress(bytes: address.bytes, port: port) else {
            preconditionFailure("an address has 4 or 16 bytes")
        }
        self = made
    }

    /// The address without its port, for policies.
    package var ipAddress: IPAddress {
        guard let address = IPAddress(bytes: bytes) else { preconditionFailure("an address has 4 or 16 bytes") }
        return address.canonical
    }
}
