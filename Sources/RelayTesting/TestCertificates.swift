package import Cryptography

/// A certificate authority of the test process, made when first used.
package struct TestCertificates: Sendable {
    /// The authority that signs for test origins.
    package let authority: CertificateAuthority
    /// Its certificate, for clients that should trust it.
    package let certificatePEM: [UInt8]
    /// Its key.
    package let keyPEM: [UInt8]

    /// Makes a new authority.
    package init(commonName: String = "test authority") throws {
        let made = try CertificateAuthority.generate(commonName: commonName)
        certificatePEM = made.certificatePEM
        keyPEM = made.keyPEM
        authority = try CertificateAuthority.load(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM)
    }

    /// The one that all tests of a process share.
    package static let shared = Result { try TestCertificates() }

    /// What an origin for `host` shows.
    package func server(_ host: String = "127.0.0.1") throws -> TLSServerContext {
        try authority.makeServerContext(host: host)
    }

    /// A client that trusts this authority only.
    package func client() throws -> TLSClientContext { try TLSClientContext(trust: .only(certificatePEM)) }
}
