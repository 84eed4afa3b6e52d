import Core
import Cryptography
import Foundation
import GRDB
import MemoryStorage
import Platform
import PlatformTesting
import RecordJournal
import Storage
import Testing

@testable import DiskStore
@testable import SQLiteCatalog

/// Old data must still open: one file of each format, as a release wrote it, is in `Fixtures`.
@Suite struct FormatTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures"

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    // MARK: What is in the files

    private static func digest(_ number: UInt64) -> SHA256Digest {
        SHA256Digest(words: (number << 60 | 7, 1, 2, number))
    }

    private static func session(_ text: String, version: Int = 3) throws -> SessionRow {
        var row = SessionRow(
            id: try #require(SessionID(text)), policy: .strict, created: WallTime(seconds: 1_900_000_000),
            timeout: 3600,
            tokenHash: digest(1), redactionKey: [1, 2, 255], configuration: Array(#"{"ids":["deb"]}"#.utf8),
            bootID: "boot", incompleteReason: "a reason")
        row.revoked = WallTime(seconds: 1_900_000_100)
        guard version > 2 else { return row }
        row.secrets = [
            SecretRow(type: .basicAuth, url: "https://a.example:443/**"),
            SecretRow(type: .keystoneV3, url: "http://b.example/v3/auth/tokens", allowsHTTP: true),
        ]
        row.name = "nightly"
        row.labels = Array(#"{"arch":"amd64"}"#.utf8)
        return row
    }

    private static func exchange(_ number: Int64, _ category: ExchangeRow.Category, of id: SessionID) -> ExchangeRow {
        ExchangeRow(
            session: id, number: number, category: category, digest: category == .refusal ? nil : digest(3), size: 44,
            delivered: 40, isTruncated: number == 3, result: category == .artifact ? .approved : nil,
            download: Array(#"{"url":"https://a.example/\#(number)"}"#.utf8),
            judgement: category == .artifact ? Array(#"{"metadata":{}}"#.utf8) : [])
    }

    private static let categories: [ExchangeRow.Category] = [.artifact, .refusal, .failure, .artifact, .response]

    private static func blob(_ number: UInt64, _ scope: BlobScope = .shared) -> StoredBlob {
        StoredBlob(
            digest: digest(number), logicalSize: 50, scope: scope,
            placement: BlobPlacement(text: "seg/1/\(number)/106", sizeOnDisk: 106))
    }

    private static func response(_ partition: Partition, _ number: UInt64) -> StoredResponse {
        var response = StoredResponse(
            partition: partition, key: "https://a.example/\(number)", varyNames: ["accept"], variant: "text",
            status: 203, head: Array("HTTP/1.1 203 Fine\r\n\r\n".utf8), digest: digest(number), size: 50,
            requestTime: 1_900_000_001, responseTime: 1_900_000_002, decoded: true)
        response.assumedLifetime = 5
        response.fillNanoseconds = 6
        return response
    }

    private static let text = Array(String(repeating: "Package: sample, of which there are many\n", count: 8000).utf8)
    private static let small = [
        "a record as it is", "one that was removed", String(repeating: "compressed ", count: 99),
    ]
    .map { Array($0.utf8) }
    /// Where the records of `segment-1.seg` are.
    private static let places = ["seg/1/0/73", "seg/1/73/76", "seg/1/149/93"]

    // MARK: Opening

    /// Makes a database of what a fixture says.
    private func database(_ name: String) throws -> String {
        let path = folder.file("\(name).db")
        var configuration = Configuration()
        // As `.dump` says at its beginning.
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        let sql = try String(contentsOfFile: "\(Self.fixtures)/\(name).sql", encoding: .utf8)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
        return path
    }

    private func schema(_ path: String) throws -> Set<String> {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.read { db in
            let all = try String.fetchAll(db, sql: "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
            return Set(all.map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") })
        }
    }

    private func columns(_ path: String) throws -> [String: [String]] {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.read { db in
            var result: [String: [String]] = [:]
            for table in try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table'") {
                result[table] = try Row.fetchAll(db, sql: "PRAGMA table_info(\(table))").map { row in
                    "\(row["name"] as String) \(row["type"] as String)"
                }
            }
            return result
        }
    }

    @Test("A record of each version opens with everything that is in it, and goes on", arguments: [1, 2, 3, 4])
    func records(_ version: Int) throws {
        let records = try SQLiteRecords(path: try database("records-\(version)"))
        let row = try Self.session("first", version: version)
        #expect(try records.sessions() == [row, Self.session("second", version: version)])
        let rows = Self.categories.enumerated().map { Self.exchange(Int64($0.offset) + 1, $0.element, of: row.id) }
        #expect(try records.exchanges(of: row.id, category: nil, after: 0, limit: 99) == rows)
        #expect(try records.artifacts(of: row.id, after: 0, limit: 9).map(\.firstNumber) == [1])
        #expect(try records.exchanges(of: row.id, digest: Self.digest(3), after: 0, limit: 9).map(\.number) == [1, 4])
        #expect(try records.wasUsed(try #require(SessionID("removed"))))
        #expect(try records.wasUsed(try #require(SessionID("elsewhere"))) == (version > 3))
        try records.apply([.exchange(Self.exchange(6, .artifact, of: row.id))])
    }

    @Test("A record of each version can be restored", arguments: [1, 2, 3, 4])
    func backups(_ version: Int) throws {
        let (records, time) = try SQLiteRecords.openBackup(try database("records-\(version)"))
        #expect(time == nil)
        let rows = try ["first", "second"].map { try Self.session($0, version: version) }
        #expect(try records.sessions() == rows)
        #expect(try records.totals(of: rows[0].id).exchanges == 5)
        let key = try #require(try records.usedIDKeys().first)
        #expect(try records.usedIDs(key, after: nil, limit: 9).contains(key.hash(#require(SessionID("removed")))))
    }

    @Test("A cache of each version opens with everything that is in it, and goes on", arguments: [1, 2, 3, 4])
    func cache(_ version: Int) throws {
        let catalog = try SQLiteCatalog(path: try database("cache-\(version)"))
        #expect(catalog.notice == nil)
        let id = try #require(SessionID("first"))
        let own = Partition.session(id, credentials: Self.digest(9))
        for (partition, number) in [(Partition.shared, 3), (own, 4)] as [(Partition, UInt64)] {
            #expect(try catalog.blob(Self.digest(number), scope: partition.scope) == Self.blob(number, partition.scope))
            var found = try #require(try catalog.responses(in: partition, key: "https://a.example/\(number)").first)
            found.id = 0
            #expect(found == Self.response(partition, number))
        }
        #expect(try catalog.facts(Self.digest(3), version: 2) == Array("{}".utf8))
        #expect(try catalog.totals() == CatalogTotals(blobs: 3, bytesOnDisk: 318, logicalBytes: 150, responses: 2))
        #expect(try catalog.evictionCandidates(limit: 9, includingPinned: false) == [Self.blob(5)])
        let mark = try catalog.scrubMark()
        #expect(
            mark == (version == 1 ? ScrubMark() : ScrubMark(position: Self.digest(3), passEnded: WallTime(seconds: 8))))
        #expect(try catalog.sha1(Self.digest(3)) == (version < 3 ? nil : [UInt8](repeating: 6, count: 20)))
        try catalog.apply([.sha1(Self.digest(5), [UInt8](repeating: 7, count: 20))])
        #expect(try catalog.sha1(Self.digest(5)) == [UInt8](repeating: 7, count: 20))
        try catalog.apply([.removeSession(id)])
        while try !catalog.removeSlice() {}
        #expect(try catalog.totals() == CatalogTotals(blobs: 2, bytesOnDisk: 212, logicalBytes: 100, responses: 1))
        try catalog.apply([.forgetBlob(Self.digest(3), .shared)])
        #expect(try catalog.responses(in: .shared, key: "https://a.example/3") == [])
        // The other session's pin outlives the blob, wherever it stands.
        try catalog.apply([.blob(Self.blob(3), at: WallTime(seconds: 1))])
        #expect(try catalog.evictionCandidates(limit: 9, includingPinned: false) == [Self.blob(5)])
        try catalog.apply([.removeSession(try #require(SessionID("second")))])
        while try !catalog.removeSlice() {}
        #expect(try catalog.evictionCandidates(limit: 9, includingPinned: false).count == 2)
        try catalog.close()
    }

    @Test("The newest schemas are those in the fixtures: a change of one is a new version with a file of its own")
    func newestSchemas() throws {
        try SQLiteRecords(path: folder.file("records.db")).close()
        try SQLiteCatalog(path: folder.file("cache.db")).close()
        #expect(RecordsSchema.versions.steps.count == 4)
        #expect(CatalogSchema.versions.steps.count == 4)
        #expect(try schema(folder.file("records.db")) == schema(database("records-4")))
        #expect(try schema(folder.file("cache.db")) == schema(database("cache-4")))
    }

    @Test(
        "A migration only adds: every table keeps its columns, at their places",
        arguments: [("cache-1", ["settings", "blobs"]), ("records-2", ["sessions"])])
    func migrationsAdd(_ name: String, _ changed: [String]) throws {
        let path = try database(name)
        let (before, old) = (try columns(path), try schema(path))
        if name.hasPrefix("cache") {
            try SQLiteCatalog(path: path).close()
        } else {
            try SQLiteRecords(path: path).close()
        }
        let after = try columns(path)
        #expect(before.count > 5)
        for (table, columns) in before { #expect(after[table]?.starts(with: columns) == true, "\(table)") }
        // Only the tables that got columns have other definitions.
        let lost = old.subtracting(try schema(path)).map { String($0.split(separator: " ")[2]) }
        #expect(Set(lost) == Set(changed))
    }

    @Test("A migration that is cut off leaves the version before, whole")
    func migrationIsWhole() throws {
        let path = try database("cache-1")
        let before = try schema(path)
        var broken = CatalogSchema.versions
        broken.steps.append { db in
            try db.execute(sql: "CREATE TABLE more (a INTEGER)")
            throw StoreError(.full, "migrate", "cut off")
        }
        let error = storeFailure { () throws(StoreError) in
            try SQLiteFile(path: path, schema: broken, durability: .process, advice: "")
        }
        #expect(error?.kind == .full)
        #expect(try schema(path) == before)
    }

    @Test("A segment of version 1 gives its live records and not its dead one")
    func segment() throws {
        let root = folder.file("store")
        _ = try DiskStore(root: root)
        try FileManager.default.copyItem(
            atPath: "\(Self.fixtures)/segment-1.seg", toPath: "\(root)/segments/shared/000001.seg")
        let store = try DiskStore(root: root)
        for (index, bytes) in Self.small.enumerated() {
            let blob = StoredBlob(
                digest: SHA256Hasher.digest(bytes), logicalSize: Int64(bytes.count), scope: .shared,
                placement: BlobPlacement(text: Self.places[index], sizeOnDisk: 0))
            #expect(try (store.open(blob) == nil) == (index == 1))
            #expect(try store.verify(blob) == (index != 1))
        }
        // What is new does not go into a file of an earlier run.
        let new = try store.put([1], digest: SHA256Hasher.digest([1]), scope: .shared)
        #expect(new.placement.text.hasPrefix("seg/2/0/"))
    }

    @Test("A compressed blob of version 1 gives its content")
    func compressedBlob() throws {
        let root = folder.file("store")
        let store = try DiskStore(root: root)
        let digest = SHA256Hasher.digest(Self.text)
        let place = store.layout.compressed(digest, .shared)
        for folder in store.layout.blobFolders(digest, .shared) {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(atPath: "\(Self.fixtures)/blob-1.lz4", toPath: place)
        let blob = StoredBlob(
            digest: digest, logicalSize: Int64(Self.text.count), scope: .shared,
            placement: BlobPlacement(text: "lz4", sizeOnDisk: 0))
        #expect(try store.verify(blob))
    }

    @Test("A journal of the first version is taken in")
    func journal() throws {
        try FileManager.default.copyItem(
            atPath: Self.fixtures + "/journal-1", toPath: folder.file("records.journal-0"))
        let backend = MemoryRecords { () throws(StoreError) in }
        let session = try Self.session("first")
        try backend.apply([.open(session)])
        let records = try JournaledRecords(backend, path: folder.file("records.journal"), bootID: "boot")
        let rows = try records.exchanges(of: session.id, category: nil, after: 0, limit: 10)
        #expect(rows == Self.categories.enumerated().map { Self.exchange(Int64($0) + 1, $1, of: session.id) })
        try records.close()
    }

    // MARK: Making

    private static let target = ProcessInfo.processInfo.environment["FETCH_SERVICE_MAKE_FIXTURES"]

    @Test("Files in the present formats are written for `Fixtures`", .enabled(if: target != nil))
    func make() throws {
        let target = try #require(Self.target)
        let records = try SQLiteRecords(path: "\(target)/records.db")
        let (first, second, removed) = (
            try Self.session("first"), try Self.session("second"), try Self.session("removed")
        )
        try records.apply([.open(first), .open(second), .open(removed)])
        for (index, category) in Self.categories.enumerated() {
            try records.apply([.exchange(Self.exchange(Int64(index) + 1, category, of: first.id))])
        }
        try records.remove(removed.id)
        let key = UsedIDKey(first: 4, second: .max)
        try records.apply([.reserve([key.hash(try #require(SessionID("elsewhere")))], key)])
        try records.close()

        // Not closed, since that empties the journal.
        let backend = MemoryRecords { () throws(StoreError) in }
        var settings = JournaledRecords.Settings()
        settings.linger = .seconds(3_600)
        let journaled = try JournaledRecords(
            backend, path: "\(target)/records.journal", bootID: "boot", settings: settings)
        try journaled.apply([.open(first)])
        try journaled.apply(
            Self.categories.enumerated().map { .exchange(Self.exchange(Int64($0) + 1, $1, of: first.id)) })

        let catalog = try SQLiteCatalog(path: "\(target)/cache.db")
        let own = Partition.session(first.id, credentials: Self.digest(9))
        try catalog.apply([
            .blob(Self.blob(3), at: WallTime(seconds: 1)), .response(Self.response(.shared, 3)),
            .blob(Self.blob(4, own.scope), at: WallTime(seconds: 1)), .response(Self.response(own, 4)),
            .blob(Self.blob(5), at: WallTime(seconds: 1)), .facts(Self.digest(3), version: 2, json: Array("{}".utf8)),
            .pin(Self.digest(3), second.id), .pin(Self.digest(6), second.id),
            .scrubbed(ScrubMark(position: Self.digest(3), passEnded: WallTime(seconds: 8))),
        ])
        try catalog.apply([.sha1(Self.digest(3), [UInt8](repeating: 6, count: 20))])
        try catalog.close()

        let store = try DiskStore(root: "\(target)/store")
        for (index, bytes) in Self.small.enumerated() {
            let blob = try store.put(bytes, digest: SHA256Hasher.digest(bytes), scope: .shared)
            print("place \(index): \(blob.placement.text)")
            if index == 1 { try store.remove(blob) }
        }
        let sink = try store.stage(scope: .shared, expectedSize: nil)
        try sink.append(Self.text)
        _ = try sink.commit(digest: SHA256Hasher.digest(Self.text), size: Int64(Self.text.count))
        _ = try store.maintain()
    }
}
