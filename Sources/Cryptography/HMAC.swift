import COpenSSL

/// Keyed digests (RFC 2104).
package enum HMAC {
    package static func sha256(key: [UInt8], _ data: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            var length: UInt32 = 0
            let result = COpenSSL.HMAC(
                Algorithms.sha256, key, CInt(key.count), data, data.count, buffer.baseAddress, &length)
            precondition(result != nil && length == 32, "HMAC failed")
            count = 32
        }
    }
}

/// Compares without telling by its duration where the first difference is; the lengths are not secret.
package func equalInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
}
