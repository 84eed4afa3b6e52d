import Core
import Cryptography
import Foundation
import PlatformTesting
import Storage
import Synchronization
@testable import Platform
import Testing

@testable import DiskStore

/// Content for tests: text that compresses, or noise that does not.
func sampleText(_ count: Int, seed: Int = 0) -> [UInt8] {
    var bytes: [UInt8] = []
    var line = seed
    while bytes.count < count {
        bytes += Array("line \(line) of a long text that says the same again and again\n".utf8)
        line += 1
    }
    return Array(bytes.prefix(count))
}

func sampleNoise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}

extension DiskStore {
    /// Stages and commits a body.
    func storeLarge(_ bytes: [UInt8], scope: BlobScope = .shared) throws -> StoredBlob {
        let sink = try stage(scope: scope, expectedSize: Int64(bytes.count))
        try sink.append(bytes)
        return try sink.commit(digest: SHA256Hasher.digest(bytes), size: Int64(bytes.count))
    }

    func storeSmall(_ bytes: [UInt8], scope: BlobScope = .shared) throws -> StoredBlob {
        try put(bytes, digest: SHA256Hasher.digest(bytes), scope: scope)
    }

    func content(_ blob: StoredBlob) throws -> [UInt8]? {
        guard let reader = try open(blob) else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(reader.size))
        let count = try bytes.withUnsafeMutableBytes { try reader.read(at: 0, into: $0) }
        return Array(bytes.prefix(count))
    }
}

/// Counts the calls of one kind.
final class CallCounter: Sendable {
    private let counts = Lock<[FileCalls.Call: Int]>([:])

    var files: FileCalls {
        FileCalls { call in
            self.counts.withLock { $0[call, default: 0] += 1 }
            return nil
        }
    }

    var total: Int { counts.withLock { $0.values.reduce(0, +) } }

    subscript(call: FileCalls.Call) -> Int { counts.withLock { $0[call] ?? 0 } }

    func reset() { counts.withLock { $0 = [:] } }
}

@Suite struct DiskStoreTests {
    let folder: TemporaryFolder
    let layout: StoreLayout

    init() throws {
        folder = try TemporaryFolder()
        layout = StoreLayout(root: "\(folder.path)/.store")
    }

    func open(_ settings: DiskStoreSettings = DiskStoreSettings(), files: FileCalls = FileCalls()) throws -> DiskStore {
        try DiskStore(root: layout.root, settings: settings, files: files)
    }

    @Test("Nobody else can enter the folders or read the files")
    func modes() throws {
        let before = Kernel.umask(0)
        defer { Kernel.umask(before) }
        let store = try open()
        let session = try #require(SessionID("s1"))
        for scope in [BlobScope.shared, .session(session)] {
            _ = try store.storeSmall(sampleText(100), scope: scope)
            _ = try store.storeLarge(sampleText(100_000), scope: scope)
        }
        _ = try store.maintain()
        let paths = try #require(FileManager.default.enumerator(atPath: layout.root)).compactMap { $0 as? String }
        #expect(paths.count >= 14)
        for path in paths + ["."] {
            let status = try #require(try Kernel.stat("\(layout.root)/\(path)"))
            #expect(status.mode & 0o777 == (status.isDirectory ? 0o700 : 0o600), "\(path)")
        }
    }

    @Test("A start makes as many system calls with a thousand blobs as with none")
    func constantStart() throws {
        let store = try open()
        let counter = CallCounter()
        _ = try open(files: counter.files)
        let calls = counter.total
        for seed in 0..<500 {
            _ = try store.storeSmall(sampleText(1000, seed: seed))
            _ = try store.storeLarge(sampleText(66_000, seed: seed))
        }
        counter.reset()
        _ = try open(files: counter.files)
        #expect(counter.total == calls)
    }

    @Test("A start removes what an earlier run was writing")
    func emptiesStaging() throws {
        let store = try open()
        let sink = try store.stage(scope: .shared, expectedSize: nil)
        try sink.append([1, 2, 3])
        #expect(try Kernel.names(inFolder: layout.staging).count == 1)
        _ = try open()
        #expect(try Kernel.names(inFolder: layout.staging) == [])
    }

