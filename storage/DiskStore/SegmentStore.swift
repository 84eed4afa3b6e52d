import Core
import Glibc
import Storage
import Platform

/// The small blobs: records in segment files.
///
/// A record's life: appended (``append``) → live, read whole and checked at every opening (``content(of:number:offset:length:)``)
/// → dead, a byte in its header (``markDead``) → its room given back, together with that of its dead neighbours, or with the
/// whole file when nothing in it lives (``collectOne()``). Readers hold the content, not the file, so nothing has to wait
/// for them.
///
/// How much of a segment lives stands in its headers and nowhere else. So a start needs no walk: segments of earlier runs
/// are looked through one by one later, and again whenever something in them died.
final class SegmentStore: Sendable {
    /// Private writers and files that are kept open, each.
    private static let openFiles = 64

    private struct State {
        var writers: [BlobScope: SegmentWriter] = [:]
        /// The writers' scopes but the shared one, least recently made first.
        var writerOrder: [BlobScope] = []
        var readFiles: [SegmentID: SharedDescriptor] = [:]
        var readOrder: [SegmentID] = []
        /// Segments in which something died, or that have not been looked at in this run.
        var dirty: Set<SegmentID> = []
        var dirtyOrder: [SegmentID] = []

        mutating func markDirty(_ id: SegmentID) {
            if dirty.insert(id).inserted { dirtyOrder.append(id) }
        }

        mutating func nextDirty() -> SegmentID? {
            while !dirtyOrder.isEmpty {
                let id = dirtyOrder.removeFirst()
                if dirty.remove(id) != nil { return id }
            }
            return nil
        }

        mutating func drop(_ id: SegmentID) {
            if readFiles.removeValue(forKey: id) != nil { readOrder.removeAll { $0 == id } }
        }
    }

    private let layout: StoreLayout
    private let files: FileCalls
    private let settings: DiskStoreSettings
    private let state = Lock(State())
    private let recent = Lock(RecentPlaces(capacity: 32_768))
    /// The shared segments of earlier runs.
    let earlier: [UInt32]

    init(layout: StoreLayout, files: FileCalls, settings: DiskStoreSettings) throws(SystemError) {
        self.layout = layout
        self.files = files
        self.settings = settings
        earlier = try files.list(layout.sharedSegments).compactMap(StoreLayout.segmentNumber).sorted()
        let last = earlier.last ?? 0
        state.withLock { state in
            for number in earlier { state.markDirty(SegmentID(scope: .shared, number: number)) }
            state.writers[.shared] = SegmentWriter(
                scope: .shared, lastNumber: last, layout: layout, files: files, settings: settings)
        }
    }

    /// The place of a small body that was stored lately and is there still, right in every byte.
    func present(_ digest: SHA256Digest, size: Int, scope: BlobScope) -> DiskPlacement? {
        guard let place = recent.withLock({ $0.place(of: digest, scope) }),
            case .segment(let number, let offset, let length) = place
        else { return nil }
        let blob = StoredBlob(
            digest: digest, logicalSize: Int64(size), scope: scope, placement: place.placement(bytes: Int64(length)))
        // What cannot be read is stored anew.
        let content = try? content(of: blob, number: number, offset: offset, length: length)
        return content == nil ? nil : place
    }

    /// Stores a small body.
    func append(_ content: [UInt8], digest: SHA256Digest, scope: BlobScope) throws(StoreError) -> DiskPlacement {
        let record = SegmentRecord.encode(
            content, digest: digest, acceleration: settings.compresses ? settings.smallAcceleration : nil)
        while true {
            // A writer may have been let go since it was looked up.
            guard let appended = try writer(for: scope).append(record) else { continue }
            if let finished = appended.finished { state.withLock { $0.markDirty(finished) } }
            let place = DiskPlacement.segment(
                number: appended.id.number, offset: appended.offset, length: record.count)
            recent.withLock { $0.remember(place, of: digest, scope) }
            return place
        }
    }

    /// Reads a body, checking all of it; `nil` when it is not there any more.
    func content(of blob: StoredBlob, number: UInt32, offset: Int64, length: Int) throws(StoreError) -> [UInt8]? {
        let id = SegmentID(scope: blob.scope, number: number)
        guard let file = try file(id) else { return nil }
        var lastReason = ""
        // Twice: between reading a header and reading what follows it, the room may have been given back.
        for _ in 0..<2 {
            let record = try StoreError.during("read from segment \(number)") { () throws(SystemError) in
                try files.read(file, count: length, at: offset)
            }
            do {
                return try SegmentRecord.content(of: record, length: length, blob: blob.digest, size: blob.logicalSize)
            } catch {
                guard case .corrupt(let reason) = error else { return nil }
                lastReason = reason
            }
        }
        throw StoreError(.corrupt, "open blob \(blob.digest) in segment \(number) at \(offset)", lastReason)
    }

