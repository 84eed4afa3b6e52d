import Core
import Foundation
import SQLiteCatalog
import Storage
import StorageConformance
import Platform
import Testing

/// A folder with databases, removed with this object.
final class DatabaseFolder: Sendable {
    let path: String

    init() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("databases-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        path = folder.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file.
    func write(_ bytes: [UInt8], _ name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    }

    func bytes(_ name: String) throws -> [UInt8] { try Kernel.contents(of: file(name), limit: 1 << 30) }

    func names() throws -> [String] { try Kernel.names(inFolder: path).sorted() }

    /// Whether a text is anywhere in the folder's files, as text or as UTF-16.
    func contains(_ text: String) throws -> Bool {
        for name in try names() {
            let data = try Data(contentsOf: URL(fileURLWithPath: file(name)))
            if data.range(of: Data(text.utf8)) != nil { return true }
        }
        return false
    }

    /// Copies the files as they are on the disk now, without the shared memory: what the sudden end of the process leaves.
    func copy() throws -> DatabaseFolder {
        let copy = try DatabaseFolder()
        for name in try names() where !name.hasSuffix("-shm") {
            try FileManager.default.copyItem(atPath: file(name), toPath: copy.file(name))
        }
        return copy
    }
}

/// `records.db` in a folder of its own.
final class SQLiteRecordsHarness: RecordsHarness, @unchecked Sendable {
    let folder: DatabaseFolder
    let database: SQLiteRecords
    // Set by one test on one thread.
    private var copies: [DatabaseFolder] = []

    init(_ durability: Durability = .process) throws {
        folder = try DatabaseFolder()
        database = try SQLiteRecords(path: folder.file("records.db"), durability: durability)
    }

    var records: any Records { database }

    func crash() throws -> (any Records)? {
        let copy = try folder.copy()
        copies.append(copy)
        return try SQLiteRecords(path: copy.file("records.db"))
    }

    func setFull(_ isFull: Bool) throws { try database.limitGrowth(pages: isFull ? 3 : nil) }
}

/// `cache.db` in a folder of its own.
final class SQLiteCatalogHarness: CatalogHarness, @unchecked Sendable {
    let folder: DatabaseFolder
    let database: SQLiteCatalog
    // Set by one test on one thread.
    private var copies: [DatabaseFolder] = []

    init() throws {
        folder = try DatabaseFolder()
        database = try SQLiteCatalog(path: folder.file("cache.db"))
        try #require(database.notice == nil)
    }

    var catalog: any Catalog { database }

    func crash() throws -> (any Catalog)? {
        let copy = try folder.copy()
        copies.append(copy)
        let catalog = try SQLiteCatalog(path: copy.file("cache.db"))
        #expect(catalog.notice == nil)
        return catalog
    }

    func setFull(_ isFull: Bool) throws { try database.limitGrowth(pages: isFull ? 3 : nil) }
}

/// Runs what is expected to fail.
func storeFailure<R>(_ body: () throws(StoreError) -> R) -> StoreError? {
    do throws(StoreError) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}
