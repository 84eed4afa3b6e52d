import Core
import Foundation
import MemoryStorage
import Platform
import RecordJournal
import SQLiteCatalog
import Storage
import StorageConformance
import Synchronization
import Testing

/// Records behind a journal, of which nothing is taken in unless somebody asks.
final class JournaledRecordsHarness: RecordsHarness, @unchecked Sendable {
    let folder: DatabaseFolder
    let database: SQLiteRecords
    let journaled: JournaledRecords
    private let isFull = FullMedium()
    private let takesInAtOnce: Bool
    // Set by one test on one thread.
    private var crashed: [(DatabaseFolder, JournaledRecords)] = []

    init(linger: Duration = .seconds(3_600)) throws {
        folder = try DatabaseFolder()
        database = try SQLiteRecords(path: folder.file("records.db"))
        takesInAtOnce = linger == .zero
        journaled = try Self.open(folder, database, isFull, linger)
    }

    deinit {
        try? journaled.close()
        for (_, records) in crashed { try? records.close() }
    }

    static func open(
        _ folder: DatabaseFolder, _ database: any Records, _ isFull: FullMedium, _ linger: Duration = .seconds(3_600),
        boot: String = "boot-1", lost: @escaping @Sendable (StoreError) -> Void = { _ in }
    ) throws(StoreError) -> JournaledRecords {
        var settings = JournaledRecords.Settings()
        settings.linger = linger
        settings.longestWait = .seconds(3_600)
        settings.write = { (file, bytes, offset) throws(SystemError) in
            // A full medium takes the beginning.
            let count = isFull.value ? bytes.count / 2 : bytes.count
            try bytes.span.withUnsafeBytes { (bytes) throws(SystemError) in
                try Kernel.pwriteAll(file.raw, UnsafeRawBufferPointer(rebasing: bytes[..<count]), offset: offset)
            }
            if isFull.value { throw SystemError(call: "pwrite", code: ENOSPC) }
        }
        return try JournaledRecords(
            database, path: folder.file("records.journal"), bootID: boot, settings: settings, lost: lost)
    }

    var records: any Records { journaled }

    func crash() throws -> (any Records)? {
        // Files are copied one after the other: nothing may move from one to the other meanwhile.
        if takesInAtOnce { try journaled.checkWritable() }
        let copy = try folder.copy()
        let records = try Self.open(copy, try SQLiteRecords(path: copy.file("records.db")), FullMedium())
        crashed.append((copy, records))
        return records
    }

    func setFull(_ full: Bool) throws {
        isFull.set(full)
        try database.limitGrowth(pages: full ? 3 : nil)
    }
}

final class FullMedium: Sendable {
    private let isFull = Atomic(false)
    var value: Bool { isFull.load(ordering: .relaxed) }
    func set(_ value: Bool) { isFull.store(value, ordering: .relaxed) }
}

@Suite struct RecordJournalTests {
    private let folder: DatabaseFolder
    private let one: SessionID

    init() throws {
        folder = try DatabaseFolder()
        one = try #require(SessionID("one"))
    }

    private func session(_ id: SessionID) -> SessionRow {
        SessionRow(
            id: id, policy: .permissive, created: WallTime(nanoseconds: 1), timeout: 60,
            tokenHash: SHA256Digest(words: (1, 2, 3, 4)), redactionKey: [1])
    }

    private func row(_ number: Int64, of id: SessionID? = nil, url: String = "https://a.example/") -> ExchangeRow {
        ExchangeRow(
            session: id ?? one, number: number, category: .artifact, digest: SHA256Digest(words: (9, 8, 7, 6)),
            size: 12,
            delivered: 11, isTruncated: true, result: .rejected, download: Array("{\"url\":\"\(url)\"}".utf8),
            judgement: Array("{}".utf8))
    }

    private func journalBytes() throws -> [UInt8] {
        try ["records.journal-0", "records.journal-1"].flatMap { try Data(contentsOf: URL(filePath: folder.file($0))) }
    }

    private func all(_ records: any Records, of id: SessionID? = nil) throws -> [ExchangeRow] {
        try records.exchanges(of: id ?? one, category: nil, after: 0, limit: 10_000)
    }

    @Test func anExchangeSurvivesTheEndOfTheProcessBeforeTheBackendHasIt() throws {
        let backend = MemoryRecords { () throws(StoreError) in }
        let first = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        try first.apply([.open(session(one))])
        try first.apply([.exchange(row(1)), .exchange(row(2))])
        try first.apply([.exchange(row(3))])
        #expect(try all(backend).isEmpty)
        // The first is neither closed nor asked: its files are what the end of the process leaves.
        let second = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        #expect(try all(backend) == [row(1), row(2), row(3)])
        #expect(try journalBytes().isEmpty)
        try second.apply([.exchange(row(4))])
        #expect(try second.lastNumber(of: one) == 4)
        try second.close()
    }

    @Test func whatTheBackendHasAlreadyIsNotTakenInTwice() throws {
        let backend = MemoryRecords { () throws(StoreError) in }
        let first = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        try first.apply([.open(session(one))])
        try first.apply([.exchange(row(1)), .exchange(row(2))])
        // As if the process had ended between the backend's commit and the emptying of the file.
        try backend.apply([.exchange(row(1))])
        let second = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        #expect(try all(second).map(\.number) == [1, 2])
        try second.close()
    }

