package import Core
import Cryptography
import Glibc
package import Storage
import Synchronization
import Platform

/// Blobs on disk, below one folder that only this process uses.
///
/// `StoreLayout.swift` shows the files.
/// The life of a large blob: `stage` → a file in `staging/`, read while it grows → `commit` (``publish(_:digest:scope:)``)
/// renames it to its digest → `maintain()` writes a compressed file beside it when samples say that it pays, and removes
/// the plain one a call later → `remove`, or `removeAll` with its session. Small ones live in segments (`SegmentStore.swift`).
///
/// What the end of the process leaves: files in `staging/`, removed at the next start; a torn record at the end of a
/// segment, never written to again; blobs without a row in the catalog, found by `sweep`.
package final class DiskStore: BlobStore {
    let layout: StoreLayout
    let files: FileCalls
    let settings: DiskStoreSettings
    let space: SpaceGuard
    let segments: SegmentStore
    let compression: CompressionQueue
    let decoded: DecodedBlocks
    let mappingRoom: MappingRoom
    let sweepPosition: Lock<SweepPosition>
    private let stagedNames = Atomic<UInt64>(0)
    private let stagedCount = Atomic<Int>(0)

    /// Opens the store, making its folders when they are not there; O(1) in the number of blobs.
    ///
    /// - Parameters:
    ///   - root: A folder of its own, which nobody else may enter; made when it is not there.
    ///   - settings: What the operator chose.
    ///   - files: How the file system is called.
    /// - Throws: ``StoreError``; with `.corrupt` when the folder has another format, which is then left as it is.
    package init(
        root: String, settings: DiskStoreSettings = DiskStoreSettings(), files: FileCalls = FileCalls()
    ) throws(StoreError) {
        precondition(settings.segmentedSize <= SegmentRecord.largestContent, "segments hold up to 64 KiB")
        layout = StoreLayout(root: root)
        self.files = files
        self.settings = settings
        do {
            for folder in layout.folders { try files.makeFolder(folder) }
        } catch {
            throw StoreError(error, "make the folders of the blob store")
        }
        try Self.checkFormat(layout, files)
        space = SpaceGuard(path: root, files: files, minFree: settings.minFree)
        compression = CompressionQueue(capacity: settings.compresses ? settings.compressionQueue : 0)
        decoded = DecodedBlocks(budget: settings.decodedMemory)
        mappingRoom = MappingRoom(settings.mappedFiles)
        do {
            for name in try files.list(layout.staging) { try files.unlink("\(layout.staging)/\(name)") }
            segments = try SegmentStore(layout: layout, files: files, settings: settings)
        } catch {
            throw StoreError(error, "open the blob store in \(root)")
        }
        sweepPosition = Lock(SweepPosition(segments: segments.earlier, startedAt: WallTime.now()))
    }

    /// Writes the format's name into a new folder, and reads it in an old one.
    private static func checkFormat(_ layout: StoreLayout, _ files: FileCalls) throws(StoreError) {
        let found: [UInt8]? = try StoreError.during("read \(layout.formatFile)") { () throws(SystemError) in
            guard let file = try files.openIfPresent(layout.formatFile) else { return nil }
            return try files.read(file, count: 64, at: 0)
        }
        let ours = Array(StoreLayout.format.utf8)
        // An empty one is what the end of the process between two system calls leaves.
        guard found ?? [] != ours else { return }
        guard found ?? [] == [] else {
            throw StoreError(
                .corrupt, "open the blob store in \(layout.root)",
                "it was written by another version; move the folder away to start with an empty one")
        }
        try StoreError.during("write \(layout.formatFile)") { () throws(SystemError) in
            try files.write(try files.open(layout.formatFile, O_WRONLY | O_CREAT), ours, at: 0)
        }
    }

    // Writing.

    package func put(
        _ bytes: [UInt8], digest: SHA256Digest, scope: BlobScope
    ) throws(StoreError) -> StoredBlob {
        guard bytes.count <= settings.segmentedSize else {
            let sink = try stage(scope: scope, expectedSize: Int64(bytes.count))
            try sink.append(bytes)
            return try sink.commit(digest: digest, size: Int64(bytes.count))
        }
        let place: DiskPlacement
        if let present = segments.present(digest, size: bytes.count, scope: scope) {
            place = present
        } else {
            try space.admit(Int64(bytes.count + SegmentRecord.headerSize), "store blob \(digest)")
            place = try segments.append(bytes, digest: digest, scope: scope)
        }
        guard case .segment(_, _, let length) = place else { preconditionFailure("segments hold records") }
        return blob(digest, Int64(bytes.count), scope, place, bytes: Int64(length))
    }

    package func stage(scope: BlobScope, expectedSize: Int64?) throws(StoreError) -> any BlobSink {
        let left = space.left()
        guard left > 0, expectedSize ?? 0 <= left else {
            throw StoreError(.full, "stage a blob", "\(left) bytes may still be written to \(layout.root)")
        }
        let path = nextStagedPath()
        let file = try StoreError.during("stage a blob") { () throws(SystemError) in
            try files.open(path, O_RDWR | O_CREAT | O_EXCL)
        }
        stagedCount.add(1, ordering: .relaxed)
        return DiskSink(store: self, staged: StagedFile(file: file, path: path, files: files), scope: scope)
    }

    /// Gives a staged file its place: a segment when it is small, else the name of its digest.
    func publish(_ staged: StagedFile, digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> StoredBlob {
        let size = staged.size
        if size <= Int64(settings.segmentedSize) {
            let content = try StoreError.during("commit blob \(digest)") { () throws(SystemError) in
                try staged.content()
            }
            let blob = try put(content, digest: digest, scope: scope)
            abandon(staged)
            return blob
        }
        if let present = try presentCompressed(digest, size: size, scope) {
            abandon(staged)
            return present
        }
        // A plain file that is there is replaced: it costs nothing, and the new bytes have just been hashed.
        try StoreError.during("commit blob \(digest)") { () throws(SystemError) in
            if settings.durability == .power { try files.sync(staged.file) }
            try move(staged.path, to: layout.plain(digest, scope), digest, scope)
        }
        let blob = blob(digest, size, scope, .file, bytes: size)
        compression.add(blob)
        return blob
    }

    /// Renames a file to its place, making the folders above it when they are not there.
    func move(_ path: String, to place: String, _ digest: SHA256Digest, _ scope: BlobScope) throws(SystemError) {
        do {
            try files.rename(path, to: place)
        } catch {
            guard error.code == ENOENT else { throw error }
            for folder in layout.blobFolders(digest, scope) { try files.makeFolder(folder) }
            try files.rename(path, to: place)
        }
        if settings.durability == .power, let folder = layout.blobFolders(digest, scope).last {
            try files.syncFolder(folder)
        }
    }

    /// The blob that is there already, compressed, with this digest and size.
    private func presentCompressed(_ digest: SHA256Digest, size: Int64, _ scope: BlobScope) throws(StoreError)
        -> StoredBlob?
    {
        try StoreError.during("look for blob \(digest)") { () throws(SystemError) in
            guard let file = try files.openIfPresent(layout.compressed(digest, scope)),
                let index = try CompressedIndex.read(file, files), index.contentSize == size, index.digest == digest
            else { return nil }
            return blob(digest, size, scope, .compressed, bytes: try files.status(file).size)
        }
    }

    /// Removes a staged file's name; what fails here is made up for at the next start.
    func abandon(_ staged: StagedFile) { _ = try? files.unlink(staged.path) }

    func stagingEnded() { stagedCount.subtract(1, ordering: .relaxed) }

    func nextStagedPath() -> String { layout.staged(stagedNames.add(1, ordering: .relaxed).newValue) }

    package var stagedWrites: Int { stagedCount.load(ordering: .relaxed) }

    package func spaceLeft() -> Int64 { space.left() }

    func blob(
        _ digest: SHA256Digest, _ size: Int64, _ scope: BlobScope, _ place: DiskPlacement, bytes: Int64
    ) -> StoredBlob {
        StoredBlob(digest: digest, logicalSize: size, scope: scope, placement: place.placement(bytes: bytes))
    }

    // Reading.

    package func open(_ blob: StoredBlob) throws(StoreError) -> (any BlobReader)? {
        switch DiskPlacement(blob.placement.text) {
        case nil:
            throw StoreError(.corrupt, "open blob \(blob.digest)", "'\(blob.placement.text)' is no place in this store")
        case .segment(let number, let offset, let length):
            let content = try segments.content(of: blob, number: number, offset: offset, length: length)
            return content.map(ContentReader.init)
        // A blob moves from one kind of file to the other, and the catalog hears of it afterwards.
        case .file:
            if let reader = try openPlain(blob) { return reader }
            return try openCompressed(blob)
        case .compressed:
            if let reader = try openCompressed(blob) { return reader }
            return try openPlain(blob)
        }
    }

    private func openPlain(_ blob: StoredBlob) throws(StoreError) -> (any BlobReader)? {
        let opened = try StoreError.during("open blob \(blob.digest)") {
            () throws(SystemError) -> (SharedDescriptor, FileStatus)? in
            guard let file = try files.openIfPresent(layout.plain(blob.digest, blob.scope)) else { return nil }
            return (file, try files.status(file))
        }
        guard let (file, status) = opened else { return nil }
        guard status.isRegular, status.size == blob.logicalSize else {
            throw StoreError(
                .corrupt, "open blob \(blob.digest)", "the file has \(status.size) bytes, not \(blob.logicalSize)")
        }
        return PlainFileReader(file: file, size: status.size, files: files, room: mappingRoom)
    }

    private func openCompressed(_ blob: StoredBlob) throws(StoreError) -> (any BlobReader)? {
        let opened = try StoreError.during("open blob \(blob.digest)") {
            () throws(SystemError) -> (SharedDescriptor, FileStatus, CompressedIndex?)? in
            guard let file = try files.openIfPresent(layout.compressed(blob.digest, blob.scope)) else { return nil }
            return (file, try files.status(file), try CompressedIndex.read(file, files))
        }
        guard let (file, status, index) = opened else { return nil }
        guard let index, index.contentSize == blob.logicalSize, index.digest == blob.digest else {
            discard(blob)
            throw StoreError(.corrupt, "open blob \(blob.digest)", "the compressed file is not whole, or another's")
        }
        return CompressedReader(blob, file: file, status, index: index, files: files, decoded: decoded) { [self] in
            discard(blob)
        }
    }

    /// Removes a compressed file that turned out to be damaged, so that a later commit does not take it for present.
    private func discard(_ blob: StoredBlob) {
        decoded.forget(blob)
        _ = try? files.unlink(layout.compressed(blob.digest, blob.scope))
    }

    package func verify(_ blob: StoredBlob, mayGoOn: (Int) -> Bool) throws(StoreError) -> Bool? {
        do {
            guard let reader = try open(blob) else { return false }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: CompressedIndex.blockSize, alignment: 4096)
            defer { buffer.deallocate() }
            var hasher = SHA256Hasher()
            var offset: Int64 = 0
            while true {
                let count = try reader.read(at: offset, into: buffer)
                if count == 0 { break }
                hasher.update(UnsafeRawBufferPointer(buffer).part(0..<count))
                offset += Int64(count)
                guard mayGoOn(count) else { return nil }
            }
            let digest = hasher.finish()
            return offset == blob.logicalSize && digest == blob.digest
        } catch {
            guard error.kind != .corrupt else { return false }
            throw error
        }
    }

    // Removing.

    package func remove(_ blob: StoredBlob) throws(StoreError) {
        switch DiskPlacement(blob.placement.text) {
        case nil: return
        case .segment(let number, let offset, _):
            try segments.markDead(blob.digest, SegmentID(scope: blob.scope, number: number), offset: offset)
        case .file, .compressed:
            compression.forget(blob)
            decoded.forget(blob)
            try StoreError.during("remove blob \(blob.digest)") { () throws(SystemError) in
                try files.unlink(layout.plain(blob.digest, blob.scope))
                try files.unlink(layout.compressed(blob.digest, blob.scope))
            }
        }
    }

    package func removeAll(of session: SessionID) throws(StoreError) {
        segments.forget(session)
        compression.forget(session)
        decoded.forget(session)
        let folder = layout.privateFolder(session)
        try StoreError.during("remove the blobs of session \(session)") { () throws(SystemError) in
            guard try files.status(folder) != nil else { return }
            for name in try files.list(folder) { try files.unlink("\(folder)/\(name)") }
            try files.removeFolder(folder)
        }
    }

    package func privateSessions() throws(StoreError) -> [SessionID] {
        try StoreError.during("list private blobs") { () throws(SystemError) in
            try files.list(layout.privates).compactMap { SessionID($0) }
        }
    }
}
