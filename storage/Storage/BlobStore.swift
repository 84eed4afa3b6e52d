public import Core

/// Who may read a blob, and so when its bytes go.
public enum BlobScope: Hashable, Sendable {
    /// Kept for every session until evicted.
    case shared
    /// Kept for one session and removed with it.
    case session(SessionID)
}

/// Where a blob's bytes are; opaque to everybody but the store that wrote it, kept in the catalog.
///
/// The text is stable over restarts and versions of one store. It holds no path from outside.
public struct BlobPlacement: Hashable, Sendable {
    /// The store's own words, at most 200 ASCII characters.
    public var text: String
    /// Bytes taken on the medium.
    public var sizeOnDisk: Int64

    /// Makes a placement.
    public init(text: String, sizeOnDisk: Int64) {
        self.text = text
        self.sizeOnDisk = sizeOnDisk
    }
}

/// A blob as the catalog knows it.
public struct StoredBlob: Hashable, Sendable {
    /// SHA-256 of the content.
    public var digest: SHA256Digest
    /// Bytes of the content.
    public var logicalSize: Int64
    /// Who may read it.
    public var scope: BlobScope
    /// Where its bytes are.
    public var placement: BlobPlacement

    /// Makes a description of a blob.
    public init(digest: SHA256Digest, logicalSize: Int64, scope: BlobScope, placement: BlobPlacement) {
        self.digest = digest
        self.logicalSize = logicalSize
        self.scope = scope
        self.placement = placement
    }
}

/// Bytes by the SHA-256 of their content.
///
/// Every call is synchronous, may block, and may be made from any thread of the store's bounded pool; never from an
/// event loop. A store verifies what it is given (length and digest) before it publishes it.
public protocol BlobStore: AnyObject, Sendable {
    /// Stores a small body in one call.
    ///
    /// - Parameters:
    ///   - bytes: The whole content.
    ///   - digest: SHA-256 of `bytes`, computed by the caller; trusted here, verified on the first read.
    ///   - scope: Who may read it.
    /// - Returns: The blob to enter in the catalog. When the store already has these bytes in the same scope it may
    ///   return the present placement or a second one; a caller whose catalog knows the blob need not call.
    /// - Throws: ``StoreError``; nothing is left behind then.
    func put(_ bytes: [UInt8], digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> StoredBlob

    /// Begins a large body.
    ///
    /// - Parameters:
    ///   - scope: Who may read it once it is committed.
    ///   - expectedSize: The length if it is known; what cannot fit is refused at once.
    /// - Returns: A sink; dropping it without `commit` leaves nothing.
    /// - Throws: ``StoreError`` with `.full` when less than the minimum would stay free.
    func stage(scope: BlobScope, expectedSize: Int64?) throws(StoreError) -> any BlobSink

    /// Opens a blob for reading.
    ///
    /// - Parameter blob: As the catalog has it; its placement may be one that ``maintain()`` has replaced.
    /// - Returns: `nil` when the bytes are not there any more.
    /// - Throws: ``StoreError`` with `.corrupt` when what is there has the wrong size or is not a blob.
    func open(_ blob: StoredBlob) throws(StoreError) -> (any BlobReader)?

    /// Removes a blob's bytes; open readers stay valid. Removing what is not there is no error.
    ///
    /// - Parameter blob: As the catalog has it.
    /// - Throws: ``StoreError``; the bytes are then still there, or partly.
    func remove(_ blob: StoredBlob) throws(StoreError)

    /// Removes everything that is private to a session; open readers stay valid.
    ///
    /// - Parameter session: One that writes nothing any more.
    /// - Throws: ``StoreError``; a second call goes on where this one stopped.
    func removeAll(of session: SessionID) throws(StoreError)

    /// Reads the whole blob and compares it with its digest.
    ///
    /// - Parameters:
    ///   - blob: As the catalog has it.
    ///   - mayGoOn: Called after each piece of some 256 KiB with its length; it may wait, and `false` ends the reading.
    /// - Returns: Whether the bytes are right, `false` also when they are gone; `nil` when `mayGoOn` ended it.
    /// - Throws: ``StoreError`` when they cannot be read now, which says nothing about them.
    func verify(_ blob: StoredBlob, mayGoOn: (Int) -> Bool) throws(StoreError) -> Bool?

    /// Does a slice of background work (compressing large blobs, giving back dead space).
    ///
    /// - Returns: Blobs whose placement changed, for the catalog, each with its old placement, which stays readable
    ///   until the next call.
    /// - Throws: ``StoreError`` when nothing changed and something failed; every blob is as it was then.
    func maintain() throws(StoreError) -> [(old: StoredBlob, new: StoredBlob)]

    /// The sessions that have private bytes here: after a start, those that are in no record any more can be removed.
    ///
    /// - Returns: Their ids, in no order.
    /// - Throws: ``StoreError``.
    func privateSessions() throws(StoreError) -> [SessionID]

    /// Removes a slice of the shared blobs that an earlier run of the service left without a row in the catalog.
    ///
    /// Blobs written since this store was opened are never touched, so that one between its commit and its row is safe.
    ///
    /// - Parameter isKnown: Whether the catalog has a blob of this digest at this placement. Asked without any lock held.
    /// - Returns: Whether all of what the earlier runs left has now been looked at; later calls do nothing.
    /// - Throws: ``StoreError``, also what `isKnown` throws; a later call goes on behind the place that failed.
    func sweep(isKnown: (SHA256Digest, BlobPlacement) throws(StoreError) -> Bool) throws(StoreError) -> Bool

    /// Writes begun and neither committed nor abandoned.
    var stagedWrites: Int { get }

    /// Bytes that may still be written before caching must stop.
    func spaceLeft() -> Int64
}

extension BlobStore {
    /// Reads the whole blob in one go and compares it with its digest.
    ///
    /// - Parameter blob: As the catalog has it.
    /// - Returns: Whether the bytes are right; `false` also when they are gone.
    /// - Throws: ``StoreError`` when they cannot be read now, which says nothing about them.
    public func verify(_ blob: StoredBlob) throws(StoreError) -> Bool {
        try verify(blob) { _ in true } ?? false
    }
}

/// One body being written.
///
/// `append` and `commit` are called by one job at a time; `read` may be called from any thread meanwhile. When the last
/// reference goes without `commit`, the bytes are abandoned.
public protocol BlobSink: AnyObject, Sendable {
    /// Adds bytes at the end.
    ///
    /// - Parameter bytes: What comes next.
    /// - Throws: ``StoreError``; the sink can then only be read or dropped. Bytes of earlier calls stay readable.
    func append(_ bytes: [UInt8]) throws(StoreError)

