import COpenSSL

/// A certificate, its chain and its key in one text: PEM blocks in any order, with comments or anything else between them.
package struct PEMBundle: Sendable {
    /// The certificates as PEM, first the one that the key belongs to.
    package let certificatePEM: [UInt8]
    /// The key as PEM.
    package let keyPEM: [UInt8]

    /// Most certificates in one text.
    private static let mostCertificates = 16

    private static let certificateLabels: Set<String> = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"]
    private static let keyLabels: Set<String> = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]

    /// Sorts the blocks by their labels; blocks of other kinds, such as parameters, are left out.
    ///
    /// - Parameter text: The blocks; lines end in LF or CRLF.
    /// - Throws: ``CertificateError`` unless there are at least one certificate and exactly one key, which belongs to one of
    ///   them.
    package init(_ text: [UInt8]) throws(CertificateError) {
        let blocks = try Self.blocks(text)
        var certificates = blocks.filter { Self.certificateLabels.contains($0.label) }.map(\.lines)
        let keys = blocks.filter { Self.keyLabels.contains($0.label) }.map(\.lines)
        guard (1...Self.mostCertificates).contains(certificates.count) else {
            throw CertificateError(
                reason: "there are \(certificates.count) certificates (BEGIN CERTIFICATE); give 1 to "
                    + "\(Self.mostCertificates), the authority's and those of its issuers")
        }
        guard !blocks.contains(where: { $0.label == "ENCRYPTED PRIVATE KEY" }) else {
            throw CertificateError(reason: "the key has a passphrase; remove it with: openssl pkey -in FILE -out FILE")
        }
        guard keys.count == 1 else {
            throw CertificateError(
                reason: "there are \(keys.count) private keys (BEGIN PRIVATE KEY); give the one of the authority")
        }
        keyPEM = keys[0]
        guard let index = try Self.owner(of: keyPEM, among: certificates) else {
            let those = certificates.count == 1 ? "the certificate" : "any of the \(certificates.count) certificates"
            throw CertificateError(reason: "the key does not belong to \(those)")
        }
        certificates.swapAt(0, index)
        certificatePEM = certificates.flatMap { $0 }
    }

    /// Which of the certificates a key belongs to.
    private static func owner(of key: [UInt8], among candidates: [[UInt8]]) throws(CertificateError) -> Int? {
        let key = try PEM.privateKey(key)
        defer { EVP_PKEY_free(key) }
        var owner: Int?
        for (index, candidate) in candidates.enumerated() {
            let found = try PEM.certificates(candidate)
            defer { found.forEach { X509_free($0) } }
            if owner == nil, X509_check_private_key(found[0], key) == 1 { owner = index }
        }
        ErrorQueue.clear()
        return owner
    }

    /// The blocks of a text, each with its label and its lines (RFC 7468, section 2).
    private static func blocks(_ text: [UInt8]) throws(CertificateError) -> [(label: String, lines: [UInt8])] {
        var blocks: [(label: String, lines: [UInt8])] = []
        var open: (label: String, lines: [UInt8])?
        for var line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
            while let last = line.last, [0x0d, 0x20, 0x09].contains(last) { line.removeLast() }
            if let label = Self.label(line, "-----BEGIN ") {
                guard open == nil else {
                    throw CertificateError(reason: "the PEM block \(open?.label ?? "") has no END line")
                }
                open = (label, [])
            }
            guard open != nil else { continue }
            open?.lines += line
            open?.lines.append(UInt8(ascii: "\n"))
            guard let label = Self.label(line, "-----END "), let block = open else { continue }
            guard label == block.label else {
                throw CertificateError(reason: "the PEM block \(block.label) ends as \(label)")
            }
            blocks.append(block)
            open = nil
        }
        if let open { throw CertificateError(reason: "the PEM block \(open.label) has no END line") }
        return blocks
    }

    /// The label of a line such as `-----BEGIN CERTIFICATE-----`.
    private static func label(_ line: ArraySlice<UInt8>, _ prefix: String) -> String? {
        let end = Array("-----".utf8)
        guard line.count > prefix.utf8.count + end.count, line.starts(with: prefix.utf8), line.suffix(5) == end[...]
        else { return nil }
        let label = line.dropFirst(prefix.utf8.count).dropLast(end.count)
        // Capitals, digits and spaces, so that what is repeated in complaints is harmless.
        guard label.count <= 64,
            label.allSatisfy({ (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x20 })
        else { return nil }
        return String(decoding: label, as: UTF8.self)
    }
}