    @Test("A folder of another format is refused and left as it is")
    func otherFormat() throws {
        _ = try open()
        try Kernel.replaceFile(layout.formatFile, with: Array("fetch-store 2\n".utf8))
        try Kernel.replaceFile("\(layout.staging)/x", with: [1])
        let error = #expect(throws: StoreError.self) { try open() }
        #expect(error?.kind == .corrupt)
        #expect(try Kernel.names(inFolder: layout.staging) == ["x"])
    }

    @Test("A placement that this store did not write is corrupt, and removing it does nothing")
    func foreignPlacement() throws {
        let store = try open()
        var blob = try store.storeSmall([1])
        let own = blob
        for text in ["", "memory", "seg/1/0", "seg/1/-1/57", "seg/1/0/99999999", "seg/../0/57", "file/../x"] {
            blob.placement.text = text
            let error = #expect(throws: StoreError.self) { try store.open(blob) }
            #expect(error?.kind == .corrupt)
            try store.remove(blob)
        }
        #expect(try store.content(own) == [1])
    }

    @Test("A file of the wrong size is corrupt, and committing again mends it")
    func wrongSize() throws {
        let store = try open()
        let bytes = sampleNoise(100_000)
        let blob = try store.storeLarge(bytes)
        let path = layout.plain(blob.digest, .shared)
        let file = try Kernel.open(path, O_RDWR)
        try Kernel.ftruncate(file.number, 99_999)
        let error = #expect(throws: StoreError.self) { try store.open(blob) }
        #expect(error?.kind == .corrupt)
        #expect(try !store.verify(blob))
        _ = try store.storeLarge(bytes)
        #expect(try store.content(blob) == bytes)
    }

    @Test("Committing again mends a file that has rotted in place")
    func rotInPlace() throws {
        let store = try open()
        let bytes = sampleNoise(100_000)
        let blob = try store.storeLarge(bytes)
        try layout.flipByte(of: blob)
        #expect(try !store.verify(blob))
        _ = try store.storeLarge(bytes)
        #expect(try store.verify(blob))
    }

    @Test("A compressed file with damage goes when a reader meets it, so that committing again mends it")
    func damagedCompressed() throws {
        let store = try open()
        let bytes = sampleText(600_000)
        _ = try store.storeLarge(bytes)
        let new = try #require(try store.maintain().first?.new)
        _ = try store.maintain()
        try layout.flipByte(of: new, at: 500)
        let error = #expect(throws: StoreError.self) { try store.content(new) }
        #expect(error?.kind == .corrupt)
        #expect(try store.open(new) == nil)
        let again = try store.storeLarge(bytes)
        #expect(again.placement.text == "file")
        #expect(try store.content(new) == bytes)
    }

    @Test("Rotten bytes are never compressed, which would vouch for them")
    func rotBeforeCompression() throws {
        let store = try open()
        let blob = try store.storeLarge(sampleText(600_000))
        try layout.flipByte(of: blob)
        #expect(try store.maintain().isEmpty)
        #expect(try Kernel.stat(layout.compressed(blob.digest, .shared)) == nil)
        #expect(try !store.verify(blob))
    }

    @Test("A compressed blob has one file once nobody can hold the old placement")
    func plainFileGoes() throws {
        let store = try open()
        let blob = try store.storeLarge(sampleText(300_000))
        let moved = try store.maintain()
        #expect(moved.map(\.old) == [blob])
        #expect(moved.map(\.new.placement.text) == ["lz4"])
        #expect(try Kernel.stat(layout.plain(blob.digest, .shared)) != nil)
        #expect(try store.maintain().isEmpty)
        #expect(try Kernel.stat(layout.plain(blob.digest, .shared)) == nil)
        #expect(try store.storeLarge(sampleText(300_000)).placement == moved.first?.new.placement)
        #expect(try store.maintain().isEmpty)
    }

