import COpenSSL
import Core
import Glibc

/// A certificate in the making.
final class CertificateBuilder {
    private let certificate: OpaquePointer

    /// Starts a version 3 certificate with a random serial number of 128 bits.
    init(notBefore: WallTime, notAfter: WallTime, key: OpaquePointer) throws(CertificateError) {
        ErrorQueue.clear()
        guard let certificate = X509_new() else { throw ErrorQueue.error("out of memory") }
        self.certificate = certificate
        let serialBytes = SecureRandom.bytes(16)
        let serial = BN_bin2bn(serialBytes, CInt(serialBytes.count), nil)
        let start = ASN1_TIME_set(nil, time_t(notBefore.seconds))
        let end = ASN1_TIME_set(nil, time_t(notAfter.seconds))
        defer {
            BN_free(serial)
            ASN1_STRING_free(start)
            ASN1_STRING_free(end)
        }
        guard X509_set_version(certificate, 2) == 1,
            BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != nil,
            X509_set1_notBefore(certificate, start) == 1, X509_set1_notAfter(certificate, end) == 1,
            X509_set_pubkey(certificate, key) == 1
        else { throw ErrorQueue.error("cannot make a certificate") }
    }

    /// Names the subject; without a name it stays empty.
    func setSubject(commonName: String?) throws(CertificateError) {
        guard let commonName else { return }
        let name = Array(commonName.utf8)
        let done = X509_NAME_add_entry_by_txt(
            X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, name, CInt(name.count), -1, 0)
        guard done == 1 else { throw ErrorQueue.error("cannot name a certificate \(commonName)") }
    }

    /// Adds an extension; `value` is in the language of x509v3_config(5) and must be a constant.
    func add(_ nid: CInt, _ value: StaticString) throws(CertificateError) {
        guard shim_add_extension(certificate, nid, "\(value)") == 1 else {
            throw ErrorQueue.error("cannot add an extension")
        }
    }

    func addAlternativeName(_ host: LeafName, isCritical: Bool) throws(CertificateError) {
        let bytes = host.bytes
        let critical: CInt = isCritical ? 1 : 0
        guard shim_add_alternative_name(certificate, bytes, CInt(bytes.count), host.isAddress ? 1 : 0, critical) == 1
        else { throw ErrorQueue.error("cannot name a certificate \(host.text)") }
    }

    func addAuthorityKey(of issuer: OpaquePointer) throws(CertificateError) {
        guard shim_add_authority_key(certificate, issuer) == 1 else {
            throw ErrorQueue.error("cannot add an authority key identifier")
        }
    }

    /// Signs and gives the certificate, to be freed by the caller.
    ///
    /// Without an issuer it signs itself.
    func sign(issuer: OpaquePointer?, key: OpaquePointer) throws(CertificateError) -> OpaquePointer {
        guard X509_set_issuer_name(certificate, X509_get_subject_name(issuer ?? certificate)) == 1,
            X509_sign(certificate, key, Self.hasOwnDigest(key) ? nil : Algorithms.sha256) > 0
        else { throw ErrorQueue.error("cannot sign a certificate") }
        X509_up_ref(certificate)
        return certificate
    }

    private static func hasOwnDigest(_ key: OpaquePointer) -> Bool {
        EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1
    }

    deinit { X509_free(certificate) }
}

/// A host as it stands in a leaf certificate: checked, and either a DNS name or an address.
struct LeafName {
    let text: String
    let bytes: [UInt8]
    let isAddress: Bool

    /// Checks a host: lower case, without brackets or trailing dot.
    init(_ host: String) throws(CertificateError) {
        text = host
        var address = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, host, &address) == 1 {
            (bytes, isAddress) = (Array(address[..<4]), true)
        } else if inet_pton(AF_INET6, host, &address) == 1 {
            (bytes, isAddress) = (address, true)
        } else {
            (bytes, isAddress) = (Array(host.utf8), false)
            let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            let isName = labels.allSatisfy { label in
                (1...63).contains(label.count)
                    && label.allSatisfy { byte in
                        (97...122).contains(byte) || (48...57).contains(byte) || byte == 45 || byte == 95
                    }
            }
            guard isName, bytes.count <= 253 else {
                throw CertificateError(reason: "no certificate can be made for the host \(escapedForDisplay(host))")
            }
        }
    }
}
