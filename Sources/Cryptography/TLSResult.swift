/// What one call on a ``TLSConnection`` came to.
package enum TLSResult: Sendable, Equatable {
    /// So many bytes of plaintext moved; 0 from a handshake means that it is done.
    case count(Int)
    /// Call again when the socket is readable.
    case wantRead
    /// Call again when the socket is writable.
    case wantWrite
    /// The peer has ended its side in order (`close_notify`).
    case closed
    /// The connection ended without `close_notify`: something may be missing.
    case truncated
    /// The reason, for a log or a refusal; the connection is of no more use.
    case failed(String)
}

/// Whether a connection begins with a TLS handshake record; two bytes are enough to know, one may be.
package func looksLikeTLS(_ firstBytes: [UInt8]) -> Bool {
    guard let type = firstBytes.first, type == 0x16 else { return false }
    return firstBytes.count < 2 || firstBytes[1] == 0x03
}
