import Core
import Glibc
import RelayTesting
import Testing
import Wire

/// What a proxy has opened it closes.
@Suite(.serialized) struct DescriptorTests {
    /// Sockets of this process that are connected to an origin.
    private static func sockets(to port: UInt16) -> Int {
        (0..<4096).reduce(0) { count, number in
            var address = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isConnected = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(CInt(number), $0, &size) == 0 }
            }
            guard isConnected, address.sin_family == sa_family_t(AF_INET) else { return count }
            return count + (UInt16(bigEndian: address.sin_port) == port ? 1 : 0)
        }
    }

    @Test func `connections to origins are closed with the proxy`() async throws {
        let origin = try ScriptedOrigin { _ in (200, Array("pooled".utf8)) }
        try await withProxy { proxy in
            let clients = try (0..<5).map { _ in try proxy.client() }
            for client in clients { try client.send("GET", origin.url()) }
            for client in clients { #expect(try client.answer().text == "pooled") }
            #expect(Self.sockets(to: origin.port) > 0, "they are kept for reuse")
        }
        #expect(Self.sockets(to: origin.port) == 0)
    }

    private static var openDescriptors: Int {
        (0..<4096).reduce(0) { $0 + (fcntl(CInt($1), F_GETFD) >= 0 ? 1 : 0) }
    }

    @Test func `sixty proxies started and stopped leave nothing open`() async throws {
        let origin = try ScriptedOrigin { _ in (200, []) }
        let before = Self.openDescriptors
        for _ in 0..<60 {
            try await withProxy { proxy in
                #expect(try proxy.client().get(origin.url()).head.status == 200)
                let cut = try proxy.client()
                try cut.send("GET", origin.url("/2"))
                cut.connection.reset()
            }
        }
        // Other tests run meanwhile; each proxy has far more than one descriptor.
        let deadline = Deadline()
        while Self.openDescriptors > before + 59 { try deadline.check() }
    }
}
