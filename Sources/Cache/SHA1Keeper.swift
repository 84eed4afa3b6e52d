package import Core
internal import Cryptography
internal import Platform
package import Storage

/// Finds the SHA-1 of stored bodies, which the report wants and nobody else.
///
/// Nothing computes it while a body is relayed. Who first asks reads the stored bytes once, piece by piece; the catalog
/// keeps what came of it as long as the blob is there or a session's record names it. Every call blocks.
package final class SHA1Keeper: Sendable {
    /// What there is to say of a body.
    package enum Answer: Hashable, Sendable {
        /// 40 hex digits, and how many bytes were read for them now.
        case known(String, read: Int64)
        /// It cannot be computed; why.
        case unknown(reason: String)
        /// `mayGoOn` ended the reading.
        case stopped
    }

    private struct State {
        /// Computed, and on the way to the catalog.
        var arriving: [SHA256Digest: String] = [:]
        /// Being computed: those who ask meanwhile wait.
        var running: [SHA256Digest: Latch] = [:]
    }

    private let cache: ResponseCache
    private let state = Lock(State())
    private static let pieceSize = 256 << 10
    private static let empty = SHA256Hasher.digest([])

    package init(cache: ResponseCache) { self.cache = cache }

    /// The SHA-1 of an artifact of a session, whose bytes are private to it or shared.
    ///
    /// - Parameters:
    ///   - digest: SHA-256 of the content.
    ///   - session: Whose record names it.
    ///   - mayGoOn: Asked before every piece; `false` ends the reading.
    /// - Returns: What is known of it; failures of the store are reasons.
    package func sha1(
        of digest: SHA256Digest, session: SessionID, mayGoOn: () -> Bool
    ) -> Answer {
        if digest == Self.empty { return .known(SHA1Hasher.digest([]), read: 0) }
        return find(digest, mayGoOn) {
            () throws(StoreError) -> StoredBlob? in
            if let own = try cache.locate(digest, scope: .session(session)) { return own }
            return try cache.locate(digest, scope: .shared)
        }
    }

    /// The SHA-1 of a blob.
    ///
    /// - Parameters:
    ///   - blob: As the catalog has it.
    ///   - mayGoOn: Asked before every piece; `false` ends the reading.
    /// - Returns: What is known of it; failures of the store are reasons.
    package func sha1(of blob: StoredBlob, mayGoOn: () -> Bool) -> Answer {
        find(blob.digest, mayGoOn) { () throws(StoreError) in try cache.locate(blob.digest, scope: blob.scope) }
    }

    private func find(
        _ digest: SHA256Digest, _ mayGoOn: () -> Bool, locate: () throws(StoreError) -> StoredBlob?
    ) -> Answer {
        enum Step {
            case known(String)
            case wait(Latch)
            case look(Latch)
        }
        while true {
            let step: Step = state.withLock { state in
                if let sha1 = state.arriving[digest] { return .known(sha1) }
                if let latch = state.running[digest] { return .wait(latch) }
                let latch = Latch()
                state.running[digest] = latch
                return .look(latch)
            }
            switch step {
            case .known(let sha1): return .known(sha1, read: 0)
            case .wait(let latch): latch.wait()
            case .look(let latch):
                defer {
                    state.withLock { $0.running[digest] = nil }
                    latch.signal()
                }
                do throws(StoreError) {
                    if let kept = try cache.catalog.sha1(digest) { return .known(Hex.encode(kept), read: 0) }
                    return try compute(digest, mayGoOn, locate)
                } catch {
                    return .unknown(reason: "its bytes could not be read: \(error)")
                }
            }
        }
    }

    private func compute(
        _ digest: SHA256Digest, _ mayGoOn: () -> Bool, _ locate: () throws(StoreError) -> StoredBlob?
    ) throws(StoreError) -> Answer {
        var tried: StoredBlob?
        // The store may move a blob between the look into the catalog and the opening.
        while let blob = try locate(), blob.placement != tried?.placement {
            tried = blob
            guard let reader = try cache.blobs.open(blob) else { continue }
            return try read(reader, blob, mayGoOn)
        }
        return .unknown(reason: "its bytes are not in the cache any more")
    }

    /// Reads a blob once; compares it with its digest on the way, unless that has been done.
    private func read(
        _ reader: any BlobReader, _ blob: StoredBlob, _ mayGoOn: () -> Bool
    ) throws(StoreError) -> Answer {
        let isVerified = cache.isVerified(blob.digest, scope: blob.scope)
        let room = max(1, min(Self.pieceSize, Int(clamping: reader.size)))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 64)
        defer { unsafe buffer.deallocate() }
        var first = SHA1Hasher()
        var second = SHA256Hasher()
        var offset: Int64 = 0
        while offset < reader.size {
            guard mayGoOn() else { return .stopped }
            let count = try unsafe reader.read(at: offset, into: buffer)
            guard count > 0 else { throw StoreError(.corrupt, "read a body", "it ends at byte \(offset)") }
            let piece = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
            unsafe first.update(piece)
            if !isVerified { unsafe second.update(piece) }
            offset += Int64(count)
        }
        if !isVerified {
            guard second.finish() == blob.digest else {
                try cache.discard([blob])
                return .unknown(reason: "its stored bytes were damaged")
            }
            cache.markVerified(blob.digest, scope: blob.scope)
        }
        let sha1 = first.finish()
        keep(sha1, of: blob.digest)
        return .known(sha1, read: offset)
    }

    private func keep(_ sha1: String, of digest: SHA256Digest) {
        guard let bytes = Hex.decode(sha1) else { preconditionFailure("a digest is hexadecimal") }
        state.withLock { $0.arriving[digest] = sha1 }
        cache.writer.submit([.sha1(digest, bytes)]) { [state] _ in state.withLock { $0.arriving[digest] = nil } }
    }
}
