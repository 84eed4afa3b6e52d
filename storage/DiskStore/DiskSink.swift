import Core
import Storage
import Platform

/// One large body being written to a file in `staging/`.
final class DiskSink: BlobSink {
    private enum Phase { case open, failed, settled }

    private let store: DiskStore
    private let staged: StagedFile
    private let scope: BlobScope
    private let phase = Lock(Phase.open)

    init(store: DiskStore, staged: StagedFile, scope: BlobScope) {
        self.store = store
        self.staged = staged
        self.scope = scope
    }

    var size: Int64 { staged.size }

    func reader() -> any BlobReader { StagedReader(staged) }

    func append(_ bytes: [UInt8]) throws(StoreError) {
        try requireOpen("append to a staged blob")
        do {
            try store.space.admit(Int64(bytes.count), "append to a staged blob")
            try StoreError.during("append to a staged blob") { () throws(SystemError) in try staged.append(bytes) }
        } catch {
            phase.withLock { $0 = .failed }
            throw error
        }
    }

    func commit(digest: SHA256Digest, size: Int64) throws(StoreError) -> StoredBlob {
        try requireOpen("commit blob \(digest)")
        phase.withLock { $0 = .failed }
        guard size == self.size else {
            throw StoreError(.rejected, "commit blob \(digest)", "\(self.size) bytes came, not \(size)")
        }
        let blob = try store.publish(staged, digest: digest, scope: scope)
        phase.withLock { $0 = .settled }
        store.stagingEnded()
        return blob
    }

    private func requireOpen(_ operation: @autoclosure () -> String) throws(StoreError) {
        guard phase.withLock({ $0 == .open }) else {
            throw StoreError(.rejected, operation(), "it has failed or ended before")
        }
    }

    deinit {
        guard phase.withLock({ $0 != .settled }) else { return }
        store.abandon(staged)
        store.stagingEnded()
    }
}
