import Core
import Cryptography

/// An authority of a test's own.
func makeAuthority(_ name: String = "Test CA", now: WallTime = .now()) throws -> CertificateAuthority {
    let files = try CertificateAuthority.generate(commonName: name, now: now)
    return try CertificateAuthority.load(certificatePEM: files.certificatePEM, keyPEM: files.keyPEM, now: now)
}
