import Foundation
import PlatformTesting
import Storage
import StorageConformance
import Synchronization
@testable import Platform

@testable import DiskStore

/// A disk store in a temporary folder, over a file system that can fail and fill up.
final class DiskHarness: BlobStoreHarness {
    let store: any BlobStore
    private let folder: TemporaryFolder
    private let layout: StoreLayout
    private let settings: DiskStoreSettings
    private let files: FileCalls
    private let isFull = Flag()

    private final class Flag: Sendable {
        let value = Atomic<Bool>(false)
    }

    init(plan: FaultPlan, settings: DiskStoreSettings) throws {
        folder = try TemporaryFolder(inMemory: true)
        layout = StoreLayout(root: "\(folder.path)/.store")
        self.settings = settings
        files = FileCalls(
            // Every other fault of a write stores a part first.
            fault: { call in plan.trips() ? call == .write ? .tear(after: 20, ENOSPC) : .fail(EIO) : nil },
            space: { [isFull] path throws(SystemError) in
                isFull.value.load(ordering: .relaxed)
                    ? FileSystemSpace(available: 0, total: 1 << 40) : try Kernel.space(at: path)
            })
        store = try DiskStore(root: layout.root, settings: settings, files: files)
    }

    /// Opens the same folder as it would be a minute later.
    func reopen() throws -> (any BlobStore)? {
        let minuteAgo = Date(timeIntervalSinceNow: -60)
        for path in FileManager.default.subpaths(atPath: layout.blobs) ?? [] {
            try FileManager.default.setAttributes(
                [.modificationDate: minuteAgo], ofItemAtPath: "\(layout.blobs)/\(path)")
        }
        return try DiskStore(root: layout.root, settings: settings, files: files)
    }

    func damage(_ blob: StoredBlob) throws -> Bool {
        try layout.flipByte(of: blob)
        return true
    }

    func setFull(_ isFull: Bool) { self.isFull.value.store(isFull, ordering: .relaxed) }

    func leftovers() throws -> [String] { try Kernel.names(inFolder: layout.staging) }
}

extension StoreLayout {
    /// The file that holds a blob's bytes, and where in it they are.
    func place(of blob: StoredBlob) throws -> (path: String, offset: Int64, length: Int64) {
        switch DiskPlacement(blob.placement.text) {
        case .file: (plain(blob.digest, blob.scope), 0, blob.logicalSize)
        case .compressed:
            (compressed(blob.digest, blob.scope), 0, try Kernel.stat(compressed(blob.digest, blob.scope))?.size ?? 0)
        case .segment(let number, let offset, let length):
            (segment(SegmentID(scope: blob.scope, number: number)), offset, Int64(length))
        case nil: throw StoreError(.rejected, "find a blob", blob.placement.text)
        }
    }

    /// Changes one bit of a blob, in the middle unless told where.
    func flipByte(of blob: StoredBlob, at position: Int64? = nil) throws {
        let place = try place(of: blob)
        let offset = place.offset + (position ?? place.length / 2)
        let file = SharedDescriptor(adopting: try Kernel.open(place.path, O_RDWR))
        let files = FileCalls()
        let byte = try files.read(file, count: 1, at: offset)
        try files.write(file, byte.map { $0 ^ 0x10 }, at: offset)
    }
}
