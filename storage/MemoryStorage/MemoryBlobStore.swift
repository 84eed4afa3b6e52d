internal import Cryptography
package import Core
package import Storage
internal import Platform

/// Blobs in memory: for tests of what is above the store, and for a service that keeps nothing on disk.
///
/// It keeps every promise of ``BlobStore`` but survival of the process, and never compresses.
package final class MemoryBlobStore: BlobStore {
    private struct Key: Hashable {
        var digest: SHA256Digest
        var scope: BlobScope
    }

    private struct State {
        var blobs: [Key: MemoryBytes] = [:]
        /// Bytes of published and staged blobs.
        var used: Int64 = 0
        var staged = 0
    }

    private let capacity: Int64
    private let beforeChange: (@Sendable () throws(StoreError) -> Void)?
    private let state = Lock(State())

    /// Makes an empty store.
    ///
    /// - Parameters:
    ///   - capacity: How many bytes fit.
    ///   - beforeChange: Called before every change; what it throws is what the change fails with (fault injection).
    package init(capacity: Int64 = 1 << 30, beforeChange: (@Sendable () throws(StoreError) -> Void)? = nil) {
        self.capacity = capacity
        self.beforeChange = beforeChange
    }

    package func put(
        _ bytes: [UInt8], digest: SHA256Digest, scope: BlobScope
    ) throws(StoreError) -> StoredBlob {
        try reserve(bytes.count)
        publish(MemoryBytes(bytes), key: Key(digest: digest, scope: scope))
        return blob(digest, size: Int64(bytes.count), scope)
    }

    package func stage(scope: BlobScope, expectedSize: Int64?) throws(StoreError) -> any BlobSink {
        try beforeChange?()
        guard spaceLeft() > 0, expectedSize ?? 0 <= spaceLeft() else { throw full }
        state.withLock { $0.staged += 1 }
        return MemorySink(store: self, scope: scope)
    }

    package func open(_ blob: StoredBlob) throws(StoreError) -> (any BlobReader)? {
        let bytes = state.withLock { $0.blobs[Key(digest: blob.digest, scope: blob.scope)] }
        guard let bytes else { return nil }
        guard bytes.size == blob.logicalSize else {
            throw StoreError(.corrupt, "open blob \(blob.digest)", "\(bytes.size) bytes, not \(blob.logicalSize)")
        }
        return MemoryReader(bytes)
    }

    package func remove(_ blob: StoredBlob) throws(StoreError) {
        try beforeChange?()
        state.withLock { state in
            let gone = state.blobs.removeValue(forKey: Key(digest: blob.digest, scope: blob.scope))
            state.used -= gone?.size ?? 0
        }
    }

    package func removeAll(of session: SessionID) throws(StoreError) {
        try beforeChange?()
        state.withLock { state in
            for (key, bytes) in state.blobs where key.scope == .session(session) {
                state.used -= bytes.size
                state.blobs[key] = nil
            }
        }
    }

    package func verify(_ blob: StoredBlob, mayGoOn: (Int) -> Bool) throws(StoreError) -> Bool? {
        let bytes = state.withLock { $0.blobs[Key(digest: blob.digest, scope: blob.scope)] }
        guard let content = bytes?.content else { return false }
        guard mayGoOn(content.count) else { return nil }
        return Int64(content.count) == blob.logicalSize && SHA256Hasher.digest(content) == blob.digest
    }

    package func maintain() throws(StoreError) -> [(old: StoredBlob, new: StoredBlob)] { [] }

    package func privateSessions() throws(StoreError) -> [SessionID] {
        let scopes = state.withLock { state in Set(state.blobs.keys.map(\.scope)) }
        return scopes.compactMap { scope in
            guard case .session(let id) = scope else { return nil }
            return id
        }
    }

    /// Nothing outlives a run, so an earlier one has left nothing.
    package func sweep(
        isKnown: (SHA256Digest, BlobPlacement) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool { true }

    package var stagedWrites: Int { state.withLock { $0.staged } }

    package func spaceLeft() -> Int64 { capacity - state.withLock { $0.used } }

    // What sinks call.

    fileprivate func reserve(_ count: Int) throws(StoreError) {
        try beforeChange?()
        let fits = state.withLock { state in
            guard state.used + Int64(count) <= capacity else { return false }
            state.used += Int64(count)
            return true
        }
        guard fits else { throw full }
    }

    fileprivate func commit(_ bytes: MemoryBytes, digest: SHA256Digest, scope: BlobScope) throws(StoreError)
        -> StoredBlob
    {
        try beforeChange?()
        publish(bytes, key: Key(digest: digest, scope: scope))
        state.withLock { $0.staged -= 1 }
        return blob(digest, size: bytes.size, scope)
    }

    fileprivate func abandon(_ bytes: MemoryBytes) {
        state.withLock { state in
            state.staged -= 1
            state.used -= bytes.size
        }
    }

    /// Enters bytes that are reserved already; the ones that were there stay when their size fits.
    private func publish(_ bytes: MemoryBytes, key: Key) {
        state.withLock { state in
            if let present = state.blobs[key] {
                guard present.size != bytes.size else {
                    state.used -= bytes.size
                    return
                }
                state.used -= present.size
            }
            state.blobs[key] = bytes
        }
    }

    private func blob(_ digest: SHA256Digest, size: Int64, _ scope: BlobScope) -> StoredBlob {
        StoredBlob(
            digest: digest, logicalSize: size, scope: scope, placement: BlobPlacement(text: "memory", sizeOnDisk: size))
    }

    private var full: StoreError {
        StoreError(.full, "store a blob in memory", "the capacity of \(capacity) bytes is used up")
    }
}

/// Bytes that grow at the end and can be read meanwhile.
private final class MemoryBytes: Sendable {
    private let bytes: Lock<[UInt8]>

    init(_ bytes: [UInt8] = []) { self.bytes = Lock(bytes) }

    var content: [UInt8] { bytes.withLock { $0 } }

    var size: Int64 { bytes.withLock { Int64($0.count) } }

    func append(_ more: [UInt8]) { bytes.withLock { $0 += more } }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        bytes.withLock { bytes in
            guard offset >= 0, offset < Int64(bytes.count) else { return 0 }
            let start = Int(offset)
            let count = min(buffer.count, bytes.count - start)
            // The slice is at most as long as the buffer.
            unsafe buffer.copyBytes(from: bytes[start..<start + count])
            return count
        }
    }
}

