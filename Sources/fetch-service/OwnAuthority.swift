import Core
import Cryptography
import Platform

/// The certificate authority that signs what the proxy's clients see.
struct OwnAuthority {
    let authority: CertificateAuthority
    /// The certificate's file, for clients.
    let certificatePath: String

    /// Reads the files that were named, or our own pair, which is made at the first start.
    static func load(
        _ files: (certificate: String, key: String)?, folder: StateFolder
    ) throws(StartFailure) -> OwnAuthority {
        do {
            if let files { return try load(files.certificate, files.key) }
            let (certificate, key) = (folder.authorityCertificate, folder.authorityKey)
            if try Kernel.stat(certificate) == nil {
                let made = try CertificateAuthority.generate(commonName: "fetch-service \(nameSuffix())")
                // The certificate goes last: it is what says that there is a pair.
                try Kernel.replaceFile(key, with: made.keyPEM, mode: 0o600)
                try Kernel.replaceFile(certificate, with: made.certificatePEM, mode: 0o600)
            }
            try Kernel.chmod(key, 0o600)
            return try load(certificate, key)
        } catch let error as CertificateError {
            throw .service("cannot create service: cannot load certificates: \(error.reason)")
        } catch {
            throw .service("cannot create service: cannot load certificates: \(error)")
        }
    }

    /// Tells one service's authority from another's where clients list their authorities.
    private static func nameSuffix() -> String { Hex.encode(SecureRandom.bytes(4)) }

    private static func load(_ certificate: String, _ key: String) throws -> OwnAuthority {
        let authority = try CertificateAuthority.load(
            certificatePEM: try Kernel.contents(of: certificate), keyPEM: try Kernel.contents(of: key))
        return OwnAuthority(authority: authority, certificatePath: certificate)
    }
}
