public import Core

/// Who may be answered with a stored response.
public enum Partition: Hashable, Sendable {
    /// Every session.
    case shared
    /// One session, and in it only requests with the same credential values.
    case session(SessionID, credentials: SHA256Digest)

    /// The scope of blobs of this partition.
    public var scope: BlobScope {
        switch self {
        case .shared: .shared
        case .session(let id, _): .session(id)
        }
    }
}

/// A stored response (RFC 9111, section 3).
public struct StoredResponse: Hashable, Sendable {
    /// Given by the catalog on insertion; 0 before.
    public var id: Int64
    /// Who may be answered with it.
    public var partition: Partition
    /// The primary cache key: the normalised URL; only answers to GET are stored.
    public var key: String
    /// The names in `Vary`, lower case and sorted.
    public var varyNames: [String]
    /// The values of those request fields, normalised.
    public var variant: String
    /// Status of the answer.
    public var status: Int
    /// Status line and header section as serialised by `ResponseHead.serialise`, ready to parse again.
    public var head: [UInt8]
    /// The body's digest.
    public var digest: SHA256Digest
    /// The body's length in bytes.
    public var size: Int64
    /// When the request was made, seconds since the epoch.
    public var requestTime: Int64
    /// When the answer came, seconds since the epoch.
    public var responseTime: Int64
    /// Whether the body was decoded from gzip in the fill; then only clients that accept gzip are answered with it.
    public var decoded: Bool

    /// Seconds of freshness that we assume because the origin says nothing; 0 for none.
    public var assumedLifetime: Int64 = 0
    /// How long the download took, in nanoseconds.
    public var fillNanoseconds: Int64 = 0

    /// Makes a stored response.
    public init(
        id: Int64 = 0, partition: Partition, key: String, varyNames: [String] = [], variant: String = "",
        status: Int = 200,
        head: [UInt8], digest: SHA256Digest, size: Int64, requestTime: Int64, responseTime: Int64, decoded: Bool = false
    ) {
        self.id = id
        self.partition = partition
        self.key = key
        self.varyNames = varyNames
        self.variant = variant
        self.status = status
        self.head = head
        self.digest = digest
        self.size = size
        self.requestTime = requestTime
        self.responseTime = responseTime
        self.decoded = decoded
    }
}

/// A change to the catalog; a group of them is one transaction.
public enum CatalogChange: Sendable {
    /// A blob whose bytes are in the store. A second placement of one digest and scope replaces the first.
    case blob(StoredBlob, at: WallTime)
    /// Where a blob's bytes are after the store moved them; when it was used last stays as it was.
    case moved(StoredBlob)
    /// A response for reuse; it replaces one with the same partition, key and variant, and the oldest beyond 16 variants.
    case response(StoredResponse)
    /// New head and times of a stored response after validation (RFC 9111, section 4.3.4).
    case refresh(id: Int64, head: [UInt8], requestTime: Int64, responseTime: Int64)
    /// Forgets one stored response.
    case forget(id: Int64)
    /// Forgets all stored responses of a key in a partition (invalidation, RFC 9111, section 4.4).
    case invalidate(Partition, key: String)
    /// Forgets a blob and the responses that have it as their body; very many of those go with ``Catalog/removeSlice()``.
    case forgetBlob(SHA256Digest, BlobScope)
    /// What extraction found in a blob, as JSON, with the version of the extractor.
    case facts(SHA256Digest, version: Int, json: [UInt8])
    /// The SHA-1 of a blob's content, which the report wants: 20 bytes. Nothing is kept of what is neither there nor
    /// pinned.
    case sha1(SHA256Digest, [UInt8])
    /// A session's record names this blob: it is not evicted before the session's resources go.
    case pin(SHA256Digest, SessionID)
    /// Begins to remove a session: from here on nothing that is private to it is found, not even after a restart; its
    /// rows and pins go with ``Catalog/removeSlice()``.
    case removeSession(SessionID)
    /// Blobs used since the last such change, for eviction.
    case used([SHA256Digest], at: WallTime)
    /// How far the comparing of blobs with their digests has come.
    case scrubbed(ScrubMark)
}

/// How far the scrubber has come; kept over restarts.
public struct ScrubMark: Hashable, Sendable {
    /// The last digest compared in this pass; `nil` between two passes.
    public var position: SHA256Digest?
    /// When the last whole pass ended; `nil` before the first has.
    public var passEnded: WallTime?

    /// Makes a mark.
    public init(position: SHA256Digest? = nil, passEnded: WallTime? = nil) {
        self.position = position
        self.passEnded = passEnded
    }
}

/// How much the catalog holds.
public struct CatalogTotals: Hashable, Sendable {
    /// Blobs of all scopes.
    public var blobs: Int64
    /// Their bytes on the medium.
    public var bytesOnDisk: Int64
    /// Bytes of their content.
    public var logicalBytes: Int64
    /// Responses for reuse.
    public var responses: Int64

    /// Makes totals.
    public init(blobs: Int64 = 0, bytesOnDisk: Int64 = 0, logicalBytes: Int64 = 0, responses: Int64 = 0) {
        self.blobs = blobs
        self.bytesOnDisk = bytesOnDisk
        self.logicalBytes = logicalBytes
        self.responses = responses
    }
}

