import Cache
import Core
import Cryptography
import Storage

/// Opens what the cache has of the artifacts of sessions, for the control API and the spool.
struct StoredArtifacts {
    let cache: ResponseCache

    private static let pieceSize = 256 << 10

    /// Opens an artifact of a session, its own bytes first and then the shared ones; blocks.
    ///
    /// - Parameters:
    ///   - digest: What it is.
    ///   - session: Whose it is.
    ///   - verifying: Whether bytes that were not compared with their digest since the service started are read once for
    ///     that.
    /// - Returns: A reader that stays valid whatever becomes of the blob; `nil` when the bytes are gone, or were damaged
    ///   and are gone now.
    /// - Throws: ``StoreError`` when they cannot be read now.
    func open(
        _ digest: SHA256Digest, of session: SessionID, verifying: Bool = true
    ) throws(StoreError) -> (any BlobReader)? {
        if let own = try open(digest, .session(session), verifying) { return own }
        return try open(digest, .shared, verifying)
    }

    private func open(
        _ digest: SHA256Digest, _ scope: BlobScope, _ verifying: Bool
    ) throws(StoreError) -> (any BlobReader)? {
        var tried: StoredBlob?
        // The store may move a blob between the look into the catalog and the opening.
        while let blob = try cache.locate(digest, scope: scope), blob.placement != tried?.placement {
            tried = blob
            guard let reader = try cache.open(blob) else { continue }
            if !verifying || cache.isVerified(digest, scope: scope) { return reader }
            guard try Self.isRight(reader, digest) else {
                try cache.discard([blob])
                return nil
            }
            cache.markVerified(digest, scope: scope)
            return reader
        }
        return nil
    }

    private static func isRight(_ reader: any BlobReader, _ digest: SHA256Digest) throws(StoreError) -> Bool {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 64)
        defer { buffer.deallocate() }
        var hasher = SHA256Hasher()
        var offset: Int64 = 0
        while offset < reader.size {
            let count: Int
            do throws(StoreError) {
                count = try reader.read(at: offset, into: buffer)
            } catch {
                guard error.kind == .corrupt else { throw error }
                return false
            }
            guard count > 0 else { return false }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
        return hasher.finish() == digest
    }
}
