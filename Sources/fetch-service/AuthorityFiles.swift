import Cryptography
import Glibc
import Platform

/// The two files that hold the authority: its certificate, with issuers behind it, and its key.
///
/// They are replaced as one: the key's old file stays beside the new one until the certificate is there, too, so that a
/// failure or the end of the process in between can be undone.
struct AuthorityFiles: Sendable {
    let certificate: String
    let key: String

    /// The key's file while an update is under way.
    private var keyBefore: String { key + ".before-update" }

    /// Reads and checks the pair, after undoing an update that was cut short.
    ///
    /// - Throws: ``CertificateError`` or ``SystemError``.
    func load() throws -> CertificateAuthority {
        do {
            let authority = try read()
            try Kernel.unlinkIfPresent(keyBefore)
            return authority
        } catch let error as CertificateError {
            guard try Kernel.stat(keyBefore) != nil else { throw error }
            let before = try CertificateAuthority.load(
                certificatePEM: try Kernel.contents(of: certificate), keyPEM: try Kernel.contents(of: keyBefore))
            try Kernel.rename(keyBefore, to: key)
            return before
        }
    }

    private func read() throws -> CertificateAuthority {
        try CertificateAuthority.load(
            certificatePEM: try Kernel.contents(of: certificate), keyPEM: try Kernel.contents(of: key))
    }

    /// Replaces both files; the key is for us alone (0600), the certificate keeps its permissions.
    ///
    /// - Parameter bundle: A pair that was checked.
    /// - Throws: ``SystemError``; both files are the old ones then.
    func replace(with bundle: PEMBundle) throws(SystemError) {
        guard certificate != key else {
            return try Kernel.replaceFile(key, with: bundle.certificatePEM + bundle.keyPEM, mode: 0o600)
        }
        let (newKey, newCertificate) = (key + ".new", certificate + ".new")
        var isKept = false
        do throws(SystemError) {
            let mode = try Kernel.stat(certificate).map { $0.mode & 0o777 } ?? 0o644
            try Self.write(bundle.keyPEM, to: newKey, mode: 0o600)
            try Self.write(bundle.certificatePEM, to: newCertificate, mode: mode)
            try Kernel.unlinkIfPresent(keyBefore)
            try Kernel.link(key, to: keyBefore)
            isKept = true
            try Kernel.rename(newKey, to: key)
            try Kernel.rename(newCertificate, to: certificate)
        } catch {
            if isKept { _ = Glibc.rename(keyBefore, key) }
            // Renaming one name of a file to another of the same file does nothing (rename(2)).
            for leftover in [keyBefore, newKey, newCertificate] { _ = Glibc.unlink(leftover) }
            throw error
        }
        // Both are in place; what fails from here on undoes nothing.
        for path in [key, certificate] { _ = try? Kernel.syncFolder(Self.folder(of: path)) }
        _ = Glibc.unlink(keyBefore)
    }

    private static func write(_ bytes: [UInt8], to path: String, mode: UInt32) throws(SystemError) {
        try Kernel.unlinkIfPresent(path)
        let file = try Kernel.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        // The mask of the process may have taken something away.
        try Kernel.fchmod(file.number, mode)
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(SystemError) in
            try Kernel.writeAll(file.number, bytes)
        }
        try Kernel.fsync(file.number)
        try file.close()
    }

    private static func folder(of path: String) -> String {
        guard let end = path.lastIndex(of: "/") else { return "." }
        return end == path.startIndex ? "/" : String(path[..<end])
    }
}
