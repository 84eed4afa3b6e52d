import Core
import Foundation
import MemoryStorage
import Platform
import PlatformTesting
import RecordJournal
import SQLiteCatalog
import Storage
import StorageConformance
import Synchronization
import Testing

/// Records behind a journal, of which nothing is taken in unless somebody asks.
final class JournaledRecordsHarness: RecordsHarness, @unchecked Sendable {
    let folder: TemporaryFolder
    let database: SQLiteRecords
    let journaled: JournaledRecords
    private let isFull = FullMedium()
    private let takesInAtOnce: Bool
    // Set by one test on one thread.
    private var crashed: [(TemporaryFolder, JournaledRecords)] = []

    init(linger: Duration = .seconds(3_600)) throws {
        folder = try TemporaryFolder()
        database = try SQLiteRecords(path: folder.file("records.db"))
        takesInAtOnce = linger == .zero
        journaled = try Self.open(folder, database, isFull, linger)
    }

    deinit {
        try? journaled.close()
        for (_, records) in crashed { try? records.close() }
    }

    static func open(
        _ folder: TemporaryFolder, _ database: any Records, _ isFull: FullMedium, _ linger: Duration = .seconds(3_600),
        boot: String = "boot-1", roomLasts: Duration = .seconds(3_600),
        lost: @escaping @Sendable (StoreError) -> Void = { _ in }
    ) throws(StoreError) -> JournaledRecords {
        var settings = JournaledRecords.Settings()
        settings.linger = linger
        settings.longestWait = .seconds(3_600)
        settings.roomLasts = roomLasts
        settings.extend = { (file, range) throws(SystemError) in
            // A full medium takes the beginning.
            let count = isFull.value ? range.count / 2 : range.count
            try Kernel.writeZeros(file.raw, offset: Int64(range.lowerBound), count: count)
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
    private let folder: TemporaryFolder
    private let one: SessionID

    init() throws {
        folder = try TemporaryFolder()
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
        #expect(try journalBytes().allSatisfy { $0 == 0 })
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
        #expect(try journalBytes().allSatisfy { $0 == 0 })
        try second.close()
        #expect(try journalBytes().isEmpty)
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
        isFull.set(true)
        // There is no room yet, and none is to be had.
        try records.apply([.exchange(row(1))])
        #expect(!records.recordAtOnce([row(2)]))
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
        // It is written into while it is mapped: replacing it would leave the first with another file.
        func overwrite(_ bytes: Data) throws {
            let file = try FileHandle(forUpdating: URL(filePath: path))
            try file.write(contentsOf: bytes)
            try file.close()
        }
        func refused() throws -> StoreError? {
            storeFailure { () throws(StoreError) in try JournaledRecordsHarness.open(folder, backend, FullMedium()) }
        }
        var damaged = whole
        damaged[100] ^= 1
        try overwrite(damaged)
        let error = try refused()
        #expect(error?.kind == .corrupt && error?.reason.contains("mv '\(path)'") == true)
        #expect(try Data(contentsOf: URL(filePath: path)) == damaged)
        // Nor is anything behind the last entry, or the lack of one in the middle, what the end of a process leaves.
        var followed = whole
        followed[followed.count - 1] = 1
        try overwrite(followed)
        #expect(try refused()?.kind == .corrupt)
        var cutOut = whole
        let length = 8 + Int(whole[64]) + Int(whole[65]) << 8
        cutOut.replaceSubrange(64..<72, with: [UInt8](repeating: 0, count: 8))
        try overwrite(cutOut)
        #expect(try refused()?.kind == .corrupt)
        // The end of the machine may leave anything: what can be read is taken.
        try overwrite(damaged)
        let later = try JournaledRecordsHarness.open(folder, backend, FullMedium(), boot: "boot-2")
        #expect(try all(later).isEmpty)
        try later.close()
        // The end of the process leaves an entry without a checksum: at once, half written, or nearly done.
        let second = 64 + length
        for written in [8, 80, length] {
            var torn = whole
            let rest = (second + written)..<torn.count
            torn.replaceSubrange(rest, with: [UInt8](repeating: 0, count: rest.count))
            torn.replaceSubrange((second + 4)..<(second + 8), with: [0, 0, 0, 0])
            try torn.write(to: URL(filePath: path))
            let backend = MemoryRecords { () throws(StoreError) in }
            try backend.apply([.open(session(one))])
            let records = try JournaledRecordsHarness.open(folder, backend, FullMedium())
            #expect(try all(records).map(\.number) == [1], "\(written) bytes of the second were written")
            try records.close()
        }
        // What wrote a file that ends with its last entry may leave one that is cut off.
        try whole.prefix(second + length - 3).write(to: URL(filePath: path))
        let fromBefore = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        #expect(try all(fromBefore).map(\.number) == [1])
        try fromBefore.close()
    }

    @Test func anExchangeIsRecordedAtOnceWhenThereIsRoomAndNobodyWaits() throws {
        let isFull = FullMedium()
        let backend = MemoryRecords { () throws(StoreError) in
            if isFull.value { throw StoreError(.full, "write", "it is full") }
        }
        let records = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        try records.apply([.open(session(one))])
        #expect(!records.recordAtOnce([row(1)]), "nobody knows yet where the numbers stand")
        try records.apply([.exchange(row(1))])
        #expect(records.recordAtOnce([row(2), row(3)]))
        #expect(!records.recordAtOnce([row(5)]) && !records.recordAtOnce([row(4), row(4)]))
        #expect(records.recordAtOnce([row(4)]))
        #expect(try all(backend).isEmpty)
        // What the end of the process would leave now.
        let copy = try JournaledRecordsHarness.open(try folder.copy(), try copied(backend), FullMedium())
        #expect(try all(copy) == (1...4).map { row($0) })
        try copy.close()
        isFull.set(true)
        #expect(throws: StoreError.self) { try records.checkWritable() }
        #expect(!records.recordAtOnce([row(5)]), "the backend cannot be written")
        isFull.set(false)
        try records.checkWritable()
        #expect(try all(records) == (1...4).map { row($0) })
        try records.close()
        #expect(!records.recordAtOnce([row(5)]), "it is closed")
    }

    /// Another backend with the session, as it stands in a copy of the backend's file.
    private func copied(_ backend: MemoryRecords) throws -> MemoryRecords {
        let copy = MemoryRecords { () throws(StoreError) in }
        try copy.apply([.open(session(one))])
        return copy
    }

    /// KiB of the journal's files that this process has in memory.
    private func resident() throws -> Int {
        let lines = String(decoding: try Kernel.contents(of: "/proc/self/smaps", limit: .max), as: UTF8.self)
            .split(separator: "\n")
        var (total, isOurs) = (0, false)
        for line in lines {
            // A mapping begins with its addresses and its file.
            let words = line.split(separator: " ")
            if words[0].contains("-") { isOurs = line.contains(folder.file("records.journal-")) }
            if isOurs, words[0] == "Rss:" { total += Int(words[1]) ?? 0 }
        }
        return total
    }

    @Test func memoryIsGivenBackWhenNobodyHasAnExchangeForAWhile() throws {
        let backend = MemoryRecords { () throws(StoreError) in }
        let records = try JournaledRecordsHarness.open(
            folder, backend, FullMedium(), .milliseconds(1), roomLasts: .milliseconds(500))
        try records.apply([.open(session(one))])
        try records.apply([.exchange(row(1))])
        #expect(try resident() > 0)
        let deadline = MonotonicTime.now() + .seconds(10)
        while try resident() > 0 {
            try #require(MonotonicTime.now() < deadline, "the memory is not given back")
            usleep(10_000)
        }
        #expect(!records.recordAtOnce([row(2)]))
        try records.apply([.exchange(row(2))])
        #expect(try all(records) == (1...2).map { row($0) })
        try records.close()
    }

    @Test func moreThanThereIsRoomForWaitsForTheDisk() throws {
        let backend = MemoryRecords { () throws(StoreError) in }
        let records = try JournaledRecordsHarness.open(folder, backend, FullMedium())
        try records.apply([.open(session(one))])
        try records.apply([.exchange(row(1))])
        let long = String(repeating: "x", count: 100_000)
        var number: Int64 = 1
        while records.recordAtOnce([row(number + 1, url: long)]) {
            number += 1
            try #require(number < 100, "there is no end to the room")
        }
        try records.apply([.exchange(row(number + 1, url: long))])
        #expect(records.recordAtOnce([row(number + 2)]))
        #expect(try all(records).map(\.number) == Array(1...(number + 2)))
        try records.close()
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
        bytes += [UInt8](repeating: 0, count: length)
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
