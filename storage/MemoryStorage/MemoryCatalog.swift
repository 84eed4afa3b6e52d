package import Core
package import Storage
internal import Platform

/// The index of the cache in memory: for tests of what is above the storage, and for a service that keeps nothing on disk.
package final class MemoryCatalog: Catalog {
    private struct BlobKey: Hashable {
        var digest: SHA256Digest
        var scope: BlobScope
    }

    private struct ResponseKey: Hashable {
        var partition: Partition
        var key: String
    }

    private struct Blob {
        var blob: StoredBlob
        var used: WallTime
    }

    private struct Facts {
        var version: Int
        var json: [UInt8]
    }

    private struct State {
        var blobs: [BlobKey: Blob] = [:]
        /// The variants of each key, the oldest first.
        var responses: [ResponseKey: [StoredResponse]] = [:]
        var places: [Int64: ResponseKey] = [:]
        var facts: [SHA256Digest: Facts] = [:]
        var sha1s: [SHA256Digest: [UInt8]] = [:]
        var pins: [SHA256Digest: Set<SessionID>] = [:]
        var totals = CatalogTotals()
        var scrubMark = ScrubMark()
        var lastID: Int64 = 0
    }

    /// How many variants of a key are kept in a partition.
    private static let mostVariants = 16

    private let state = Lock(State())
    private let beforeChange: (@Sendable () throws(StoreError) -> Void)?

    /// Makes an empty catalog.
    ///
    /// - Parameter beforeChange: Called before every group; what it throws is what the group fails with.
    package init(beforeChange: (@Sendable () throws(StoreError) -> Void)? = nil) { self.beforeChange = beforeChange }

    package func apply(_ changes: [CatalogChange]) throws(StoreError) {
        try beforeChange?()
        // No change can fail, so the group needs no undoing.
        state.withLock { state in
            for change in changes { Self.make(change, &state) }
        }
    }

    private static func make(_ change: CatalogChange, _ state: inout State) {
        switch change {
        case .blob(let blob, let time): enter(blob, time, &state)
        case .moved(let blob):
            let key = BlobKey(digest: blob.digest, scope: blob.scope)
            if let old = state.blobs[key] { enter(blob, old.used, &state) }
        case .response(let response): enter(response, &state)
        case .refresh(let id, let head, let requestTime, let responseTime):
            guard let key = state.places[id], let index = state.responses[key]?.firstIndex(where: { $0.id == id })
            else { return }
            state.responses[key]?[index].head = head
            state.responses[key]?[index].requestTime = requestTime
            state.responses[key]?[index].responseTime = responseTime
        case .forget(let id):
            guard let key = state.places[id] else { return }
            removeResponses(key, &state) { $0.id == id }
        case .invalidate(let partition, let key):
            removeResponses(ResponseKey(partition: partition, key: key), &state) { _ in true }
        case .forgetBlob(let digest, let scope):
            for key in Array(state.responses.keys) where key.partition.scope == scope {
                removeResponses(key, &state) { $0.digest == digest }
            }
            removeBlob(BlobKey(digest: digest, scope: scope), &state)
        case .facts(let digest, let version, let json): state.facts[digest] = Facts(version: version, json: json)
        case .sha1(let digest, let bytes):
            state.sha1s[digest] = bytes
            forgetSHA1(digest, &state)
        case .pin(let digest, let session): state.pins[digest, default: []].insert(session)
        case .removeSession(let session): removeSession(session, &state)
        case .used(let digests, let time):
            let digests = Set(digests)
            for (key, blob) in state.blobs where digests.contains(key.digest) && blob.used < time {
                state.blobs[key]?.used = time
            }
        case .scrubbed(let mark): state.scrubMark = mark
        }
    }

    private static func enter(_ blob: StoredBlob, _ time: WallTime, _ state: inout State) {
        let key = BlobKey(digest: blob.digest, scope: blob.scope)
        let old = state.blobs[key]
        state.blobs[key] = Blob(blob: blob, used: max(old?.used ?? time, time))
        if old == nil { state.totals.blobs += 1 }
        state.totals.logicalBytes += blob.logicalSize - (old?.blob.logicalSize ?? 0)
        state.totals.bytesOnDisk += blob.placement.sizeOnDisk - (old?.blob.placement.sizeOnDisk ?? 0)
    }

    private static func removeBlob(_ key: BlobKey, _ state: inout State) {
        guard let old = state.blobs.removeValue(forKey: key) else { return }
        state.totals.blobs -= 1
        state.totals.logicalBytes -= old.blob.logicalSize
        state.totals.bytesOnDisk -= old.blob.placement.sizeOnDisk
        if !isThere(key.digest, state) { state.facts[key.digest] = nil }
        forgetSHA1(key.digest, &state)
    }

    private static func isThere(_ digest: SHA256Digest, _ state: State) -> Bool {
        state.blobs.keys.contains { $0.digest == digest }
    }

    /// Forgets the SHA-1 of what is neither there nor pinned.
    private static func forgetSHA1(_ digest: SHA256Digest, _ state: inout State) {
        guard state.sha1s[digest] != nil, state.pins[digest] == nil, !isThere(digest, state) else { return }
        state.sha1s[digest] = nil
    }

    private static func enter(_ response: StoredResponse, _ state: inout State) {
        let key = ResponseKey(partition: response.partition, key: response.key)
        removeResponses(key, &state) { $0.varyNames == response.varyNames && $0.variant == response.variant }
        let present = state.responses[key] ?? []
        let going = Set(present.prefix(max(0, present.count - (mostVariants - 1))).map(\.id))
        removeResponses(key, &state) { going.contains($0.id) }
        state.lastID += 1
        var entered = response
        entered.id = state.lastID
        state.responses[key, default: []].append(entered)
        state.places[entered.id] = key
        state.totals.responses += 1
    }

    private static func removeResponses(
        _ key: ResponseKey, _ state: inout State, where isGoing: (StoredResponse) -> Bool
    ) {
        guard let present = state.responses[key] else { return }
        let staying = present.filter { !isGoing($0) }
        guard staying.count < present.count else { return }
        state.responses[key] = staying.isEmpty ? nil : staying
        state.totals.responses -= Int64(present.count - staying.count)
        for response in present where isGoing(response) { state.places[response.id] = nil }
    }

    private static func removeSession(_ session: SessionID, _ state: inout State) {
        let scope = BlobScope.session(session)
        for key in Array(state.responses.keys) where key.partition.scope == scope {
            removeResponses(key, &state) { _ in true }
        }
        for key in Array(state.blobs.keys) where key.scope == scope { removeBlob(key, &state) }
        state.pins = state.pins.compactMapValues { sessions in
            let others = sessions.subtracting([session])
            return others.isEmpty ? nil : others
        }
        for digest in Array(state.sha1s.keys) { forgetSHA1(digest, &state) }
    }

    package func responses(in partition: Partition, key: String) throws(StoreError) -> [StoredResponse] {
        state.withLock { state in
            state.responses[ResponseKey(partition: partition, key: key)]?.reversed() ?? []
        }
    }

    package func responses(after: Int64, limit: Int) throws(StoreError) -> [StoredResponse] {
        state.withLock { state in
            let rest = state.responses.values.joined().filter { $0.id > after }
            return Array(rest.sorted { $0.id < $1.id }.prefix(max(limit, 0)))
        }
    }

    package func blob(_ digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> StoredBlob? {
        state.withLock { $0.blobs[BlobKey(digest: digest, scope: scope)]?.blob }
    }

    package func facts(_ digest: SHA256Digest, version: Int) throws(StoreError) -> [UInt8]? {
        state.withLock { state in
            guard let facts = state.facts[digest], facts.version == version else { return nil }
            return facts.json
        }
    }

    package func sha1(_ digest: SHA256Digest) throws(StoreError) -> [UInt8]? { state.withLock { $0.sha1s[digest] } }

    package func evictionCandidates(limit: Int, includingPinned: Bool) throws(StoreError) -> [StoredBlob] {
        state.withLock { state in
            state.blobs.values.filter {
                includingPinned || $0.blob.scope == .shared && state.pins[$0.blob.digest] == nil
            }.sorted { ($0.used, $0.blob.digest) < ($1.used, $1.blob.digest) }.prefix(max(limit, 0)).map(\.blob)
        }
    }

    package func blobs(after: SHA256Digest?, limit: Int) throws(StoreError) -> [StoredBlob] {
        guard limit > 0 else { return [] }
        return state.withLock { state in
            let rest = state.blobs.values.map(\.blob).filter { blob in
                after.map { blob.digest > $0 } ?? true
            }.sorted { $0.digest < $1.digest }
            guard rest.count > limit else { return rest }
            let last = rest[limit - 1].digest
            return rest.filter { $0.digest <= last }
        }
    }

    /// A session's removal is done in one go: in memory it takes no transaction that others would wait for.
    package func removeSlice() throws(StoreError) -> Bool { true }

    package func scrubMark() throws(StoreError) -> ScrubMark { state.withLock { $0.scrubMark } }

    package func keyHash(_ partition: Partition, _ key: String) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(partition)
        hasher.combine(key)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    package func keyHashes(after: UInt64?, limit: Int) throws(StoreError) -> [UInt64] {
        let hashes = state.withLock { state in
            Set(
                state.responses.keys.map { keyHash($0.partition, $0.key) }.filter { hash in
                    after.map { hash > $0 } ?? true
                })
        }
        return Array(hashes.sorted().prefix(max(limit, 0)))
    }

    package func totals() throws(StoreError) -> CatalogTotals { state.withLock { $0.totals } }
}
