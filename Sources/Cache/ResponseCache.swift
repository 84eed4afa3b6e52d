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
        /// The largest body that is kept in memory once it is asked for again.
        ///
        /// Sent with its head in one call, it costs three quarters of what sending it from a file does. From 1 MiB on there is
        /// no difference.
        package var largestBodyInMemory = 256 << 10
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
        /// Shared blobs compared with their digests since this process started.
        var verified: Set<SHA256Digest> = []
        /// What goes with a session.
        var ofSession: [SessionID: Own] = [:]
        /// Blobs that the catalog does not have yet, each with how many of its rows are on their way.
        var arriving: [BlobKey: (blob: StoredBlob, writes: Int)] = [:]
    }

    /// What memory holds of one session.
    ///
    /// Names in it may be of things that memory has forgotten since.
    fileprivate struct Own {
        /// What the catalog has been told of pins.
        var pins: Set<SHA256Digest> = []
        /// Private blobs compared with their digests.
        var verified: Set<SHA256Digest> = []
        /// Private blobs whose bytes were put into memory.
        var bodies: Set<SHA256Digest> = []
        /// Keys of private partitions.
        var keys: Set<FillKey> = []
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
    private let cap: Lock<Int64>
    private let keys = KeyFilter()
    private let memory: Lock<Memory>
    private let evictions = Lock(Evictions())

    /// What had to make room since the start.
    package struct Evictions: Sendable, Equatable {
        /// Blobs.
        package var blobs = 0
        /// Their bytes on the medium.
        package var bytes: Int64 = 0
    }

    /// How much memory the cache has taken, in bytes.
    package struct MemoryUse: Sendable, Equatable {
        /// Heads and keys.
        package var heads: Int
        /// Small bodies.
        package var bodies: Int
    }

    package init(
        catalog: any Catalog, blobs: any BlobStore, settings: Settings = Settings(),
        failed: @escaping @Sendable (StoreError) -> Void
    ) {
        self.catalog = catalog
        self.blobs = blobs
        self.settings = settings
        cap = Lock(settings.sizeCap)
        writer = CatalogWriter(catalog: catalog, failed: failed)
        memory = Lock(
            Memory(
                known: BoundedMemory(budget: settings.headMemory), bodies: BoundedMemory(budget: settings.bodyMemory)))
    }

    /// Bytes on the medium at which eviction starts.
    package var sizeCap: Int64 { cap.withLock { $0 } }

    /// Changes at how many bytes eviction starts, from the next round on.
    package func update(sizeCap: Int64) { cap.withLock { $0 = sizeCap } }

    // MARK: - Looking up

    /// The stored responses of a key; `nil` when memory does not know and ``load(_:)`` must be asked.
    package func remembered(_ key: FillKey) -> [StoredEntry]? {
        if let known = memory.withLock({ $0.known.use(key)?.entries }) { return known }
        return keys.mayHave(catalog.keyHash(key.partition, key.key)) ? nil : []
    }

    /// Learns which keys the catalog has, so that it need not be asked for others; blocks, for a thread of its own.
    ///
    /// Until it returns, every key that is not in memory is looked up.
    ///
    /// - Parameter mayGoOn: Asked now and then.
    /// - Throws: ``StoreError`` when the catalog cannot be read; every key is looked up then.
    package func learnKeys(mayGoOn: () -> Bool = { true }) throws(StoreError) {
        var last: UInt64?
        keys.reserve(Int(clamping: try catalog.totals().responses))
        while mayGoOn() {
            let page = try catalog.keyHashes(after: last, limit: 4_096)
            for start in stride(from: 0, to: page.count, by: Self.keysAtOnce) {
                guard keys.insert(page[start..<min(start + Self.keysAtOnce, page.count)]) else { return }
            }
            guard let end = page.last else { return keys.complete() }
            last = end
        }
    }

    /// How many keys are entered under one lock, for which the loops wait.
    private static let keysAtOnce = 256

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
        keys.insert(CollectionOfOne(catalog.keyHash(key.partition, key.key)))
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
            memory.own(session) { own in
                if own.pins.count >= Self.mostNames { own.pins.removeAll() }
                return own.pins.insert(digest).inserted
            }
        }
        guard isNew else { return }
        writer.submit([.pin(digest, session)])
    }

    /// Replaces an entry by its refreshed form (RFC 9111, section 4.3.4).
    package func refresh(_ old: StoredEntry, with new: StoredEntry) {
        // An entry that has not been read back has no id yet: it is written again as a whole.
        let response = new.response
        let key = FillKey(partition: response.partition, key: response.key)
        keys.insert(CollectionOfOne(catalog.keyHash(key.partition, key.key)))
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
            memory.forgetVerified(digest, scope)
            memory.arriving[BlobKey(digest: digest, scope: scope)] = nil
        }
        change(key, [.forgetBlob(digest, scope)]) { $0.removeAll { $0.response.digest == digest } }
    }

    /// Forgets everything private of a session; `done` is called when the catalog has.
    package func removeSession(_ session: SessionID, done: @escaping @Sendable (StoreError?) -> Void) {
        if let own = memory.withLock({ $0.ofSession.removeValue(forKey: session) }) {
            forget(own.keys) { memory, key in memory.known.remove(key) }
            forget(own.bodies) { memory, digest in memory.bodies.remove(digest) }
        }
        writer.remove(session, removeBytes: { [blobs] () throws(StoreError) in try blobs.removeAll(of: session) }) {
            done($0)
        }
    }

    /// Removes many things from memory, letting others in between.
    private func forget<Name>(_ names: Set<Name>, _ remove: (inout Memory, Name) -> Void) {
        var rest = Array(names)[...]
        while !rest.isEmpty {
            memory.withLock { memory in
                for name in rest.prefix(256) { remove(&memory, name) }
            }
            rest = rest.dropFirst(256)
        }
    }

    /// Makes changes and waits until they are in the catalog; blocks.
    func write(_ changes: [CatalogChange]) throws(StoreError) {
        let written = Latch()
        let failure = Lock<StoreError?>(nil)
        writer.submit(changes, isUrgent: true) { error in
            failure.withLock { $0 = error }
            written.signal()
        }
        written.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }

    /// Takes blobs out of the catalog first and then from the medium, so that a crash between the two leaves an orphan
    /// and never a row that promises bytes; blocks.
    package func discard(_ blobs: [StoredBlob]) throws(StoreError) {
        forget(blobs)
        try write(blobs.map { .forgetBlob($0.digest, $0.scope) })
        for blob in blobs { try self.blobs.remove(blob) }
    }

    /// What had to make room since the start.
    package var evicted: Evictions { evictions.withLock { $0 } }

    /// Counts blobs that had to make room.
    func noteEvicted(_ blobs: [StoredBlob]) {
        evictions.withLock { evictions in
            evictions.blobs += blobs.count
            for blob in blobs { evictions.bytes += blob.placement.sizeOnDisk }
        }
    }

    /// How much memory it has taken.
    package var memoryUse: MemoryUse {
        memory.withLock { MemoryUse(heads: $0.known.cost, bodies: $0.bodies.cost) }
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

    /// Keeps a small body, which the caller has compared with its digest, in memory; a private one goes with its session.
    package func rememberBody(_ bytes: [UInt8], _ digest: SHA256Digest, scope: BlobScope = .shared) {
        guard bytes.count <= settings.largestBodyInMemory else { return }
        memory.withLock { memory in
            memory.bodies.set(digest, bytes, cost: bytes.count + 128)
            guard case .session(let session) = scope else { return }
            let isNew = memory.own(session) { $0.bodies.insert(digest).inserted }
            if isNew { memory.forgetStaleNames(of: session) }
        }
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
        memory.withLock { memory in
            switch scope {
            case .shared: memory.verified.contains(digest)
            case .session(let session): memory.ofSession[session]?.verified.contains(digest) ?? false
            }
        }
    }

    /// Notes that a blob's bytes have been compared with its digest.
    package func markVerified(_ digest: SHA256Digest, scope: BlobScope) {
        memory.withLock { memory in
            // Forgetting is safe: it costs one more comparison.
            switch scope {
            case .shared: Self.note(digest, in: &memory.verified)
            case .session(let session): memory.own(session) { Self.note(digest, in: &$0.verified) }
            }
        }
    }

    /// Names that memory holds in one set at most.
    private static let mostNames = 500_000

    private static func note(_ digest: SHA256Digest, in set: inout Set<SHA256Digest>) {
        if set.count >= mostNames { set.removeAll() }
        set.insert(digest)
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
            for blob in blobs { memory.forgetVerified(blob.digest, blob.scope) }
            for digest in digests { memory.bodies.remove(digest) }
        }
    }
}

extension ResponseCache.Memory {
    fileprivate mutating func newStamp() -> UInt64 {
        lastStamp += 1
        return lastStamp
    }

    fileprivate mutating func own<R>(_ session: SessionID, _ body: (inout ResponseCache.Own) -> R) -> R {
        body(&ofSession[session, default: ResponseCache.Own()])
    }

    /// Drops names of bodies that memory has forgotten, when there are many more than bodies in memory.
    fileprivate mutating func forgetStaleNames(of session: SessionID) {
        guard let names = ofSession[session]?.bodies, names.count > 1024 + 2 * bodies.count else { return }
        ofSession[session]?.bodies = names.filter { bodies.contains($0) }
    }

    fileprivate mutating func forgetVerified(_ digest: SHA256Digest, _ scope: BlobScope) {
        switch scope {
        case .shared: verified.remove(digest)
        case .session(let session): ofSession[session]?.verified.remove(digest)
        }
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
        guard case .session(let session, _) = key.partition else { return }
        let names = own(session) { own in
            own.keys.insert(key)
            return own.keys
        }
        if names.count > 1024 + 2 * known.count {
            ofSession[session]?.keys = names.filter { known.contains($0) }
        }
    }
}
