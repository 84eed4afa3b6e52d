import Core
import Foundation
import Storage
import StorageConformance
import Platform
import PlatformTesting
import Testing

@testable import SQLiteCatalog

@Suite struct SQLiteDamageTests {
    let folder: TemporaryFolder
    let recordsPath: String
    let cachePath: String

    init() throws {
        folder = try TemporaryFolder()
        recordsPath = folder.file("records.db")
        cachePath = folder.file("cache.db")
    }

    /// What a start should not take for a database of ours.
    enum Damage: String, CaseIterable, CustomTestStringConvertible {
        case text, short, truncated, emptyTail, zeroHeader, zeroPages, garbagePages, otherProgram, newerSchema

        var testDescription: String { rawValue }
    }

    /// Makes a database with rows and damages it.
    private func make(_ name: String, _ damage: Damage, fill: (String) throws -> Void) throws {
        let path = folder.file(name)
        try fill(path)
        var bytes = try folder.bytes(name)
        #expect(bytes.count > 40_000)
        switch damage {
        case .text: bytes = Array("This is no database, but it is long enough to have a header.\n".utf8) + bytes
        case .short: bytes = Array(bytes.prefix(60))
        case .truncated: bytes = Array(bytes.prefix(bytes.count / 2))
        case .emptyTail: bytes.removeLast(1000)
        case .zeroHeader: bytes.replaceSubrange(0..<100, with: [UInt8](repeating: 0, count: 100))
        case .zeroPages:
            bytes.replaceSubrange(8192..<bytes.count, with: [UInt8](repeating: 0, count: bytes.count - 8192))
        case .garbagePages:
            for index in 4096..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 7919 >> 3) }
        case .otherProgram: bytes.replaceSubrange(68..<72, with: [1, 2, 3, 4])
        case .newerSchema: bytes.replaceSubrange(60..<64, with: [0, 0, 0, 99])
        }
        try folder.write(bytes, to: name)
    }

    private func fillRecords(_ path: String) throws {
        let records = try SQLiteRecords(path: path)
        let id = try #require(SessionID("a"))
        try records.apply([
            .open(
                SessionRow(
                    id: id, policy: .strict, created: .now(), timeout: 1, tokenHash: SHA256Digest(words: (0, 0, 0, 0)),
                    redactionKey: []))
        ])
        for number in 1...50 as ClosedRange<Int64> {
            try records.apply([
                .exchange(
                    ExchangeRow(
                        session: id, number: number, category: .artifact, digest: SHA256Digest(words: (1, 0, 0, 0)),
                        download: [UInt8](repeating: 66, count: 1500)))
            ])
        }
        try records.close()
    }

    private func fillCatalog(_ path: String) throws {
        let catalog = try SQLiteCatalog(path: path)
        for number in 1...100 as ClosedRange<UInt64> {
            let digest = SHA256Digest(words: (number, 0, 0, 0))
            try catalog.apply([
                .blob(
                    StoredBlob(
                        digest: digest, logicalSize: 1, scope: .shared,
                        placement: BlobPlacement(text: "p", sizeOnDisk: 1)), at: .now()),
                .response(
                    StoredResponse(
                        partition: .shared, key: "https://a.example/\(number)",
                        head: [UInt8](repeating: 67, count: 500),
                        digest: digest, size: 1, requestTime: 1, responseTime: 1)),
            ])
        }
        try catalog.close()
    }

    @Test("A damaged or foreign record is refused with a reason, and not touched", arguments: Damage.allCases)
    func damagedRecords(_ damage: Damage) throws {
        try make("records.db", damage, fill: fillRecords)
        let before = try folder.bytes("records.db")
        let error = try #require(storeFailure { () throws(StoreError) in try SQLiteRecords(path: recordsPath) })
        #expect(error.kind == (damage == .newerSchema ? .rejected : .corrupt))
        #expect(error.description.contains(recordsPath))
        #expect(error.reason.contains(damage == .newerSchema ? "newer release" : ".recover"), "\(error)")
        #expect(try folder.bytes("records.db") == before)
        #expect(try folder.names().filter { $0.contains("corrupt") }.isEmpty)
    }

    @Test("A damaged or foreign cache is set aside, and an empty one takes its place", arguments: Damage.allCases)
    func damagedCache(_ damage: Damage) throws {
        try make("cache.db", damage, fill: fillCatalog)
        let before = try folder.bytes("cache.db")
        let catalog = try SQLiteCatalog(path: cachePath)
        #expect(catalog.notice?.contains("cache.db.corrupt-1") == true)
        #expect(try catalog.totals() == CatalogTotals())
        try catalog.apply([.invalidate(.shared, key: "x")])
        try catalog.close()
        #expect(try folder.bytes("cache.db.corrupt-1") == before)
        #expect(try SQLiteCatalog(path: cachePath).notice == nil)
    }

    @Test("Three caches that were set aside are kept, the newest ones")
    func keepsThree() throws {
        for number in 1...5 {
            try folder.write(Array("garbage \(number)".utf8), to: "cache.db")
            _ = try SQLiteCatalog(path: cachePath)
        }
        #expect(
            try folder.names().filter { $0.contains("corrupt") }
                == ["cache.db.corrupt-3", "cache.db.corrupt-4", "cache.db.corrupt-5"])
        #expect(try folder.bytes("cache.db.corrupt-5") == Array("garbage 5".utf8))
    }

    @Test("A log goes aside with its cache")
    func logGoesAside() throws {
        try folder.write(Array("garbage".utf8), to: "cache.db")
        try folder.write(Array("a log".utf8), to: "cache.db-wal")
        _ = try SQLiteCatalog(path: cachePath)
        #expect(try folder.bytes("cache.db.corrupt-1-wal") == Array("a log".utf8))
    }

    @Test("An empty file is taken for a new database")
    func emptyFile() throws {
        try folder.write([], to: "cache.db")
        try folder.write([], to: "records.db")
        #expect(try SQLiteCatalog(path: cachePath).notice == nil)
        try SQLiteRecords(path: recordsPath).checkWritable()
    }

    @Test("A path that no file can have is unavailable, and named", arguments: ["folder", "/proc/x.db", "none/x.db"])
    func unusablePaths(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: folder.file("folder"), withIntermediateDirectories: false)
        let path = name.hasPrefix("/") ? name : folder.file(name)
        for error in [
            storeFailure { () throws(StoreError) in _ = try SQLiteRecords(path: path) },
            storeFailure { () throws(StoreError) in _ = try SQLiteCatalog(path: path) },
        ] {
            #expect(error?.kind == .unavailable)
            #expect(error?.description.contains(path) == true)
        }
    }

    @Test("A record that cannot be written is refused", .enabled(if: geteuid() != 0, "root may write everything"))
    func readOnly() throws {
        try fillRecords(recordsPath)
        try Kernel.chmod(recordsPath, 0o444)
        let error = storeFailure { () throws(StoreError) in _ = try SQLiteRecords(path: recordsPath) }
        #expect(error?.kind == .unavailable)
    }

    @Test("Damage that shows while running is named, with the command to run")
    func damageWhileRunning() throws {
        let records = try SQLiteRecords(path: recordsPath)
        let id = try #require(SessionID("a"))
        try records.apply([
            .open(
                SessionRow(
                    id: id, policy: .strict, created: .now(), timeout: 1, tokenHash: SHA256Digest(words: (0, 0, 0, 0)),
                    redactionKey: []))
        ])
        // Text that does not pack.
        var random = SplitMix(state: 3)
        for start in stride(from: 1, to: 6000, by: 500) as StrideTo<Int64> {
            try records.apply(
                (start..<start + 500).map { number in
                    let text = (0..<1500).map { _ in UInt8.random(in: 0...255, using: &random) }
                    return .exchange(ExchangeRow(session: id, number: number, category: .response, download: text))
                })
        }
        try records.file.truncateLog()
        let file = try Kernel.open(recordsPath, O_RDWR)
        let size = try Kernel.fstat(file.number).size
        let noise = [UInt8](repeating: 0xee, count: 1 << 20)
        try noise.withUnsafeBytes { try Kernel.pwriteAll(file.number, $0, offset: size / 2) }
        let error = storeFailure { () throws(StoreError) in
            _ = try records.exchanges(of: id, category: nil, after: 0, limit: .max)
        }
        #expect(error?.kind == .corrupt)
        #expect(error?.reason.contains("sqlite3 \(recordsPath) \".recover\"") == true)
        // The file is too large to be checked as a whole; its ends are right, so it opens.
        try records.close()
        #expect(size > 4 << 20)
        _ = try SQLiteRecords(path: recordsPath)
    }

    @Test("A thousand flipped bytes never crash the cache, and never make it lie about what it is asked for")
    func flippedBytes() throws {
        try fillCatalog(cachePath)
        let whole = try folder.bytes("cache.db")
        var random = SplitMix(state: 7)
        for _ in 0..<60 {
            let folder = try TemporaryFolder()
            var bytes = whole
            for _ in 0..<20 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            try folder.write(bytes, to: "cache.db")
            let catalog = try SQLiteCatalog(path: folder.file("cache.db"))
            for number in 1...100 {
                let key = "https://a.example/\(number)"
                do throws(StoreError) {
                    for response in try catalog.responses(in: .shared, key: key) { #expect(response.key == key) }
                    _ = try catalog.blobs(after: nil, limit: 1000)
                } catch {
                    #expect(error.kind == .corrupt, "\(error)")
                }
            }
        }
    }
}