    /// Bytes appended so far; grows only after they can be read.
    var size: Int64 { get }

    /// Reads what has been appended; stays valid as long as it is referenced, also after the commit and after the
    /// sink was dropped.
    ///
    /// - Returns: A reader whose size grows with this sink's.
    func reader() -> any BlobReader

    /// Publishes the bytes under their digest.
    ///
    /// - Parameters:
    ///   - digest: SHA-256 of everything appended, computed by the caller beside the writing.
    ///   - size: How many bytes there must be.
    /// - Returns: The blob to enter in the catalog: these bytes, or the same that were there before.
    /// - Throws: ``StoreError`` with `.rejected` when the size differs; the sink can then only be read or dropped.
    func commit(digest: SHA256Digest, size: Int64) throws(StoreError) -> StoredBlob
}

/// Bytes that can be read at any position, from any thread.
public protocol BlobReader: AnyObject, Sendable {
    /// How many bytes can be read now. Grows while the reader belongs to a body being written.
    var size: Int64 { get }

    /// Reads up to `buffer.count` bytes at `offset`.
    ///
    /// - Parameters:
    ///   - offset: Where in the content.
    ///   - buffer: Where to put the bytes.
    /// - Returns: How many; 0 at the end, fewer than asked for only near it.
    /// - Throws: ``StoreError`` with `.corrupt` when a checksum does not fit.
    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int

    /// Lends bytes for sending, without copying them where that can be.
    ///
    /// - Parameters:
    ///   - offset: Where in the content.
    ///   - count: How many are wanted at most.
    ///   - scratch: Room that the reader may use meanwhile, not empty.
    ///   - body: Called once with 1 to `count` bytes, not at all when there are none. They are valid during the call. It returns
    ///     how many of them it is done with; for the others it will come again soon.
    /// - Throws: ``StoreError`` with `.corrupt` when a checksum does not fit.
    func lend(
        at offset: Int64, count: Int, scratch: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Int
    ) throws(StoreError)

    /// The open file that holds exactly these bytes from an offset on, if there is one: for sendfile(2).
    ///
    /// The descriptor lives as long as the reader.
    var plainFile: (descriptor: Int32, offset: Int64)? { get }

    /// Says that the whole is sent again and again, so that it pays to make that cheap.
    func noteReuse()

    /// All the content as memory that may only be given to the kernel: reading it here ends the process when the disk fails.
    ///
    /// It lives as long as the reader. Where there is some, sending it costs less than sendfile(2).
    var mapped: UnsafeRawBufferPointer? { get }
}

extension BlobReader {
    /// Does nothing.
    public func noteReuse() {}

    /// Nothing is mapped.
    public var mapped: UnsafeRawBufferPointer? { nil }

    /// Reads into the scratch room and lends that.
    ///
    /// - Throws: ``StoreError`` as `read` does.
    public func lend(
        at offset: Int64, count: Int, scratch: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Int
    ) throws(StoreError) {
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[..<min(count, scratch.count)])
        let got = unsafe try read(at: offset, into: room)
        if got > 0 { _ = unsafe body(UnsafeRawBufferPointer(rebasing: room[..<got])) }
    }
}
