import Core
import Storage
import Platform

/// Which large blobs wait for compression, which one is at it, and which plain files it has replaced.
///
/// Values only; the files are moved by `DiskStore.maintain()`.
final class CompressionQueue: Sendable {
    private struct Key: Hashable {
        var digest: SHA256Digest
        var scope: BlobScope
        init(_ blob: StoredBlob) { (digest, scope) = (blob.digest, blob.scope) }
    }

    private struct State {
        var waiting: [StoredBlob] = []
        var isRunning = false
        var current: Key?
        /// The blob of `current` was removed after its compression began.
        var isCurrentRemoved = false
        var unfinished: CompressionJob?
        /// Blobs whose plain file may go at the next call.
        var replaced: [StoredBlob] = []
    }

    private let capacity: Int
    private let state = Lock(State())

    init(capacity: Int) { self.capacity = capacity }

    /// Adds a blob that was committed; beyond the capacity the oldest falls out and stays plain.
    func add(_ blob: StoredBlob) {
        guard capacity > 0 else { return }
        state.withLock { state in
            if state.waiting.count >= capacity { state.waiting.removeFirst() }
            state.waiting.append(blob)
        }
    }

    /// Begins a slice; `nil` while another one is at work.
    ///
    /// - Returns: The blobs whose plain file can be removed now.
    func begin() -> [StoredBlob]? {
        state.withLock { state in
            guard !state.isRunning else { return nil }
            state.isRunning = true
            defer { state.replaced = [] }
            return state.replaced
        }
    }

    func end() { state.withLock { $0.isRunning = false } }

    /// Takes the job that the slice before left unfinished.
    func takeUnfinished() -> CompressionJob? { state.withLock { $0.unfinished.take() } }

    func leaveUnfinished(_ job: CompressionJob) { state.withLock { $0.unfinished = job } }

    /// Whether there is something to compress.
    var hasWork: Bool { state.withLock { $0.unfinished != nil || !$0.waiting.isEmpty } }

    /// Takes the next blob; it is the current one until ``settle(_:isReplaced:)``.
    func next() -> StoredBlob? {
        state.withLock { state in
            guard !state.waiting.isEmpty else { return nil }
            let blob = state.waiting.removeFirst()
            state.current = Key(blob)
            state.isCurrentRemoved = false
            return blob
        }
    }

    /// Ends the work on the current blob.
    ///
    /// - Returns: Whether it was removed meanwhile; then its compressed file must go too.
    func settle(_ blob: StoredBlob, isReplaced: Bool) -> Bool {
        state.withLock { state in
            defer { state.current = nil }
            guard !state.isCurrentRemoved else { return true }
            if isReplaced { state.replaced.append(blob) }
            return false
        }
    }

    /// Whether the current blob was removed, so that going on makes no sense.
    var isCurrentRemoved: Bool { state.withLock { $0.isCurrentRemoved } }

    /// Puts back what could not be removed.
    func postpone(_ blobs: [StoredBlob]) { state.withLock { $0.replaced += blobs } }

    /// Says that a blob's files are about to be removed.
    func forget(_ blob: StoredBlob) {
        state.withLock { state in
            if state.current == Key(blob) { state.isCurrentRemoved = true }
        }
    }

    /// Says that a session's files are about to be removed.
    func forget(_ session: SessionID) {
        let scope = BlobScope.session(session)
        state.withLock { state in
            if state.current?.scope == scope { state.isCurrentRemoved = true }
            state.waiting.removeAll { $0.scope == scope }
            state.replaced.removeAll { $0.scope == scope }
        }
    }
}