    /// Marks a record dead; one that is not there is no error.
    func markDead(_ digest: SHA256Digest, _ id: SegmentID, offset: Int64) throws(StoreError) {
        guard let file = try file(id) else { return }
        try StoreError.during("remove a blob from segment \(id.number)") { () throws(SystemError) in
            let bytes = try files.read(file, count: SegmentRecord.headerSize, at: offset)
            guard let record = bytes.withUnsafeBytes({ SegmentRecord($0) }), !record.isDead, record.digest == digest
            else {
                return
            }
            try files.write(file, [SegmentRecord.State.dead.rawValue], at: offset + SegmentRecord.stateOffset)
        }
        state.withLock { $0.markDirty(id) }
    }

    /// Visits the live records of a segment.
    func forEachLive(in id: SegmentID, _ body: (_ offset: Int64, _ record: SegmentRecord) -> Void) throws(StoreError) {
        guard let file = try file(id) else { return }
        try StoreError.during("look through segment \(id.number)") { () throws(SystemError) in
            let scan = SegmentScan(files: files, file: file, end: try files.status(file).size)
            _ = try scan.forEach { offset, record in
                if !record.isDead { body(offset, record) }
            }
        }
    }

    /// Gives back the room of what is dead in one segment; returns whether there was one to look at.
    ///
    /// The highest segment of a scope is never removed, so that no number comes twice.
    func collectOne() throws(StoreError) -> Bool {
        let next = state.withLock { state in
            state.nextDirty().map { (id: $0, writer: state.writers[$0.scope]) }
        }
        guard let next, let file = try file(next.id) else { return next != nil }
        do {
            let current = next.writer?.current
            let isCurrent = current?.id == next.id
            let isHighest = next.id.number >= (next.writer?.lastNumber ?? 0)
            let end = isCurrent ? current?.end ?? 0 : try files.status(file).size
            let collector = SegmentCollector(files: files, file: file, end: end)
            let findings = try collector.look()
            if findings.isAllDead, !isCurrent, !isHighest {
                try files.unlink(layout.segment(next.id))
                state.withLock { $0.drop(next.id) }
            } else {
                try collector.giveBack(findings)
            }
            return true
        } catch {
            state.withLock { $0.markDirty(next.id) }
            throw StoreError(error, "give back the room of segment \(next.id.number)")
        }
    }

    /// Forgets the files of a session, which are about to be removed.
    func forget(_ session: SessionID) {
        let scope = BlobScope.session(session)
        let writer = state.withLock { state in
            for id in state.readOrder where id.scope == scope { state.drop(id) }
            state.dirty = state.dirty.filter { $0.scope != scope }
            state.dirtyOrder.removeAll { $0.scope == scope }
            state.writerOrder.removeAll { $0 == scope }
            return state.writers.removeValue(forKey: scope)
        }
        writer?.close()
    }

    private func writer(for scope: BlobScope) throws(StoreError) -> SegmentWriter {
        if let writer = state.withLock({ $0.writers[scope] }) { return writer }
        let folder = layout.segmentFolder(scope)
        let last = try StoreError.during("list \(folder)") { () throws(SystemError) in
            try files.list(folder).compactMap(StoreLayout.segmentNumber).max() ?? 0
        }
        let made: (writer: SegmentWriter, surplus: SegmentWriter?) = state.withLock { state in
            if let writer = state.writers[scope] { return (writer, nil) }
            let writer = SegmentWriter(
                scope: scope, lastNumber: last, layout: layout, files: files, settings: settings)
            state.writers[scope] = writer
            state.writerOrder.append(scope)
            // One that is let go ends its segment; its scope's next body begins another.
            let surplus = state.writerOrder.count > Self.openFiles ? state.writerOrder.removeFirst() : nil
            return (writer, surplus.flatMap { state.writers.removeValue(forKey: $0) })
        }
        made.surplus?.close()
        return made.writer
    }

    /// A segment's file; `nil` when it is not there.
    private func file(_ id: SegmentID) throws(StoreError) -> SharedDescriptor? {
        if let file = state.withLock({ $0.readFiles[id] }) { return file }
        let path = layout.segment(id)
        let file: SharedDescriptor
        do {
            file = try files.open(path, O_RDWR)
        } catch {
            guard error.code != ENOENT else { return nil }
            throw StoreError(error, "open segment \(id.number)")
        }
        state.withLock { state in
            if state.readFiles.updateValue(file, forKey: id) == nil { state.readOrder.append(id) }
            if state.readOrder.count > Self.openFiles { state.readFiles[state.readOrder.removeFirst()] = nil }
        }
        return file
    }
}
