import Core
import Cryptography
import Platform
import RelayTesting
import Testing
import Wire

/// The proxy's authority is replaced while clients use it.
@Suite struct AuthorityChangeTests {
    private func authority(_ name: String) throws -> (authority: CertificateAuthority, pem: [UInt8]) {
        let made = try CertificateAuthority.generate(commonName: name)
        return (
            try CertificateAuthority.load(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM), made.certificatePEM
        )
    }

    @Test func `no handshake fails and open tunnels go on`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) {
                (200, Array($0.target.utf8))
            }
            var open = try proxy.client()
            try open.openTunnel(to: origin.authority.text)
            try open.connection.startTLS(proxy.trust, host: "127.0.0.1")
            #expect(try open.get(origin.url("/before")).text == "/before")

            let others = try (0..<20).map { try authority("authority \($0)") }
            let all = proxy.leaves.authority.certificatePEM + others.flatMap(\.pem)
            let trust = try TLSClientContext(trust: .only(all))
            let isOver = Lock(false)
            let failures = Lock<[String]>([])
            let (handshakes, ended) = (Lock(0), Latch())
            startThread(name: "clients") {
                while !isOver.withLock({ $0 }) {
                    do {
                        var client = try proxy.client()
                        try client.openTunnel(to: origin.authority.text)
                        try client.connection.startTLS(trust, host: "127.0.0.1")
                        guard try client.get(origin.url("/x")).text == "/x" else { throw ProxyClient.Ended() }
                        handshakes.withLock { $0 += 1 }
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                }
                ended.signal()
            }
            for other in others {
                let before = handshakes.withLock { $0 }
                proxy.leaves.replace(authority: other.authority)
                let deadline = MonotonicTime.now() + .seconds(20)
                while handshakes.withLock({ $0 }) <= before, MonotonicTime.now() < deadline { await Task.yield() }
            }
            isOver.withLock { $0 = true }
            ended.wait()
            #expect(failures.withLock { $0 } == [])
            #expect(handshakes.withLock { $0 } >= others.count)
            #expect(try open.get(origin.url("/after")).text == "/after")

            // Of the old authority nothing is left, tickets included.
            let last = try #require(others.last)
            var client = try proxy.client()
            try client.openTunnel(to: origin.authority.text)
            try client.connection.startTLS(try TLSClientContext(trust: .only(last.pem)), host: "127.0.0.1")
            #expect(try client.get(origin.url("/last")).text == "/last")
            var stranger = try proxy.client()
            try stranger.openTunnel(to: origin.authority.text)
            #expect(throws: ConnectionFault.self) { try stranger.connection.startTLS(proxy.trust, host: "127.0.0.1") }
        }
    }
}
