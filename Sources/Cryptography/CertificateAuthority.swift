import COpenSSL
package import Core
import Glibc

/// The certificate and key that sign the leaves we show to clients.
package final class CertificateAuthority: @unchecked Sendable {
    // OpenSSL's objects are only read after init, which it allows from any thread.
    private let certificate: OpaquePointer
    private let key: OpaquePointer
    /// What else the file held and is not self-signed: the way from our certificate to a root that clients know.
    private let chain: [OpaquePointer]

    /// The file as it was given.
    package let certificatePEM: [UInt8]
    /// The name, as "CN=Our CA,O=Us".
    package let subject: String
    /// SHA-256 of the certificate, as browsers and `openssl x509 -fingerprint -sha256` show it.
    package let fingerprint: SHA256Digest
    package let notBefore: WallTime
    package let notAfter: WallTime
    /// Whether signing takes about a millisecond (RSA), which is too long for an event loop.
    package let signsSlowly: Bool

    private init(
        certificatePEM: [UInt8], certificate: OpaquePointer, chain: [OpaquePointer], key: OpaquePointer
    ) throws(CertificateError) {
        self.certificatePEM = certificatePEM
        self.certificate = certificate
        self.chain = chain
        self.key = key
        subject = Self.subject(of: certificate)
        fingerprint = Self.fingerprint(of: certificate)
        notBefore = Self.time(X509_get0_notBefore(certificate))
        notAfter = Self.time(X509_get0_notAfter(certificate))
        signsSlowly = EVP_PKEY_is_a(key, "RSA") == 1
    }

    deinit {
        X509_free(certificate)
        chain.forEach { X509_free($0) }
        EVP_PKEY_free(key)
    }

    /// Reads a certificate (and, behind it, its issuers) and its key; PKCS#8, PKCS#1 or SEC1.
    ///
    /// It need not have a key usage extension; it must be a CA certificate that has not expired, and fit its key.
    package static func load(
        certificatePEM: [UInt8], keyPEM: [UInt8], now: WallTime = .now()
    ) throws(CertificateError) -> CertificateAuthority {
        let found = try PEM.certificates(certificatePEM)
        let key: OpaquePointer
        do {
            key = try PEM.privateKey(keyPEM)
        } catch {
            found.forEach { X509_free($0) }
            throw error
        }
        let isIntermediate = { (certificate: OpaquePointer) in
            X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) != 0
        }
        let chain = found.dropFirst().filter(isIntermediate)
        found.dropFirst().filter { !isIntermediate($0) }.forEach { X509_free($0) }
        // From here on the object owns and frees everything.
        let authority = try CertificateAuthority(
            certificatePEM: certificatePEM, certificate: found[0], chain: Array(chain), key: key)
        try authority.check(now: now)
        return authority
    }

    private func check(now: WallTime) throws(CertificateError) {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        guard X509_check_private_key(certificate, key) == 1 else {
            throw CertificateError(reason: "the key does not belong to the certificate \(subject)")
        }
        guard X509_check_ca(certificate) != 0 else {
            throw CertificateError(
                reason: "the certificate \(subject) is not a CA certificate (basicConstraints CA:TRUE)")
        }
        guard now < notAfter else {
            throw CertificateError(reason: "the CA certificate \(subject) expired on \(notAfter); make a new one")
        }
    }

    /// Makes a CA of our own: ECDSA P-256, ten years, critical basicConstraints with path length 0, critical key usage.
    package static func generate(
        commonName: String, now: WallTime = .now()
    ) throws(CertificateError) -> (certificatePEM: [UInt8], keyPEM: [UInt8]) {
        ErrorQueue.clear()
        guard let key = shim_generate_p256() else { throw ErrorQueue.error("cannot make a key") }
        defer { EVP_PKEY_free(key) }
        let builder = try CertificateBuilder(
            notBefore: now + .seconds(-48 * 3600), notAfter: now + .seconds(3652 * 86400), key: key)
        try builder.setSubject(commonName: String(commonName.prefix(64)))
        try builder.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
        try builder.add(NID_key_usage, "critical,keyCertSign,cRLSign")
        try builder.add(NID_subject_key_identifier, "hash")
        let certificate = try builder.sign(issuer: nil, key: key)
        defer { X509_free(certificate) }
        return (PEM.text(certificate: certificate), PEM.text(key: key))
    }

    // One key for all leaves of the process: a key per leaf would cost time and protect nothing, since whoever reads our
    // memory has them all. Immutable once made.
    private nonisolated(unsafe) static let leafKey: OpaquePointer = {
        guard let key = shim_generate_p256() else { preconditionFailure("OpenSSL cannot make a P-256 key") }
        return key
    }()

    /// Mints a leaf for a host (a DNS name, or an address without brackets) and makes the context that shows it.
    ///
    /// The leaf is valid from 48 hours ago for 90 days, though not beyond the CA. Costs a signature: 30 µs with an EC
    /// key, about a millisecond with RSA (``signsSlowly``).
    package func makeServerContext(host: String, now: WallTime = .now()) throws(CertificateError) -> TLSServerContext {
        guard now < notAfter else {
            throw CertificateError(reason: "the CA certificate \(subject) expired on \(notAfter); replace it")
        }
        let start = now + .seconds(-48 * 3600)
        let end = min(start + .seconds(90 * 86400), notAfter)
        let leaf = try mint(LeafName(host), from: start, to: end)
        defer { X509_free(leaf) }
        return try TLSServerContext(
            host: host, leaf: leaf, key: Self.leafKey, chain: chain,
            renewal: Self.renewal(now: now, leafEnd: end, authorityEnd: notAfter))
    }

    private func mint(
        _ name: LeafName, from start: WallTime, to end: WallTime
    ) throws(CertificateError) -> OpaquePointer {
        let builder = try CertificateBuilder(notBefore: start, notAfter: end, key: Self.leafKey)
        // RFC 5280: a common name has at most 64 characters; without a subject the alternative name is critical.
        let hasSubject = name.text.utf8.count <= 64
        try builder.setSubject(commonName: hasSubject ? name.text : nil)
        try builder.addAlternativeName(name, isCritical: !hasSubject)
        try builder.add(NID_basic_constraints, "critical,CA:FALSE")
        try builder.add(NID_key_usage, "critical,digitalSignature")
        try builder.add(NID_ext_key_usage, "serverAuth")
        try builder.add(NID_subject_key_identifier, "hash")
        try builder.addAuthorityKey(of: certificate)
        return try builder.sign(issuer: certificate, key: key)
    }

    /// When a context should be replaced: after twelve hours, because with it go its ticket keys, and a day before its
    /// leaf ends, unless the CA ends then too.
    private static func renewal(now: WallTime, leafEnd: WallTime, authorityEnd: WallTime) -> WallTime {
        let end = leafEnd < authorityEnd ? leafEnd + .seconds(-86400) : leafEnd
        return min(now + .seconds(12 * 3600), end)
    }

    private static func subject(of certificate: OpaquePointer) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
            guard let start = buffer.baseAddress else { return "" }
            shim_subject(certificate, start, CInt(buffer.count))
            return String(cString: start)
        }
    }

    private static func fingerprint(of certificate: OpaquePointer) -> SHA256Digest {
        let bytes = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            let done = X509_digest(certificate, Algorithms.sha256, buffer.baseAddress, nil)
            precondition(done == 1, "cannot digest a certificate")
            count = 32
        }
        return SHA256Hasher.digest(from: bytes)
    }

    private static func time(_ time: UnsafePointer<ASN1_TIME>?) -> WallTime {
        var civil = tm()
        guard ASN1_TIME_to_tm(time, &civil) == 1 else { return WallTime(seconds: 0) }
        return WallTime(seconds: Int64(timegm(&civil)))
    }
}
