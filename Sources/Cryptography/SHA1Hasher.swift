import COpenSSL
import Core

/// A SHA-1 in progress, for the report only: nothing is trusted because of it.
package struct SHA1Hasher: ~Copyable, @unchecked Sendable {
    // Reached through this one value only.
    private let state: OpaquePointer

    package init() { state = Algorithms.start(Algorithms.sha1) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) { Algorithms.update(state, bytes) }

    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { Algorithms.update(state, $0) } }

    package mutating func update(_ bytes: Span<UInt8>) { bytes.withUnsafeBytes { Algorithms.update(state, $0) } }

    /// Ends the digest; 40 lower-case hex digits.
    package consuming func finish() -> String {
        let state = state
        discard self
        return Hex.encode(Algorithms.finish(state, length: 20))
    }

    package static func digest(_ bytes: [UInt8]) -> String {
        var hasher = SHA1Hasher()
        hasher.update(bytes)
        return hasher.finish()
    }

    deinit { EVP_MD_CTX_free(state) }
}