    @Test func exchangesOfARemovedSessionDoNotComeBackAndLeaveNoTrace() throws {
        let backend = MemoryRecords { () throws(StoreError) in }
        let records = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        let other = try #require(SessionID("other"))
        try records.apply([.open(session(one)), .open(session(other))])
        try records.apply([.exchange(row(1, url: "https://marker.example/")), .exchange(row(1, of: other))])
        let marker = Array("marker.example".utf8)
        #expect(try journalBytes().firstRange(of: marker) != nil)
        try records.remove(one)
        #expect(try journalBytes().firstRange(of: marker) == nil)
        #expect(throws: StoreError.self) { try records.apply([.exchange(row(1))]) }
        try records.close()
        let again = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        #expect(try again.session(one) == nil)
        #expect(try all(again, of: other).count == 1)
        try again.close()
    }

    @Test func exchangesOfASessionThatHasGoneAreToldAtTheStart() throws {
        let first = try JournaledRecordsHarness.open(folder, MemoryRecords { () throws(StoreError) in }, FullMedium())
        try first.apply([.open(session(one))])
        try first.apply([.exchange(row(1))])
        let told = Lock<[StoreError]>([])
        let second = try JournaledRecordsHarness.open(folder, MemoryRecords { () throws(StoreError) in }, FullMedium())
        {
            error in told.withLock { $0.append(error) }
        }
        #expect(told.withLock { $0.map(\.kind) } == [.rejected])
        #expect(try journalBytes().isEmpty)
        try second.close()
    }

    @Test func theBackendTakesInByItselfAfterAWhile() throws {
        let backend = MemoryRecords { () throws(StoreError) in }
        let records = try JournaledRecordsHarness.open(folder, backend, FullMedium(), .milliseconds(1))
        try records.apply([.open(session(one))])
        try records.apply([.exchange(row(1))])
        let deadline = MonotonicTime.now() + .seconds(10)
        while try all(backend).isEmpty {
            try #require(MonotonicTime.now() < deadline, "nothing is taken in")
            usleep(1_000)
        }
        try records.close()
    }

    @Test func aBackendThatCannotBeWrittenEndsTheAcceptingAndLosesNothing() throws {
        let isFull = FullMedium()
        let backend = MemoryRecords { () throws(StoreError) in
            if isFull.value { throw StoreError(.full, "write", "it is full") }
        }
        let records = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        try records.apply([.open(session(one))])
        try records.apply([.exchange(row(1))])
        isFull.set(true)
        #expect(throws: StoreError.self) { try records.checkWritable() }
        #expect(throws: StoreError.self) { try records.apply([.exchange(row(2))]) }
        isFull.set(false)
        try records.apply([.exchange(row(2))])
        #expect(try all(records).map(\.number) == [1, 2])
        try records.close()
    }

    @Test func aJournalThatCannotBeWrittenIsGoneAround() throws {
        let isFull = FullMedium()
        let backend = MemoryRecords { () throws(StoreError) in }
        let records = try JournaledRecordsHarness.open(folder, backend, isFull)
        try records.apply([.open(session(one))])
        try records.apply([.exchange(row(1))])
        isFull.set(true)
        try records.apply([.exchange(row(2))])
        #expect(try all(backend).map(\.number) == [1, 2])
        isFull.set(false)
        try records.apply([.exchange(row(3))])
        let second = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        #expect(try all(second).map(\.number) == [1, 2, 3])
        try second.close()
    }

    @Test func aTornEntryIsPassedOverAndADamagedOneStopsTheStart() throws {
        let backend = MemoryRecords { () throws(StoreError) in }
        let first = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        try first.apply([.open(session(one))])
        try first.apply([.exchange(row(1)), .exchange(row(2))])
        let path = folder.file("records.journal-0")
        let whole = try Data(contentsOf: URL(filePath: path))
        var damaged = whole
        damaged[100] ^= 1
        try damaged.write(to: URL(filePath: path))
        let error = storeFailure { () throws(StoreError) in
            try JournaledRecordsHarness.open(folder, backend, FullMedium())
        }
        #expect(error?.kind == .corrupt && error?.reason.contains("mv '\(path)'") == true)
        #expect(try Data(contentsOf: URL(filePath: path)) == damaged)
        // The end of the machine may leave anything: what can be read is taken.
        let later = try JournaledRecordsHarness.open(folder, backend, FullMedium(), boot: "boot-2")
        #expect(try all(later).isEmpty)
        try later.close()
        try whole.dropLast(3).write(to: URL(filePath: path))
        let second = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        #expect(try all(second).map(\.number) == [1])
        try second.close()
    }

    @Test func aGapIsSaidToBeOne() throws {
        let backend = MemoryRecords { () throws(StoreError) in }
        let first = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        try first.apply([.open(session(one))])
        try first.apply([.exchange(row(1)), .exchange(row(2))])
        let path = folder.file("records.journal-0")
        var bytes = try Data(contentsOf: URL(filePath: path))
        let length = 8 + Int(bytes[64]) + Int(bytes[65]) << 8
        bytes.removeSubrange(64..<(64 + length))
        try bytes.write(to: URL(filePath: path))
        let second = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        #expect(try all(second).isEmpty)
        #expect(try second.session(one)?.incompleteReason.contains("lost with the journal") == true)
        try second.close()
    }

    @Test func aNumberThatIsNotTheNextOneIsRefused() throws {
        let records = try JournaledRecordsHarness.open(folder, MemoryRecords { () throws(StoreError) in }, FullMedium())
        try records.apply([.open(session(one))])
        try records.apply([.exchange(row(1))])
        #expect(throws: StoreError.self) { try records.apply([.exchange(row(1))]) }
        #expect(throws: StoreError.self) { try records.apply([.exchange(row(3))]) }
        #expect(throws: StoreError.self) { try records.apply([.exchange(row(2)), .exchange(row(2))]) }
        #expect(try all(records).map(\.number) == [1])
        try records.close()
    }
}
