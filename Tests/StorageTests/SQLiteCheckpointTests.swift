import Core
import Foundation
import GRDB
import Platform
import PlatformTesting
import Storage
import Synchronization
import Testing

@testable import SQLiteCatalog

/// Copying the log into the file keeps no commit waiting.
@Suite struct SQLiteCheckpointTests {
    let folder: TemporaryFolder
    let path: String
    private static let logSize = 256 << 10

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("records.db")
    }

    private func open(beforeCopy: @escaping @Sendable () -> Void) throws -> SQLiteFile {
        try SQLiteFile(
            path: path, schema: RecordsSchema.versions, durability: .process, advice: "", logSize: Self.logSize,
            beforeCopy: beforeCopy)
    }

    private func commit(_ number: Int, _ file: SQLiteFile) throws {
        try file.write("add a row") { db in
            try db.execute(
                sql: "INSERT INTO chunks VALUES (?, 1, 0, 0, 0, 0, x'', zeroblob(8000), x'')",
                arguments: [number])
        }
    }

    private func logSize() throws -> Int64 { try Kernel.stat(path + "-wal")?.size ?? 0 }

    /// How often the log has begun anew (sqlite.org/fileformat2.html, section 4.1: the checkpoint sequence number).
    private func logNumber() throws -> Int {
        let log = try #require(FileHandle(forReadingAtPath: path + "-wal"))
        defer { try? log.close() }
        return try log.read(upToCount: 16)?.dropFirst(12).reduce(0) { $0 << 8 | Int($1) } ?? 0
    }

    @Test("While the log is being copied commits go on, and then it begins anew")
    func commitsGoOn() throws {
        let (begun, mayCopy) = (Latch(), Latch())
        let copies = Atomic(0)
        let file = try open {
            copies.add(1, ordering: .relaxed)
            begun.signal()
            mayCopy.wait(atMost: .seconds(20))
        }
        var number = 0
        while !begun.isOpen, number < 1000 {
            number += 1
            try commit(number, file)
        }
        #expect(try logSize() >= Self.logSize)
        #expect(number < 100)
        for _ in 0..<20 {
            number += 1
            try commit(number, file)
        }
        #expect(copies.load(ordering: .relaxed) == 1)
        mayCopy.signal()
        let beginning = try logNumber()
        let deadline = MonotonicTime.now() + .seconds(20)
        while try logNumber() == beginning, MonotonicTime.now() < deadline {
            number += 1
            try commit(number, file)
        }
        #expect(try logNumber() > beginning)
        try file.close()
        #expect(try Kernel.stat(path)?.size ?? 0 > Int64(number) * 8000)
    }

    @Test("When the copying never gets to the end of the log, a commit copies the rest, and it begins anew")
    func commitCopies() throws {
        let copies = Atomic(0)
        let file = try open { copies.add(1, ordering: .relaxed) }
        let other = try SQLiteRecords(path: path)
        try other.file.onWriter("read") { db in
            // A reader of the first state keeps the log from beginning anew and from being copied.
            try db.execute(sql: "BEGIN; SELECT * FROM settings")
            for number in 1...400 { try commit(number, file) }
            #expect(try logSize() > Int64(8 * Self.logSize))
            try db.execute(sql: "COMMIT")
        }
        // The thread does not begin any more: it is up to the commits.
        let before = copies.load(ordering: .relaxed)
        for number in 401...420 { try commit(number, file) }
        #expect(copies.load(ordering: .relaxed) <= before + 1)
        let grown = try logSize()
        for number in 421...800 { try commit(number, file) }
        #expect(try logSize() == grown)
        try other.close()
        try file.close()
    }

    @Test("A removal waits for a reader that holds the log, and changes do not")
    func readerHoldsTheLog() throws {
        let records = try SQLiteRecords(path: path)
        let other = try SQLiteRecords(path: path)
        func row(_ text: String) throws -> SessionRow {
            SessionRow(
                id: try #require(SessionID(text)), policy: .strict, created: .now(), timeout: 9,
                tokenHash: SHA256Digest(words: (0, 0, 0, 0)), redactionKey: [])
        }
        let (gone, busy) = (try row("gone"), try row("busy"))
        try records.apply([.open(gone), .open(busy)])
        let (removed, isHeld, release) = (Latch(), Latch(), Latch())
        startThread(name: "reader") {
            try? other.file.onWriter("read") { db in
                try db.execute(sql: "BEGIN; SELECT * FROM settings")
                isHeld.signal()
                release.wait(atMost: .seconds(20))
                try db.execute(sql: "COMMIT")
            }
        }
        isHeld.wait(atMost: .seconds(20))
        startThread(name: "removal") {
            let error = storeFailure { () throws(StoreError) in try records.remove(gone.id) }
            #expect(error == nil)
            removed.signal()
        }
        let began = MonotonicTime.now()
        var (number, longest) = (Int64(0), Duration.zero)
        // Long enough for the removal to have come to the log.
        while MonotonicTime.now() - began < .milliseconds(400) {
            number += 1
            let row = ExchangeRow(session: busy.id, number: number, category: .refusal, download: [])
            let start = MonotonicTime.now()
            try records.apply([.exchange(row)])
            longest = max(longest, MonotonicTime.now() - start)
        }
        #expect(longest < .seconds(10), "changes waited as long as the reader")
        #expect(!removed.isOpen)
        release.signal()
        #expect(removed.wait(atMost: .seconds(20)))
        #expect(try !folder.contains("gone"))
    }
}
