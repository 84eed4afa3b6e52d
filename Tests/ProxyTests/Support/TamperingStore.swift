import Core
import Cryptography
import MemoryStorage
import Storage
import Platform

/// Blobs in memory, of which a test can spoil some, as a disk would.
final class TamperingStore: BlobStore {
    private let inner = MemoryBlobStore()
    private let spoiled = Lock<Set<SHA256Digest>>([])
    private let vanishing = Lock<Set<SHA256Digest>>([])

    /// From now on a byte of the blob is wrong, until the store is told to remove it.
    func spoil(_ digest: SHA256Digest) { spoiled.withLock { _ = $0.insert(digest) } }

    /// When the blob is opened next, it is removed: whoever has it open can go on.
    func evictWhenOpened(_ digest: SHA256Digest) { vanishing.withLock { _ = $0.insert(digest) } }

    func isSpoiled(_ digest: SHA256Digest) -> Bool { spoiled.withLock { $0.contains(digest) } }

    func open(_ blob: StoredBlob) throws(StoreError) -> (any BlobReader)? {
        guard let reader = try inner.open(blob) else { return nil }
        if vanishing.withLock({ $0.remove(blob.digest) }) != nil { try inner.remove(blob) }
        return isSpoiled(blob.digest) ? SpoiledReader(reader) : reader
    }

    func verify(_ blob: StoredBlob, mayGoOn: (Int) -> Bool) throws(StoreError) -> Bool? {
        if isSpoiled(blob.digest) { return false }
        return try inner.verify(blob, mayGoOn: mayGoOn)
    }

    func remove(_ blob: StoredBlob) throws(StoreError) {
        try inner.remove(blob)
        spoiled.withLock { _ = $0.remove(blob.digest) }
    }

    func put(_ bytes: [UInt8], digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> StoredBlob {
        try inner.put(bytes, digest: digest, scope: scope)
    }
    func stage(scope: BlobScope, expectedSize: Int64?) throws(StoreError) -> any BlobSink {
        try inner.stage(scope: scope, expectedSize: expectedSize)
    }
    func removeAll(of session: SessionID) throws(StoreError) { try inner.removeAll(of: session) }
    func maintain() throws(StoreError) -> [(old: StoredBlob, new: StoredBlob)] { try inner.maintain() }
    func privateSessions() throws(StoreError) -> [SessionID] { try inner.privateSessions() }
    func sweep(
        isKnown: (SHA256Digest, BlobPlacement) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool { try inner.sweep(isKnown: isKnown) }
    var stagedWrites: Int { inner.stagedWrites }
    func spaceLeft() -> Int64 { inner.spaceLeft() }
}

/// Reads with the first byte of everything turned round.
private final class SpoiledReader: BlobReader {
    private let inner: any BlobReader

    init(_ inner: any BlobReader) { self.inner = inner }

    var size: Int64 { inner.size }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        let count = try inner.read(at: offset, into: buffer)
        if offset == 0, count > 0 { buffer[0] ^= 0xff }
        return count
    }

    var plainFile: (descriptor: Int32, offset: Int64)? { nil }
}
