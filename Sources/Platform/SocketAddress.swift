package import Glibc

/// An IPv4 or IPv6 address with a port.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64
    private let scope: UInt32
    package let isIPv6: Bool
    package var port: UInt16

    /// Makes an address from 4 or 16 bytes in network order; `nil` for any other number.
    package init?(bytes: [UInt8], port: UInt16, scope: UInt32 = 0) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        func number(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        isIPv6 = bytes.count == 16
        high = isIPv6 ? number(bytes[..<8]) : 0
        low = number(isIPv6 ? bytes[8...] : bytes[...])
        self.scope = scope
        self.port = port
    }

    /// Reads "192.0.2.1" or "2001:db8::1" (no brackets, no zone); `nil` for anything else.
    package init?(ip: String, port: UInt16) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, ip, &bytes) == 1 {
            self.init(bytes: Array(bytes[..<4]), port: port)
        } else if inet_pton(AF_INET6, ip, &bytes) == 1 {
            self.init(bytes: bytes, port: port)
        } else {
            return nil
        }
    }

    /// Reads the `sockaddr` that the kernel or the resolver wrote; `nil` for other families.
    ///
    /// A raw pointer, because which module the C type belongs to depends on the modules that a caller has loaded.
    package init?(sockaddr raw: UnsafeRawPointer) {
        switch CInt(raw.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET:
            let v4 = raw.loadUnaligned(as: sockaddr_in.self)
            let bytes = withUnsafeBytes(of: v4.sin_addr) { [UInt8]($0) }
            self.init(bytes: bytes, port: UInt16(bigEndian: v4.sin_port))
        case AF_INET6:
            let v6 = raw.loadUnaligned(as: sockaddr_in6.self)
            let bytes = withUnsafeBytes(of: v6.sin6_addr) { [UInt8]($0) }
            self.init(bytes: bytes, port: UInt16(bigEndian: v6.sin6_port), scope: v6.sin6_scope_id)
        default: return nil
        }
    }

    /// Reads a storage that the kernel filled for one of our sockets; a Unix peer becomes 0.0.0.0:0.
    init(_ storage: sockaddr_storage) {
        self =
            withUnsafeBytes(of: storage) { bytes in
                bytes.baseAddress.flatMap { SocketAddress(sockaddr: $0) }
            } ?? SocketAddress.any4(port: 0)
    }

    private init(high: UInt64, low: UInt64, isIPv6: Bool, port: UInt16) {
        (self.high, self.low, scope) = (high, low, 0)
        self.isIPv6 = isIPv6
        self.port = port
    }

    package static func any4(port: UInt16) -> SocketAddress {
        SocketAddress(high: 0, low: 0, isIPv6: false, port: port)
    }
    package static func any6(port: UInt16) -> SocketAddress { SocketAddress(high: 0, low: 0, isIPv6: true, port: port) }
    package static func loopback4(port: UInt16) -> SocketAddress {
        SocketAddress(high: 0, low: 0x7f00_0001, isIPv6: false, port: port)
    }
    package static func loopback6(port: UInt16) -> SocketAddress {
        SocketAddress(high: 0, low: 1, isIPv6: true, port: port)
    }

    /// The address in network order: 4 or 16 bytes.
    package var bytes: [UInt8] {
        let all = [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
        return isIPv6 ? all : Array(all[12...])
    }

    /// The same, with an IPv4 address that came through an IPv6 socket (`::ffff:192.0.2.1`) as IPv4.
    package var unmapped: SocketAddress {
        guard isIPv6, high == 0, low >> 32 == 0xffff else { return self }
        return SocketAddress(high: 0, low: low & 0xffff_ffff, isIPv6: false, port: port)
    }

    /// The address without port and brackets.
    package var ip: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            let bytes = self.bytes
            guard let start = text.baseAddress,
                inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, start, socklen_t(text.count)) != nil
            else { return "?" }
            return String(cString: start)
        }
    }

    /// "192.0.2.1:80" or "[2001:db8::1]:80".
    package var text: String { isIPv6 ? "[\(ip)]:\(port)" : "\(ip):\(port)" }

    package var description: String { text }

    /// Lends the address in the form that system calls take.
    package func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        func lend<A>(_ address: A) -> R {
            withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<A>.size))
                }
            }
        }
        let bytes = self.bytes
        if isIPv6 {
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            v6.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &v6.sin6_addr) { $0.copyBytes(from: bytes) }
            return lend(v6)
        }
        var v4 = sockaddr_in()
        v4.sin_family = sa_family_t(AF_INET)
        v4.sin_port = port.bigEndian
        withUnsafeMutableBytes(of: &v4.sin_addr) { $0.copyBytes(from: bytes) }
        return lend(v4)
    }
}
