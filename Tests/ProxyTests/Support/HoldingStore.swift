import Core
import MemoryStorage
import Platform
import Storage

/// Blobs in memory whose opening, or putting, takes until a test allows it, as if the disk were slow.
final class HoldingStore: BlobStore {
    private let inner = MemoryBlobStore()
    private let gate = Latch()
    private let holdsPuts: Bool

    init(holdingPuts: Bool = false) { holdsPuts = holdingPuts }

    /// Opens what waits and everything after.
    func release() { gate.signal() }

    func open(_ blob: StoredBlob) throws(StoreError) -> (any BlobReader)? {
        if !holdsPuts { _ = gate.wait(atMost: .seconds(20)) }
        return try inner.open(blob)
    }

    func put(_ bytes: [UInt8], digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> StoredBlob {
        if holdsPuts { _ = gate.wait(atMost: .seconds(20)) }
        return try inner.put(bytes, digest: digest, scope: scope)
    }
    func stage(scope: BlobScope, expectedSize: Int64?) throws(StoreError) -> any BlobSink {
        try inner.stage(scope: scope, expectedSize: expectedSize)
    }
    func verify(_ blob: StoredBlob, mayGoOn: (Int) -> Bool) throws(StoreError) -> Bool? {
        try inner.verify(blob, mayGoOn: mayGoOn)
    }
    func remove(_ blob: StoredBlob) throws(StoreError) { try inner.remove(blob) }
    func removeAll(of session: SessionID) throws(StoreError) { try inner.removeAll(of: session) }
    func maintain() throws(StoreError) -> [(old: StoredBlob, new: StoredBlob)] { try inner.maintain() }
    func privateSessions() throws(StoreError) -> [SessionID] { try inner.privateSessions() }
    func sweep(
        isKnown: (SHA256Digest, BlobPlacement) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool { try inner.sweep(isKnown: isKnown) }
    var stagedWrites: Int { inner.stagedWrites }
    func spaceLeft() -> Int64 { inner.spaceLeft() }
}