/// The half of the storage that can be thrown away: which responses and blobs there are.
///
/// Calls block. `apply` comes from one writer thread; reads may come from any thread at the same time.
public protocol Catalog: AnyObject, Sendable {
    /// Makes all changes or none.
    ///
    /// A change that names something that is not there changes nothing: it may have been evicted meanwhile.
    ///
    /// - Parameter changes: Made in this order.
    /// - Throws: ``StoreError``; nothing of the group is there then.
    func apply(_ changes: [CatalogChange]) throws(StoreError)

    /// All stored variants of a key in a partition.
    ///
    /// - Parameters:
    ///   - partition: Where to look, and only there.
    ///   - key: The normalised URL.
    /// - Returns: The most recently stored first; at most 16.
    /// - Throws: ``StoreError``.
    func responses(in partition: Partition, key: String) throws(StoreError) -> [StoredResponse]

    /// The stored responses of all partitions in the order in which they were stored, in pages, for listing.
    ///
    /// - Parameters:
    ///   - after: The id of the last response of the page before; 0 for the first page.
    ///   - limit: How many at most.
    /// - Returns: The responses; none when there are no more.
    /// - Throws: ``StoreError``.
    func responses(after: Int64, limit: Int) throws(StoreError) -> [StoredResponse]

    /// Where a blob is, in one scope.
    ///
    /// - Parameters:
    ///   - digest: SHA-256 of the content.
    ///   - scope: Where to look, and only there.
    /// - Returns: `nil` when there is none.
    /// - Throws: ``StoreError``.
    func blob(_ digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> StoredBlob?

    /// What extraction found in a blob with this version of the extractor.
    ///
    /// Facts go with the last blob of their digest.
    ///
    /// - Parameters:
    ///   - digest: SHA-256 of the content.
    ///   - version: The extractor's; facts of another version count as none.
    /// - Returns: JSON, or `nil` when extraction has to run.
    /// - Throws: ``StoreError``.
    func facts(_ digest: SHA256Digest, version: Int) throws(StoreError) -> [UInt8]?

    /// The SHA-1 of a blob's content, as last said by ``CatalogChange/sha1(_:_:)``.
    ///
    /// It goes with the last blob and the last pin of its digest: evicted bytes leave it to the sessions whose records
    /// name them.
    ///
    /// - Parameter digest: SHA-256 of the content.
    /// - Returns: 20 bytes, or `nil` when nobody has computed it yet.
    /// - Throws: ``StoreError``.
    func sha1(_ digest: SHA256Digest) throws(StoreError) -> [UInt8]?

    /// Removes a slice, of 10 ms at most, of what ``CatalogChange/removeSession(_:)`` and
    /// ``CatalogChange/forgetBlob(_:_:)`` have left, in this run or an earlier one. Called on the thread that applies.
    ///
    /// - Returns: Whether nothing is left.
    /// - Throws: ``StoreError``; what earlier slices removed stays removed.
    func removeSlice() throws(StoreError) -> Bool

    /// How far the scrubber has come, as last said by ``CatalogChange/scrubbed(_:)``.
    ///
    /// - Returns: An empty mark in a new catalog.
    /// - Throws: ``StoreError``.
    func scrubMark() throws(StoreError) -> ScrubMark

    /// Blobs to evict next.
    ///
    /// - Parameters:
    ///   - limit: How many at most.
    ///   - includingPinned: Whether shared blobs that a session's record names are among them, and private ones; else
    ///     they are not.
    /// - Returns: Those unused for longest first.
    /// - Throws: ``StoreError``.
    func evictionCandidates(limit: Int, includingPinned: Bool) throws(StoreError) -> [StoredBlob]

    /// Blobs of all scopes in the order of their digests, for verifying and listing.
    ///
    /// - Parameters:
    ///   - after: The last digest of the page before; `nil` for the first page.
    ///   - limit: How many at most; exceeded only to finish the last digest, when several scopes have it.
    /// - Returns: The blobs; none when there are no more.
    /// - Throws: ``StoreError``.
    func blobs(after: SHA256Digest?, limit: Int) throws(StoreError) -> [StoredBlob]

    /// A hash of a key in its partition, the same for as long as this object lives; no I/O.
    ///
    /// - Parameters:
    ///   - partition: Whose.
    ///   - key: The primary cache key.
    /// - Returns: 64 bits that nobody outside can foresee.
    func keyHash(_ partition: Partition, _ key: String) -> UInt64

    /// The hashes of the keys of all stored responses, in pages and in some order.
    ///
    /// - Parameters:
    ///   - after: The last hash of the page before; `nil` for the first page.
    ///   - limit: How many at most.
    /// - Returns: The hashes, each once; none when there are no more.
    /// - Throws: ``StoreError``.
    func keyHashes(after: UInt64?, limit: Int) throws(StoreError) -> [UInt64]

    /// How much there is; O(1).
    ///
    /// - Returns: The totals as of the last group applied.
    /// - Throws: ``StoreError``.
    func totals() throws(StoreError) -> CatalogTotals
}
