import Core
import Cryptography
import Foundation
import Glibc
import Platform
import PlatformTesting
import Testing

extension Tool {
    static func contents(_ path: String) throws -> [UInt8] { try Kernel.contents(of: path) }
}

/// A server on a thread that answers each connection's first bytes with "ok", and says whether it was resumed.
private final class EchoServer: Sendable {
    let port: UInt16
    private let listener: Listener

    init(_ context: TLSServerContext, connections: Int) throws {
        listener = try Listener(.loopback4(port: 0))
        port = listener.address.port
        startThread(name: "echo") { [listener] in
            for _ in 0..<connections { try? Self.serveOne(listener, context) }
        }
    }

    private static func wait(_ fd: CInt, _ events: CInt) {
        var entry = pollfd(fd: fd, events: Int16(events), revents: 0)
        _ = poll(&entry, 1, 20_000)
    }

    private static func serveOne(_ listener: Listener, _ context: TLSServerContext) throws {
        wait(listener.descriptor.raw, CInt(POLLIN))
        guard case .accepted(let socket, _) = Kernel.accept4(listener.descriptor.raw) else { return }
        let fd = socket.number
        let connection = try TLSConnection.server(context, descriptor: fd)
        func finished(_ step: () -> TLSResult) -> TLSResult {
            while true {
                switch step() {
                case .wantRead: wait(fd, CInt(POLLIN))
                case .wantWrite: wait(fd, CInt(POLLOUT))
                case let result: return result
                }
            }
        }
        guard finished({ connection.handshake() }) == .count(0) else { return }
        guard case .count = finished({ connection.read(upTo: 100).result }) else { return }
        let answer = connection.isResumed ? "resumed" : "full"
        guard case .count = finished({ connection.write(answer) }) else { return }
        connection.shutdown()
        _ = finished { connection.read(upTo: 100).result }
    }
}

