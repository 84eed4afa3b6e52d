import Core
import Cryptography
import Platform

/// The certificate authority that signs what the proxy's clients see.
struct OwnAuthority {
    let authority: CertificateAuthority
    /// Where it is kept; the certificate is for clients.
    let files: AuthorityFiles

    /// Reads the files that were named, or our own pair, which is made at the first start.
    static func load(
        _ files: (certificate: String, key: String)?, folder: StateFolder
    ) throws(StartFailure) -> OwnAuthority {
        do {
            if let files { return try load(AuthorityFiles(certificate: files.certificate, key: files.key)) }
            let own = AuthorityFiles(certificate: folder.authorityCertificate, key: folder.authorityKey)
            if try Kernel.stat(own.certificate) == nil {
                let made = try CertificateAuthority.generate(commonName: "fetch-service \(nameSuffix())")
                // The certificate goes last: it is what says that there is a pair.
                try Kernel.replaceFile(own.key, with: made.keyPEM, mode: 0o600)
                try Kernel.replaceFile(own.certificate, with: made.certificatePEM, mode: 0o600)
            }
            try Kernel.chmod(own.key, 0o600)
            return try load(own)
        } catch let error as CertificateError {
            throw .service("cannot create service: cannot load certificates: \(error.reason)")
        } catch {
            throw .service("cannot create service: cannot load certificates: \(error)")
        }
    }

    /// Tells one service's authority from another's where clients list their authorities.
    private static func nameSuffix() -> String { Hex.encode(SecureRandom.bytes(4)) }

    private static func load(_ files: AuthorityFiles) throws -> OwnAuthority {
        OwnAuthority(authority: try files.load(), files: files)
    }
}
