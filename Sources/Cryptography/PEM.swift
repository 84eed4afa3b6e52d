import COpenSSL

/// Reading and writing certificates and keys as text.
enum PEM {
    /// Runs `body` with a BIO that reads `bytes`.
    private static func reading<R>(_ bytes: [UInt8], _ body: (OpaquePointer) -> R) -> R {
        bytes.withUnsafeBytes { raw in
            guard let bio = BIO_new_mem_buf(raw.baseAddress, CInt(clamping: raw.count)) else {
                preconditionFailure("out of memory")
            }
            defer { BIO_free(bio) }
            return body(bio)
        }
    }

    /// All certificates of a text, in order, each to be freed by the caller.
    static func certificates(_ bytes: [UInt8]) throws(CertificateError) -> [OpaquePointer] {
        guard !bytes.isEmpty else { throw CertificateError(reason: "the certificate file is empty") }
        ErrorQueue.clear()
        let found = reading(bytes) { bio in
            var found: [OpaquePointer] = []
            while let certificate = shim_read_certificate(bio) { found.append(certificate) }
            return found
        }
        // The end of the text is an error of its own, "no start line".
        let last = ErrorQueue.take()
        guard let last, last.code != PEM_R_NO_START_LINE || found.isEmpty else { return found }
        found.forEach { X509_free($0) }
        throw CertificateError(reason: "this is not a PEM certificate: \(last.text)")
    }

    /// The first private key of a text (PKCS#8, PKCS#1 or SEC1, without passphrase), to be freed by the caller.
    static func privateKey(_ bytes: [UInt8]) throws(CertificateError) -> OpaquePointer {
        guard !bytes.isEmpty else { throw CertificateError(reason: "the key file is empty") }
        ErrorQueue.clear()
        guard let key = reading(bytes, { shim_read_private_key($0) }) else {
            throw ErrorQueue.error("this is not a PEM private key without passphrase")
        }
        ErrorQueue.clear()
        return key
    }

    static func text(certificate: OpaquePointer) -> [UInt8] { writing { PEM_write_bio_X509($0, certificate) } }

    /// A key as PKCS#8.
    static func text(key: OpaquePointer) -> [UInt8] {
        writing { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    private static func writing(_ body: (OpaquePointer) -> CInt) -> [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else { preconditionFailure("out of memory") }
        defer { BIO_free(bio) }
        let done = body(bio)
        precondition(done == 1, "cannot write PEM")
        var start: UnsafeMutablePointer<CChar>?
        let count = shim_memory(bio, &start)
        return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
}
