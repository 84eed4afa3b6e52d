import Core
package import Storage
import Platform

extension DiskStore {
    /// Whether ``maintain()`` has something to compress, so that it is worth calling again soon.
    package var hasCompressionToDo: Bool { compression.hasWork }

    package func maintain() throws(StoreError) -> [(old: StoredBlob, new: StoredBlob)] {
        guard let replaced = compression.begin() else { return [] }
        defer { compression.end() }
        var moved: [(old: StoredBlob, new: StoredBlob)] = []
        var failure = removePlain(replaced)
        decoded.sweep(now: .now())
        do {
            try compress(&moved)
        } catch {
            failure = error
        }
        do {
            _ = try segments.collectOne()
        } catch {
            failure = error
        }
        // What has changed must be told; a failure shows again at the next call, or left a blob as it was.
        if let failure, moved.isEmpty { throw failure }
        return moved
    }

    /// Removes the plain files of blobs that the last call compressed.
    private func removePlain(_ blobs: [StoredBlob]) -> StoreError? {
        for (index, blob) in blobs.enumerated() {
            do {
                try files.unlink(layout.plain(blob.digest, blob.scope))
            } catch {
                compression.postpone(Array(blobs[index...]))
                return StoreError(error, "remove the plain file of blob \(blob.digest)")
            }
        }
        return nil
    }

    /// Compresses until the slice's share of bytes is read or nothing waits.
    private func compress(_ moved: inout [(old: StoredBlob, new: StoredBlob)]) throws(StoreError) {
        var budget = settings.maintenanceBytes
        while budget > 0 {
            var unfinished = compression.takeUnfinished()
            if unfinished == nil { unfinished = try nextJob(&budget) }
            guard let job = unfinished else { return }
            do throws(SystemError) {
                switch compression.isCurrentRemoved ? job.drop() : try job.step(budget: &budget) {
                case .unfinished:
                    compression.leaveUnfinished(job)
                    return
                case .dropped:
                    _ = compression.settle(job.blob, isReplaced: false)
                case .written(let bytes):
                    guard try enter(job) else { continue }
                    let old = job.blob
                    moved.append((old, blob(old.digest, old.logicalSize, old.scope, .compressed, bytes: bytes)))
                }
            } catch {
                job.drop()
                _ = compression.settle(job.blob, isReplaced: false)
                throw StoreError(error, "compress blob \(job.blob.digest)")
            }
        }
    }

    /// The next blob that is worth it.
    private func nextJob(_ budget: inout Int64) throws(StoreError) -> CompressionJob? {
        while budget > 0, let blob = compression.next() {
            // Looking at samples costs about as much as reading a quarter of a MiB.
            budget -= 256 << 10
            var job: CompressionJob?
            do {
                // Both files are there for a while; without the room for that the blob stays plain.
                if space.left() > blob.logicalSize {
                    let source = layout.plain(blob.digest, blob.scope)
                    job = try CompressionJob(blob, source: source, staged: nextStagedPath(), files: files)
                }
            } catch {
                _ = compression.settle(blob, isReplaced: false)
                throw StoreError(error, "compress blob \(blob.digest)")
            }
            if let job { return job }
            _ = compression.settle(blob, isReplaced: false)
        }
        return nil
    }

    /// Gives a compressed file its name; returns whether the blob has moved.
    private func enter(_ job: CompressionJob) throws(SystemError) -> Bool {
        let (digest, scope) = (job.blob.digest, job.blob.scope)
        if settings.durability == .power { try job.sync() }
        let place = layout.compressed(digest, scope)
        // The folder is there as long as the plain file is; when it is not, the session has been removed.
        try files.rename(job.path, to: place)
        if settings.durability == .power, let folder = layout.blobFolders(digest, scope).last {
            try files.syncFolder(folder)
        }
        guard compression.settle(job.blob, isReplaced: true) else { return true }
        try files.unlink(place)
        return false
    }
}