private final class MemoryReader: BlobReader {
    private let bytes: MemoryBytes

    init(_ bytes: MemoryBytes) { self.bytes = bytes }

    var size: Int64 { bytes.size }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        unsafe bytes.read(at: offset, into: buffer)
    }

    var plainFile: (descriptor: Int32, offset: Int64)? { nil }
}

private final class MemorySink: BlobSink {
    private enum Phase { case open, failed, settled }

    private let store: MemoryBlobStore
    private let scope: BlobScope
    private let bytes = MemoryBytes()
    private let phase = Lock(Phase.open)

    init(store: MemoryBlobStore, scope: BlobScope) {
        self.store = store
        self.scope = scope
    }

    var size: Int64 { bytes.size }

    func reader() -> any BlobReader { MemoryReader(bytes) }

    func append(_ more: [UInt8]) throws(StoreError) {
        try requireOpen("append to a staged blob")
        do {
            try store.reserve(more.count)
        } catch {
            phase.withLock { $0 = .failed }
            throw error
        }
        bytes.append(more)
    }

    func commit(digest: SHA256Digest, size: Int64) throws(StoreError) -> StoredBlob {
        try requireOpen("commit a staged blob")
        phase.withLock { $0 = .failed }
        guard size == self.size else {
            throw StoreError(.rejected, "commit blob \(digest)", "\(self.size) bytes came, not \(size)")
        }
        let blob = try store.commit(bytes, digest: digest, scope: scope)
        phase.withLock { $0 = .settled }
        return blob
    }

    private func requireOpen(_ operation: String) throws(StoreError) {
        guard phase.withLock({ $0 == .open }) else {
            throw StoreError(.rejected, operation, "it has failed or ended before")
        }
    }

    deinit {
        if phase.withLock({ $0 != .settled }) { store.abandon(bytes) }
    }
}