/// What clients that are not ours think of our certificates.
@Suite(.timeLimit(.minutes(1))) struct OutsideClientTests {
    static let longHost = Array(repeating: "label", count: 20).joined(separator: ".") + ".example"

    /// The leaf of a context, as a client sees it.
    private func leaf(_ context: TLSServerContext, _ folder: TemporaryFolder) throws -> String {
        let server = try EchoServer(context, connections: 1)
        let shown = try Tool.run(
            "openssl", ["s_client", "-connect", "127.0.0.1:\(server.port)"], input: Array("Q\n".utf8))
        let start = try #require(shown.output.range(of: "-----BEGIN CERTIFICATE-----"))
        let end = try #require(shown.output.range(of: "-----END CERTIFICATE-----"))
        let pem = shown.output[start.lowerBound..<end.upperBound] + "\n"
        return try folder.write(Array(pem.utf8), to: "leaf.pem")
    }

    @Test(.enabled(if: Tool.hasOpenSSL), arguments: ["origin.example", "192.0.2.1", "2001:db8::1", longHost])
    func openSSLAcceptsLeavesStrictly(_ host: String) throws {
        let folder = try TemporaryFolder()
        let authority = try makeAuthority()
        let ca = try folder.write(authority.certificatePEM, to: "ca.pem")
        let leaf = try leaf(authority.makeServerContext(host: host), folder)
        let isAddress = !host.contains("example")
        let verified = try Tool.run(
            "openssl",
            [
                "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca,
                isAddress ? "-verify_ip" : "-verify_hostname", host, leaf,
            ])
        #expect(verified.status == 0, "\(verified.output)")
        let text = try Tool.run("openssl", ["x509", "-noout", "-text", "-in", leaf]).output
        for part in [
            "Version: 3", "Signature Algorithm: ecdsa-with-SHA256", "NIST CURVE: P-256", "CA:FALSE",
            "X509v3 Key Usage: critical\n                Digital Signature\n", "TLS Web Server Authentication",
            "X509v3 Subject Key Identifier", "X509v3 Authority Key Identifier", "X509v3 Subject Alternative Name",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        #expect(text.contains("Subject Alternative Name: critical") == (host == Self.longHost))
        #expect(text.contains("CN = \(host)") == (host != Self.longHost))
        let dates = try Tool.run("openssl", ["x509", "-noout", "-checkend", "\(88 * 86400 + 60)", "-in", leaf])
        #expect(dates.status == 1, "valid for more than 90 days")
        #expect(try Tool.run("openssl", ["x509", "-noout", "-checkend", "\(87 * 86400)", "-in", leaf]).status == 0)
    }

    @Test(.enabled(if: Tool.hasOpenSSL)) func serialNumbersAreRandom() throws {
        let folder = try TemporaryFolder()
        let authority = try makeAuthority()
        let serials = try (0..<2).map { _ in
            let leaf = try leaf(authority.makeServerContext(host: "a.example"), folder)
            return try Tool.run("openssl", ["x509", "-noout", "-serial", "-in", leaf]).output
        }
        #expect(serials[0] != serials[1])
        #expect(serials.allSatisfy { $0.utf8.count > 30 })
    }

    @Test(.enabled(if: Tool.hasOpenSSL)) func ourAuthorityHasItsProfile() throws {
        let folder = try TemporaryFolder()
        let ca = try folder.write(makeAuthority().certificatePEM, to: "ca.pem")
        let text = try Tool.run("openssl", ["x509", "-noout", "-text", "-in", ca]).output
        for part in [
            "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
            "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
            "X509v3 Subject Key Identifier", "ecdsa-with-SHA256",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        #expect(try Tool.run("openssl", ["verify", "-x509_strict", "-CAfile", ca, ca]).status == 0)
    }

    private static let script = """
        import socket, ssl, sys
        ca, port, host, version, offers = sys.argv[1:6]
        context = ssl.create_default_context(cafile=ca)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        if version == '1.2': context.maximum_version = ssl.TLSVersion.TLSv1_2
        if offers: context.set_alpn_protocols(offers.split(','))
        session = None
        for _ in range(2):
            with socket.create_connection(('127.0.0.1', int(port)), timeout=20) as raw:
                with context.wrap_socket(raw, server_hostname=host, session=session) as tls:
                    tls.sendall(b'hello')
                    answer = tls.recv(100).decode()
                    while tls.recv(100): pass
                    session = tls.session
                    print(tls.version(), tls.selected_alpn_protocol(), answer)
        """

    @Test(
        .enabled(if: Tool.hasPython),
        arguments: [
            ("origin.example", "1.3", "h2,http/1.1", "TLSv1.3 http/1.1"), ("192.0.2.1", "1.3", "h2", "TLSv1.3 None"),
            ("2001:db8::1", "1.2", "http/1.1", "TLSv1.2 http/1.1"), (longHost, "1.2", "", "TLSv1.2 None"),
        ])
    func pythonAcceptsLeavesStrictlyAndResumes(
        _ host: String, _ version: String, _ offers: String, _ expected: String
    ) throws {
        let folder = try TemporaryFolder()
        let authority = try makeAuthority()
        let ca = try folder.write(authority.certificatePEM, to: "ca.pem")
        let server = try EchoServer(authority.makeServerContext(host: host), connections: 2)
        let outcome = try Tool.run("python3", ["-c", Self.script, ca, "\(server.port)", host, version, offers])
        #expect(outcome.status == 0)
        #expect(outcome.output == "\(expected) full\n\(expected) resumed\n")
    }

    @Test(.enabled(if: Tool.hasOpenSSL)) func oldVersionsAreRefused() throws {
        let server = try EchoServer(makeAuthority().makeServerContext(host: "a.example"), connections: 1)
        let outcome = try Tool.run(
            "openssl", ["s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect", "127.0.0.1:\(server.port)"])
        #expect(outcome.status != 0)
    }

    @Test(.enabled(if: Tool.hasOpenSSL)) func aPeerThatWantsSmallRecordsGetsThem() throws {
        let server = try EchoServer(makeAuthority().makeServerContext(host: "a.example"), connections: 1)
        let outcome = try Tool.run(
            "openssl",
            ["s_client", "-tls1_2", "-maxfraglen", "512", "-quiet", "-connect", "127.0.0.1:\(server.port)"],
            input: Array("hello\n".utf8))
        #expect(outcome.output.contains("full"), "\(outcome.output)")
    }
}
