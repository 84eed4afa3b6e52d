package import Core
package import Storage
internal import Platform

/// What is stored for reuse: a bounded memory in front of the catalog and the blobs.
///
/// Everything here may be called from any thread. What says "blocks" reads files or the catalog and must not be called on
/// a loop; all the rest is O(1) under a short lock.
package final class ResponseCache: Sendable {
    /// How much memory the cache may take.
    package struct Settings: Sendable {
        /// Heads and keys, in bytes.
        package var headMemory = 32 << 20
        /// Small bodies, in bytes.
        package var bodyMemory = 64 << 20
        /// Bytes on the medium at which eviction starts.
        package var sizeCap: Int64 = 20 << 30

        package init() {}
    }

    /// What is known of a key: its stored responses, maybe none.
    fileprivate struct Known {
        var entries: [StoredEntry]
        /// Another one whenever the entries are others.
        var stamp: UInt64
        /// Changes not yet in the catalog; until they are, only memory is right.
        var pendingWrites = 0
    }

    fileprivate struct Memory {
        var known: BoundedMemory<FillKey, Known>
        var bodies: BoundedMemory<SHA256Digest, [UInt8]>
        var used: Set<SHA256Digest> = []
        var lastStamp: UInt64 = 0
        /// Blobs compared with their digests since this process started.
        var verified: Set<BlobKey> = []
        /// What the catalog has been told of pins.
        var pins: Set<Pin> = []
        /// Blobs that the catalog does not have yet, each with how many of its rows are on their way.
        var arriving: [BlobKey: (blob: StoredBlob, writes: Int)] = [:]
    }

    /// A session's record names a blob.
    fileprivate struct Pin: Hashable {
        var digest: SHA256Digest
        var session: SessionID
    }

    /// A blob in one scope.
    struct BlobKey: Hashable {
        var digest: SHA256Digest
        var scope: BlobScope
    }

    package let catalog: any Catalog
    package let blobs: any BlobStore
    package let writer: CatalogWriter
    package let fills = FillTable()
    package let settings: Settings
    private let memory: Lock<Memory>

    package init(
        catalog: any Catalog, blobs: any BlobStore, settings: Settings = Settings(),
        failed: @escaping @Sendable (StoreError) -> Void
    ) {
        self.catalog = catalog
        self.blobs = blobs
        self.settings = settings
        writer = CatalogWriter(catalog: catalog, failed: failed)
        memory = Lock(
            Memory(
                known: BoundedMemory(budget: settings.headMemory), bodies: BoundedMemory(budget: settings.bodyMemory)))
    }

    // MARK: - Looking up

    /// The stored responses of a key; `nil` when memory does not know and ``load(_:)`` must be asked.
    package func remembered(_ key: FillKey) -> [StoredEntry]? {
        memory.withLock { $0.known.use(key)?.entries }
    }

    /// What is remembered of a key, with a stamp by which ``recall(_:stamp:body:)`` knows whether it still is so.
    package func recollection(_ key: FillKey) -> (entries: [StoredEntry], stamp: UInt64)? {
        memory.withLock { $0.known.use(key).map { ($0.entries, $0.stamp) } }
    }

    /// What became of something remembered.
    package enum Recalled: Sendable {
        /// Nothing of the key has changed, and this is the small body.
        case body([UInt8])
        /// Nothing has changed; the body is not in memory.
        case unchanged
        /// The stored responses are others now, or not in memory any more.
        case changed
    }

    /// Uses what was remembered of a key before, with a body.
    package func recall(_ key: FillKey, stamp: UInt64, body digest: SHA256Digest) -> Recalled {
        memory.withLock { memory in
            guard memory.known.use(key)?.stamp == stamp else { return .changed }
            memory.used.insert(digest)
            return memory.bodies.use(digest).map { .body($0) } ?? .unchanged
        }
    }

    /// Reads the stored responses of a key from the catalog; blocks.
    package func load(_ key: FillKey) throws(StoreError) -> [StoredEntry] {
        let entries = try catalog.responses(in: key.partition, key: key.key).compactMap(StoredEntry.init)
        return memory.withLock { memory in
            // What was written meanwhile is newer.
            if let known = memory.known.use(key) { return known.entries }
            memory.set(key, Known(entries: entries, stamp: memory.newStamp()))
            return entries
        }
    }

    // MARK: - Changing

    /// Enters a response for reuse.
    ///
    /// Its blob is in the store; it replaces one with the same variant.
    package func store(_ entry: StoredEntry, blob: StoredBlob, at time: WallTime) {
        let key = FillKey(partition: entry.response.partition, key: entry.response.key)
        change(key, [.blob(blob, at: time), .response(entry.response)], arriving: blob) { entries in
            entries.removeAll {
                $0.response.variant == entry.response.variant && $0.response.varyNames == entry.response.varyNames
            }
            entries.insert(entry, at: 0)
            if entries.count > Self.mostVariants { entries.removeLast(entries.count - Self.mostVariants) }
        }
    }

    /// Variants of one key (RULES: at most 16).
    package static let mostVariants = 16

    /// Keeps a blob that is not for reuse, for the session whose record names it.
    package func retain(_ blob: StoredBlob, at time: WallTime) {
        memory.withLock { $0.arrives(blob) }
        writer.submit([.blob(blob, at: time)]) { [memory] _ in memory.withLock { $0.hasArrived(blob) } }
    }

    /// Says that a session's record names a blob.
    ///
    /// Said once for each pair: a session that uses a blob a thousand times pins it once.
    package func pin(_ digest: SHA256Digest, for session: SessionID) {
        let isNew = memory.withLock { memory in
            if memory.pins.count >= 500_000 { memory.pins.removeAll() }
            return memory.pins.insert(Pin(digest: digest, session: session)).inserted
        }
        guard isNew else { return }
        writer.submit([.pin(digest, session)])
    }

    /// Replaces an entry by its refreshed form (RFC 9111, section 4.3.4).
    package func refresh(_ old: StoredEntry, with new: StoredEntry) {
        // An entry that has not been read back has no id yet: it is written again as a whole.
        let response = new.response
        let key = FillKey(partition: response.partition, key: response.key)
        change(key, [.response(response)]) { entries in
            if let index = entries.firstIndex(where: { $0 === old }) {
                entries[index] = new
            } else {
                entries.insert(new, at: 0)
            }
        }
    }

    /// Forgets all stored responses of a key (RFC 9111, section 4.4).
    package func invalidate(_ key: FillKey) {
        change(key, [.invalidate(key.partition, key: key.key)]) { $0.removeAll() }
    }

    /// Drops a blob whose bytes are gone or wrong, and every response that stands on it.
    package func drop(_ digest: SHA256Digest, scope: BlobScope, of key: FillKey) {
        memory.withLock { memory in
            memory.bodies.remove(digest)
            memory.verified.remove(BlobKey(digest: digest, scope: scope))
            memory.arriving[BlobKey(digest: digest, scope: scope)] = nil
        }
        change(key, [.forgetBlob(digest, scope)]) { $0.removeAll { $0.response.digest == digest } }
    }

    /// Forgets everything private of a session; `done` is called when the catalog has.
    package func removeSession(_ session: SessionID, done: @escaping @Sendable (StoreError?) -> Void) {
        memory.withLock { memory in
            memory.known.removeAll { $0.partition.scope == .session(session) }
            memory.verified = memory.verified.filter { $0.scope != .session(session) }
            memory.pins = memory.pins.filter { $0.session != session }
        }
        writer.submit([.removeSession(session)]) { [blobs] failure in
            do throws(StoreError) {
                try blobs.removeAll(of: session)
                done(failure)
            } catch {
                done(failure ?? error)
            }
        }
    }

    private func change(
        _ key: FillKey, _ changes: [CatalogChange], arriving blob: StoredBlob? = nil,
        _ body: (inout [StoredEntry]) -> Void
    ) {
        memory.withLock { memory in
            if let blob { memory.arrives(blob) }
            if var known = memory.known.use(key) {
                body(&known.entries)
                known.stamp = memory.newStamp()
                known.pendingWrites += 1
                memory.set(key, known)
            } else {
                var known = Known(entries: [], stamp: memory.newStamp(), pendingWrites: 1)
                body(&known.entries)
                memory.set(key, known)
            }
        }
        writer.submit(changes) { [memory] failure in
            memory.withLock { memory in
                if let blob { memory.hasArrived(blob) }
                guard var known = memory.known.use(key) else { return }
                known.pendingWrites -= 1
                if failure != nil, known.pendingWrites == 0 {
                    // Memory and catalog differ: read the catalog next time.
                    memory.known.remove(key)
                } else {
                    memory.set(key, known)
                }
            }
        }
    }

    // MARK: - Bodies

    /// A body ready to be sent.
    package enum Body: Sendable {
        case bytes([UInt8])
        case reader(any BlobReader)
    }

    /// A small body from memory.
    package func rememberedBody(_ digest: SHA256Digest) -> [UInt8]? {
        memory.withLock { memory in
            guard let bytes = memory.bodies.use(digest) else { return nil }
            memory.used.insert(digest)
            return bytes
        }
    }

    /// Keeps a small body, which the caller has compared with its digest, in memory.
    package func rememberBody(_ bytes: [UInt8], _ digest: SHA256Digest) {
        guard bytes.count <= Fill.smallBody else { return }
        memory.withLock { $0.bodies.set(digest, bytes, cost: bytes.count + 128) }
    }

    /// Where a blob is; blocks.
    package func locate(_ digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> StoredBlob? {
        // The catalog is written behind the backs of those who ask.
        let arriving = memory.withLock { $0.arriving[BlobKey(digest: digest, scope: scope)]?.blob }
        if let arriving { return arriving }
        return try catalog.blob(digest, scope: scope)
    }

    /// Opens a blob for reading; blocks.
    ///
    /// `nil` when its bytes are gone.
    package func open(_ blob: StoredBlob) throws(StoreError) -> (any BlobReader)? {
        memory.withLock { _ = $0.used.insert(blob.digest) }
        return try blobs.open(blob)
    }

    /// Whether a blob was compared with its digest since this process started.
    package func isVerified(_ digest: SHA256Digest, scope: BlobScope) -> Bool {
        memory.withLock { $0.verified.contains(BlobKey(digest: digest, scope: scope)) }
    }

    /// Notes that a blob's bytes have been compared with its digest.
    package func markVerified(_ digest: SHA256Digest, scope: BlobScope) {
        memory.withLock { memory in
            // Forgetting is safe: it costs one more comparison.
            if memory.verified.count >= 500_000 { memory.verified.removeAll() }
            memory.verified.insert(BlobKey(digest: digest, scope: scope))
        }
    }

    /// The blobs used since the last call, for the catalog's order of eviction.
    func takeUsed() -> [SHA256Digest] {
        memory.withLock { memory in
            defer { memory.used.removeAll() }
            return Array(memory.used)
        }
    }

    /// Forgets evicted blobs.
    func forget(_ blobs: [StoredBlob]) {
        let digests = Set(blobs.map(\.digest))
        memory.withLock { memory in
            for blob in blobs { memory.verified.remove(BlobKey(digest: blob.digest, scope: blob.scope)) }
            for digest in digests { memory.bodies.remove(digest) }
        }
    }
}

extension ResponseCache.Memory {
    fileprivate mutating func newStamp() -> UInt64 {
        lastStamp += 1
        return lastStamp
    }

    fileprivate mutating func arrives(_ blob: StoredBlob) {
        let key = ResponseCache.BlobKey(digest: blob.digest, scope: blob.scope)
        arriving[key] = (blob, (arriving[key]?.writes ?? 0) + 1)
    }

    fileprivate mutating func hasArrived(_ blob: StoredBlob) {
        let key = ResponseCache.BlobKey(digest: blob.digest, scope: blob.scope)
        guard let writes = arriving[key]?.writes else { return }
        if writes > 1 { arriving[key]?.writes = writes - 1 } else { arriving[key] = nil }
    }

    fileprivate mutating func set(_ key: FillKey, _ value: ResponseCache.Known) {
        let cost = 256 + key.key.utf8.count * 2 + value.entries.reduce(0) { $0 + $1.cost }
        known.set(key, value, cost: cost) { $0.pendingWrites == 0 }
    }
}
