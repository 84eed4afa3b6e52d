import COpenSSL
package import Core

/// The algorithms, fetched once: an implicit fetch at each use costs more than hashing a small body.
enum Algorithms {
    // Immutable after the fetch, as EVP_MD_fetch(3) says of its results.
    nonisolated(unsafe) static let sha256 = fetch("SHA2-256")
    nonisolated(unsafe) static let sha1 = fetch("SHA1")

    private static func fetch(_ name: String) -> OpaquePointer {
        guard let algorithm = EVP_MD_fetch(nil, name, nil) else {
            preconditionFailure("OpenSSL offers no \(name); check openssl.cnf")
        }
        return algorithm
    }

    /// Makes the state of a digest in progress; the caller frees it.
    static func start(_ algorithm: OpaquePointer) -> OpaquePointer {
        guard let state = EVP_MD_CTX_new(), EVP_DigestInit_ex2(state, algorithm, nil) == 1 else {
            preconditionFailure("out of memory for a digest")
        }
        return state
    }

    static func update(_ state: OpaquePointer, _ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        let done = EVP_DigestUpdate(state, start, bytes.count)
        precondition(done == 1, "digest failed")
    }

    /// Ends a digest and frees its state.
    static func finish(_ state: OpaquePointer, length: Int) -> [UInt8] {
        defer { EVP_MD_CTX_free(state) }
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            let done = EVP_DigestFinal_ex(state, buffer.baseAddress, nil)
            precondition(done == 1, "digest failed")
            count = length
        }
    }
}

/// A SHA-256 in progress.
package struct SHA256Hasher: ~Copyable, @unchecked Sendable {
    // Reached through this one value only.
    private let state: OpaquePointer

    package init() { state = Algorithms.start(Algorithms.sha256) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) { Algorithms.update(state, bytes) }

    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { Algorithms.update(state, $0) } }

    package mutating func update(_ bytes: Span<UInt8>) { bytes.withUnsafeBytes { Algorithms.update(state, $0) } }

    package consuming func finish() -> SHA256Digest {
        let state = state
        discard self
        return Self.digest(from: Algorithms.finish(state, length: 32))
    }

    package static func digest(_ bytes: [UInt8]) -> SHA256Digest { bytes.withUnsafeBytes { digest($0) } }

    package static func digest(_ bytes: UnsafeRawBufferPointer) -> SHA256Digest {
        let state = Algorithms.start(Algorithms.sha256)
        Algorithms.update(state, bytes)
        return digest(from: Algorithms.finish(state, length: 32))
    }

    static func digest(from bytes: [UInt8]) -> SHA256Digest {
        guard let digest = SHA256Digest(bytes: bytes) else { preconditionFailure("SHA-256 has 32 bytes") }
        return digest
    }

    deinit { EVP_MD_CTX_free(state) }
}

/// A SHA-256 that several jobs feed, one after the other.
///
/// Not locked: whoever shares it says which job has it (a strand, say).
package final class SHA256Stream: @unchecked Sendable {
    // Used by one job at a time, as the owner promises.
    private var hasher: SHA256Hasher? = SHA256Hasher()

    package init() {}

    package func update(_ bytes: UnsafeRawBufferPointer) { hasher?.update(bytes) }

    package func update(_ bytes: [UInt8]) { hasher?.update(bytes) }

    /// Ends the digest; it traps when called twice.
    package func finish() -> SHA256Digest {
        guard let hasher = hasher.take() else { preconditionFailure("this digest has been finished") }
        return hasher.finish()
    }
}
