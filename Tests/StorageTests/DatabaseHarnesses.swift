import Core
import Foundation
import SQLiteCatalog
import Storage
import StorageConformance
import Platform
import PlatformTesting
import Testing

extension TemporaryFolder {
    /// Whether a text is anywhere in the folder's files, as text or as UTF-16.
    func contains(_ text: String) throws -> Bool {
        for name in try names() {
            let data = try Data(contentsOf: URL(fileURLWithPath: file(name)))
            if data.range(of: Data(text.utf8)) != nil { return true }
        }
        return false
    }

    /// Copies the files as they are on the disk now, without the shared memory: what the sudden end of the process leaves.
    func copy() throws -> TemporaryFolder {
        let copy = try TemporaryFolder()
        for name in try names() where !name.hasSuffix("-shm") {
            try FileManager.default.copyItem(atPath: file(name), toPath: copy.file(name))
        }
        return copy
    }
}

/// `records.db` in a folder of its own.
final class SQLiteRecordsHarness: RecordsHarness, @unchecked Sendable {
    let folder: TemporaryFolder
    let database: SQLiteRecords
    // Set by one test on one thread.
    private var copies: [TemporaryFolder] = []

    init(_ durability: Durability = .process) throws {
        folder = try TemporaryFolder()
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
    let folder: TemporaryFolder
    let database: SQLiteCatalog
    // Set by one test on one thread.
    private var copies: [TemporaryFolder] = []

    init() throws {
        folder = try TemporaryFolder()
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
