import Core
import MemoryStorage
import Platform
import Storage

/// A store that says once that blobs have moved.
final class MovingStore: BlobStore {
    private let inner: MemoryBlobStore
    private let moves: Lock<[(old: StoredBlob, new: StoredBlob)]>

    init(_ inner: MemoryBlobStore, moves: [(old: StoredBlob, new: StoredBlob)]) {
        self.inner = inner
        self.moves = Lock(moves)
    }

    func maintain() throws(StoreError) -> [(old: StoredBlob, new: StoredBlob)] {
        moves.withLock { moves in
            defer { moves = [] }
            return moves
        }
    }

    func put(_ bytes: [UInt8], digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> StoredBlob {
        try inner.put(bytes, digest: digest, scope: scope)
    }
    func stage(scope: BlobScope, expectedSize: Int64?) throws(StoreError) -> any BlobSink {
        try inner.stage(scope: scope, expectedSize: expectedSize)
    }
    func open(_ blob: StoredBlob) throws(StoreError) -> (any BlobReader)? { try inner.open(blob) }
    func remove(_ blob: StoredBlob) throws(StoreError) { try inner.remove(blob) }
    func removeAll(of session: SessionID) throws(StoreError) { try inner.removeAll(of: session) }
    func verify(_ blob: StoredBlob, mayGoOn: (Int) -> Bool) throws(StoreError) -> Bool? {
        try inner.verify(blob, mayGoOn: mayGoOn)
    }
    func privateSessions() throws(StoreError) -> [SessionID] { try inner.privateSessions() }
    func sweep(
        isKnown: (SHA256Digest, BlobPlacement) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool { try inner.sweep(isKnown: isKnown) }
    var stagedWrites: Int { inner.stagedWrites }
    func spaceLeft() -> Int64 { inner.spaceLeft() }
}

/// A catalog whose removals take so many slices, and whose groups can be watched.
final class SlicedCatalog: Catalog {
    private let inner: MemoryCatalog
    private let slices: Lock<Int>
    private let failure: StoreError?
    private let onApply: @Sendable ([CatalogChange]) -> Void
    private let onSlice: @Sendable () -> Void

    init(
        _ inner: MemoryCatalog, slices: Int, failure: StoreError? = nil,
        onSlice: @escaping @Sendable () -> Void = {}, onApply: @escaping @Sendable ([CatalogChange]) -> Void = { _ in }
    ) {
        self.inner = inner
        self.slices = Lock(slices)
        self.failure = failure
        self.onSlice = onSlice
        self.onApply = onApply
    }

    var slicesLeft: Int { slices.withLock { $0 } }

    func apply(_ changes: [CatalogChange]) throws(StoreError) {
        onApply(changes)
        try inner.apply(changes)
    }

    func removeSlice() throws(StoreError) -> Bool {
        onSlice()
        if let failure { throw failure }
        return slices.withLock { slices in
            if slices > 0 { slices -= 1 }
            return slices == 0
        }
    }

    func scrubMark() throws(StoreError) -> ScrubMark { try inner.scrubMark() }
    func responses(in partition: Partition, key: String) throws(StoreError) -> [StoredResponse] {
        try inner.responses(in: partition, key: key)
    }
    func responses(after: Int64, limit: Int) throws(StoreError) -> [StoredResponse] {
        try inner.responses(after: after, limit: limit)
    }
    func blob(_ digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> StoredBlob? {
        try inner.blob(digest, scope: scope)
    }
    func facts(_ digest: SHA256Digest, version: Int) throws(StoreError) -> [UInt8]? {
        try inner.facts(digest, version: version)
    }
    func sha1(_ digest: SHA256Digest) throws(StoreError) -> [UInt8]? { try inner.sha1(digest) }
    func evictionCandidates(limit: Int, includingPinned: Bool) throws(StoreError) -> [StoredBlob] {
        try inner.evictionCandidates(limit: limit, includingPinned: includingPinned)
    }
    func blobs(after: SHA256Digest?, limit: Int) throws(StoreError) -> [StoredBlob] {
        try inner.blobs(after: after, limit: limit)
    }
    func keyHash(_ partition: Partition, _ key: String) -> UInt64 { inner.keyHash(partition, key) }
    func keyHashes(after: UInt64?, limit: Int) throws(StoreError) -> [UInt64] {
        try inner.keyHashes(after: after, limit: limit)
    }
    func totals() throws(StoreError) -> CatalogTotals { try inner.totals() }
}
