import Glibc
import Platform
import Wire

/// Certificates as a list of PEM blocks, without anything else that stood between them.
struct CertificateBundle: Sendable, Equatable {
    /// From `-----BEGIN …` to the end of the `-----END …` line.
    private(set) var blocks: [String] = []

    /// Takes the certificates out of a PEM file; private keys and comments stay behind.
    init(pem: some Sequence<UInt8>) {
        var block: [String]?
        // By bytes: to Swift, a carriage return and a line feed are one character.
        for line in Array(pem).split(whereSeparator: { $0 == 0x0a || $0 == 0x0d }) {
            let line = String(decoding: line, as: UTF8.self)
            if Self.isMark("BEGIN", line) { block = [] }
            block?.append(line)
            if Self.isMark("END", line), let lines = block {
                blocks.append(lines.joined(separator: "\n") + "\n")
                block = nil
            }
        }
    }

    private static func isMark(_ word: String, _ line: String) -> Bool {
        line == "-----\(word) CERTIFICATE-----" || line == "-----\(word) TRUSTED CERTIFICATE-----"
    }

    /// The certificates of both.
    static func + (first: Self, second: Self) -> Self {
        var sum = first
        sum.blocks += second.blocks
        return sum
    }

    /// The PEM file.
    var pem: [UInt8] { blocks.flatMap { Array($0.utf8) } }

    /// The certificates in DER, of those blocks that hold nothing but a certificate.
    var certificates: [[UInt8]] {
        blocks.compactMap { block in
            guard block.hasPrefix("-----BEGIN CERTIFICATE-----\n") else { return nil }
            let body = block.split(separator: "\n").dropFirst().dropLast().joined()
            return Base64.decode(body)
        }
    }

    /// Where systems keep the roots that they trust.
    static let systemPaths = [
        "/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Arch, Alpine
        "/etc/pki/tls/certs/ca-bundle.crt",  // Fedora, RHEL
        "/etc/ssl/ca-bundle.pem",  // SUSE
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ]

    /// The roots that this user trusts: `SSL_CERT_FILE`, else the system's; empty where there are none.
    static func roots(environment: ProcessEnvironment) -> CertificateBundle {
        let paths = [environment["SSL_CERT_FILE"]].compactMap { $0 } + systemPaths
        for path in paths {
            if let bytes = try? Kernel.contents(of: path, limit: 1 << 26) {
                let bundle = CertificateBundle(pem: bytes)
                if !bundle.blocks.isEmpty { return bundle }
            }
        }
        return CertificateBundle(pem: [])
    }
}