    @Test("One call of maintain reads about as much as it may, and the next goes on")
    func slices() throws {
        var settings = DiskStoreSettings()
        settings.maintenanceBytes = 512 << 10
        let store = try open(settings)
        let bytes = sampleText(2 << 20)
        let blob = try store.storeLarge(bytes)
        var calls = 0
        var moved: [(old: StoredBlob, new: StoredBlob)] = []
        while moved.isEmpty {
            calls += 1
            try #require(calls < 20)
            moved = try store.maintain()
            #expect(try store.content(blob) == bytes)
        }
        #expect(calls >= 4)
        #expect(try store.content(try #require(moved.first?.new)) == bytes)
    }

    @Test("Removing a blob between two slices of its compression leaves nothing")
    func removedWhileCompressing() throws {
        var settings = DiskStoreSettings()
        settings.maintenanceBytes = 512 << 10
        let store = try open(settings)
        let blob = try store.storeLarge(sampleText(2 << 20))
        #expect(try store.maintain().isEmpty)
        try store.remove(blob)
        for _ in 0..<10 { #expect(try store.maintain().isEmpty) }
        #expect(try store.open(blob) == nil)
        #expect(try Kernel.names(inFolder: layout.staging) == [])
    }

    @Test("Beyond the length of the queue the oldest blobs stay plain")
    func boundedQueue() throws {
        var settings = DiskStoreSettings()
        settings.compressionQueue = 2
        let store = try open(settings)
        let blobs = try (0..<4).map { try store.storeLarge(sampleText(100_000, seed: $0)) }
        #expect(try store.maintain().map(\.old) == Array(blobs[2...]))
    }

    @Test("Surviving power loss costs a synchronisation of file and folder, surviving the process none")
    func durability() throws {
        for durability in [DiskStoreSettings.Durability.process, .power] {
            var settings = DiskStoreSettings()
            settings.durability = durability
            let counter = CallCounter()
            let store = try open(settings, files: counter.files)
            _ = try store.storeSmall([1])
            counter.reset()
            _ = try store.storeSmall([2])
            #expect(counter[.sync] == (durability == .power ? 1 : 0))
            _ = try store.storeLarge(sampleNoise(70_000))
            #expect(counter[.sync] == (durability == .power ? 3 : 0))
        }
    }

    @Test("A small body costs one write, and opening it one read")
    func callsPerSmallBody() throws {
        let counter = CallCounter()
        let store = try open(files: counter.files)
        let first = try store.storeSmall([1])
        _ = try store.content(first)
        counter.reset()
        let blob = try store.storeSmall(sampleText(10_000))
        #expect(counter[.write] == 1)
        #expect(counter.total == 1)
        _ = try store.content(blob)
        #expect(counter[.read] == 1)
        #expect(counter.total == 2)
    }

    @Test("What must stay free is 256 MiB or 2 % of the file system, whichever is smaller")
    func minFree() throws {
        for (total, free) in [(Int64(1) << 40, Int64(256) << 20), (100 << 20, 2 << 20)] {
            let files = FileCalls(space: { _ in FileSystemSpace(available: free + 1000, total: total) })
            #expect(try open(files: files).spaceLeft() == 1000)
        }
    }

    @Test("Private blobs are files of their session only")
    func privateFiles() throws {
        let store = try open()
        let session = try #require(SessionID("0a9"))
        _ = try store.storeSmall([1], scope: .session(session))
        let large = try store.storeLarge(sampleNoise(70_000), scope: .session(session))
        #expect(Set(try Kernel.names(inFolder: layout.privateFolder(session))) == ["000001.seg", large.digest.hex])
        #expect(try Kernel.names(inFolder: layout.blobs) == [])
        #expect(try Kernel.names(inFolder: layout.sharedSegments) == [])
        try store.removeAll(of: session)
        #expect(try Kernel.names(inFolder: layout.privates) == [])
    }

    @Test("More sessions than files may be open at once go on writing")
    func manySessions() throws {
        let store = try open()
        let sessions = try (0..<150).map { try #require(SessionID("s\($0)")) }
        var blobs: [StoredBlob] = []
        for round in 0..<2 {
            for session in sessions {
                blobs.append(try store.storeSmall(Array("\(session) \(round)".utf8), scope: .session(session)))
            }
        }
        for (index, blob) in blobs.enumerated() {
            let expected = "s\(index % 150) \(index / 150)"
            #expect(try store.content(blob) == Array(expected.utf8))
        }
    }
}
