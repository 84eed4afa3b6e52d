import COpenSSL

/// A SHA-384 or SHA-512 in progress, for files whose ecosystem names them by one of those.
package struct LongSHA2Hasher: ~Copyable, @unchecked Sendable {
    package enum Variant: String, Sendable { case sha384, sha512 }

    // Immutable after the fetch, as EVP_MD_fetch(3) says of its results.
    private nonisolated(unsafe) static let sha384 = EVP_MD_fetch(nil, "SHA2-384", nil)
    private nonisolated(unsafe) static let sha512 = EVP_MD_fetch(nil, "SHA2-512", nil)

    // Reached through this one value only.
    private let state: OpaquePointer
    private let length: Int

    package init(_ variant: Variant) {
        guard let algorithm = variant == .sha384 ? Self.sha384 : Self.sha512 else {
            preconditionFailure("OpenSSL offers no \(variant.rawValue); check openssl.cnf")
        }
        state = Algorithms.start(algorithm)
        length = variant == .sha384 ? 48 : 64
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) { Algorithms.update(state, bytes) }

    package consuming func finish() -> [UInt8] {
        let state = state
        let length = length
        discard self
        return Algorithms.finish(state, length: length)
    }

    deinit { EVP_MD_CTX_free(state) }
}
