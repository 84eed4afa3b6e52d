import Core
import MemoryStorage
import Platform
import Storage

/// Blobs in memory whose reading, or putting, takes until a test allows it, as if the disk were slow.
final class HoldingStore: BlobStore {
    private let inner = MemoryBlobStore()
    private let gate = Latch()
    private let holdsPuts: Bool

    init(holdingPuts: Bool = false) { holdsPuts = holdingPuts }

    /// Lets go what waits and everything after.
    func release() { gate.signal() }

    func open(_ blob: StoredBlob) throws(StoreError) -> (any BlobReader)? {
        guard let reader = try inner.open(blob) else { return nil }
        return holdsPuts ? reader : HoldingReader(reader, gate)
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

private final class HoldingReader: BlobReader {
    private let inner: any BlobReader
    private let gate: Latch

    init(_ inner: any BlobReader, _ gate: Latch) { (self.inner, self.gate) = (inner, gate) }

    var size: Int64 { inner.size }
    var plainFile: (descriptor: Int32, offset: Int64)? { inner.plainFile }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        _ = gate.wait(atMost: .seconds(20))
        return try inner.read(at: offset, into: buffer)
    }

    func lend(
        at offset: Int64, count: Int, scratch: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Int
    ) throws(StoreError) {
        try inner.lend(at: offset, count: count, scratch: scratch, body)
    }
}
