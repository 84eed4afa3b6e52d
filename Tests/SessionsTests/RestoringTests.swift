import Core
import Cryptography
import Foundation
import Logging
import MemoryStorage
import Platform
import RecordJournal
import SQLiteCatalog
import SessionsTesting
import Storage
import Testing

@testable import Sessions

/// Sessions of a backup come back; between records of every kind.
@Suite(.timeLimit(.minutes(2))) struct RestoringTests {
    /// Kinds of records.
    enum Kind: CaseIterable { case memory, database, journaled }

    /// The time of the backup, an hour before the clock begins.
    private static let time = ManualClock.start + .seconds(-3600)
    private static let reason =
        "restored from a backup of \(time.rfc3339); what came after it is not in the record"

    /// A registry over a record that a test chooses.
    private final class Bench: Sendable {
        let folder: String
        let records: any Records
        let recorder: Recorder
        let clock = ManualClock()
        let observer = RecordingObserver()
        let pool = WorkerPool(name: "test", threads: 2, capacity: 64)
        let registry: SessionRegistry
        private let journal: JournaledRecords?

        convenience init(_ kind: Kind) throws {
            let folder = NSTemporaryDirectory() + "restoring-" + UUID().uuidString
            try Kernel.mkdir(folder)
            switch kind {
            case .memory: self.init(folder, MemoryRecords(), nil)
            case .database: self.init(folder, try SQLiteRecords(path: folder + "/records.db"), nil)
            case .journaled:
                let database = try SQLiteRecords(path: folder + "/records.db")
                let journal = try JournaledRecords(database, path: folder + "/journal", bootID: "boot-1")
                self.init(folder, journal, journal)
            }
        }

        init(_ folder: String, _ records: any Records, _ journal: JournaledRecords?) {
            self.folder = folder
            self.records = records
            self.journal = journal
            recorder = Recorder(records: records)
            registry = SessionRegistry(
                settings: SessionSettings(), records: records, recorder: recorder, spool: SpoolFolder(path: folder),
                pool: pool, observer: observer, metadata: FakeMetadata(), forget: { _ in }, clock: clock.clock,
                bootID: "boot-1", log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }

        func restore(_ source: any Records, validateOnly: Bool = false) async throws -> SessionsRestored {
            try await registry.restore(
                from: source, time: RestoringTests.time, validateOnly: validateOnly
            ) { () throws(StoreError) in }
        }

        deinit {
            recorder.stop()
            try? journal?.close()
            pool.stop()
            try? FileManager.default.removeItem(atPath: folder)
        }
    }

    private static func id(_ text: String) throws -> SessionID { try #require(SessionID(text)) }

    private static func session(_ text: String, timeout: Int64 = 90_000) throws -> SessionRow {
        SessionRow(
            id: try id(text), policy: .strict, created: time + .seconds(-60), timeout: timeout,
            tokenHash: SHA256Hasher.digest(Array("token-\(text)".utf8)), redactionKey: [UInt8](repeating: 3, count: 32),
            configuration: Array("{}".utf8),
            secrets: [SecretRow(type: .basicAuth, url: "https://a.example/**")], bootID: "boot-0", name: "of \(text)",
            labels: Array(#"{"a":"b"}"#.utf8))
    }

    private static func exchanges(_ id: SessionID, _ count: Int64) -> [ExchangeRow] {
        (1...count).map { number in
            ExchangeRow(
                session: id, number: number, category: [.artifact, .refusal, .failure, .response][Int(number % 4)],
                digest: number % 4 == 0 ? SHA256Hasher.digest([UInt8(number % 256)]) : nil, size: number,
                delivered: number / 2, isTruncated: number % 4 == 2, result: number % 8 == 0 ? .approved : nil,
                download: Array("{\"number\":\(number)}".utf8),
                judgement: number % 4 == 0 ? Array("{\"of\":\(number)}".utf8) : [])
        }
    }

    private static func fill(_ records: any Records, _ row: SessionRow, _ count: Int64) throws {
        try records.apply([.open(row)] + exchanges(row.id, count).map { .exchange($0) })
    }

    private func all(_ records: any Records, _ id: SessionID) throws -> [ExchangeRow] {
        try records.exchanges(of: id, category: nil, after: 0, limit: .max)
    }

    @Test(arguments: Kind.allCases, Kind.allCases)
    func sessionsComeBackClosedWithAllThatTheyHad(from: Kind, to: Kind) async throws {
        let (source, bench) = (try Bench(from).records, try Bench(to))
        let (open, over, closing) = (
            try Self.session("open"), try Self.session("over"), try Self.session("closing")
        )
        for (row, count) in [(open, 1_000), (over, 3), (closing, 1)] as [(SessionRow, Int64)] {
            try Self.fill(source, row, count)
        }
        let (before, after) = (Self.time + .seconds(-1), Self.time + .seconds(1))
        try source.apply([.revoke(over.id, at: before), .revoke(closing.id, at: after)])
        try source.apply([.open(try Self.session("ended"))])
        try source.remove(try Self.id("ended"))
        let outcome = try await bench.restore(source)
        #expect(outcome.restored == [open.id, over.id, closing.id])
        #expect(outcome.exchanges == 1_004)
        #expect(outcome.known.isEmpty && outcome.expired.isEmpty && outcome.failed.isEmpty)

        var expected = [open, over, closing]
        expected[0].revoked = Self.time
        expected[1].revoked = before
        expected[2].revoked = after
        for place in [0, 2] { expected[place].incompleteReason = Self.reason }
        #expect(try bench.records.sessions() == expected)
        for row in expected {
            #expect(try all(bench.records, row.id) == all(source, row.id))
            #expect(try bench.records.totals(of: row.id) == source.totals(of: row.id))
            let session = try #require(await bench.registry.session(row.id))
            #expect(!session.isOpen && session.secrets?.areLost == true)
            #expect(await bench.registry.row(of: row.id) == row)
        }
        #expect(bench.observer.all == expected.map { .opened($0.id) })
        // Nobody gets an id that was ever used there.
        let ended = try Self.id("ended")
        #expect(
            await fails({ if case .usedID(ended) = $0 { true } else { false } }) { () async throws(SessionError) in
                _ = try await bench.registry.open(SessionRequest(policy: .strict, id: ended))
            })
        // They are as those of a restart: they can be ended, and then do not come back.
        try await bench.registry.finish(over.id)
        let again = try await bench.restore(source)
        #expect(again.restored.isEmpty && again.known == [open.id, over.id, closing.id])
        #expect(try bench.records.sessions().map(\.id) == [open.id, closing.id])
    }

    @Test(arguments: Kind.allCases)
    func whatIsHereAlreadyIsLeftAsItIs(_ kind: Kind) async throws {
        let (source, bench) = (MemoryRecords(), try Bench(kind))
        for name in ["alive", "gone", "fresh"] { try Self.fill(source, try Self.session(name), 5) }
        let alive = try await bench.registry.open(SessionRequest(policy: .strict, id: Self.id("alive"), token: "t"))
        _ = try await bench.registry.open(SessionRequest(policy: .strict, id: Self.id("gone")))
        try await bench.registry.finish(Self.id("gone"))
        let outcome = try await bench.restore(source)
        #expect(outcome.restored.map(\.text) == ["fresh"] && outcome.known.map(\.text) == ["alive", "gone"])
        #expect(alive.session.isOpen)
        #expect(try bench.records.session(alive.session.id) == alive.session.row)
        #expect(try all(bench.records, alive.session.id).isEmpty)
        #expect(await bench.registry.session(try Self.id("gone")) == nil)
    }

    @Test func anExpiredSessionIsLeftOutAndTheOthersExpireInTheirTime() async throws {
        let (source, bench) = (MemoryRecords(), try Bench(.database))
        try Self.fill(source, try Self.session("late", timeout: 3600 + 59), 5)
        try Self.fill(source, try Self.session("soon", timeout: 3600 + 61), 5)
        let outcome = try await bench.restore(source)
        #expect(outcome.restored.map(\.text) == ["soon"] && outcome.expired.map(\.text) == ["late"])
        #expect(try bench.records.wasUsed(Self.id("late")))
        while bench.clock.sleeping == 0 { await Task.yield() }
        bench.clock.advance(by: .seconds(2))
        await bench.observer.wait(for: .removed(try Self.id("soon")))
        #expect(try bench.records.sessions().isEmpty && bench.records.wasUsed(Self.id("soon")))
    }

    @Test func sayingWhatWouldBeDoneChangesNothing() async throws {
        let (source, bench) = (MemoryRecords(), try Bench(.database))
        try Self.fill(source, try Self.session("a"), 500)
        try Self.fill(source, try Self.session("old", timeout: 1), 5)
        try Self.fill(source, try Self.session("wrong", timeout: -1), 5)
        let wished = try await bench.restore(source, validateOnly: true)
        #expect(try bench.records.sessions().isEmpty && !bench.records.wasUsed(Self.id("a")))
        #expect(try bench.records.usedIDKeys().count == 1)
        #expect(await bench.registry.liveCount == 0)
        #expect(wished.restored.map(\.text) == ["a"] && wished.expired.map(\.text).contains("old"))
        #expect(try await bench.restore(source) == wished)
    }

    @Test func aSessionThatIsDamagedIsLeftOutAndItsIdIsFree() async throws {
        let (source, bench) = (MemoryRecords(), try Bench(.journaled))
        var rows = try ["good", "labels", "configuration", "timeout", "download", "judgement", "last"].map {
            try Self.session($0)
        }
        rows[1].labels = Array("[1]".utf8)
        rows[2].configuration = Array("{".utf8)
        rows[3].timeout = .max
        for row in rows { try Self.fill(source, row, 300) }
        let spoilt = [rows[4].id: "x", rows[5].id: "{\"a\":}"]
        for (id, text) in spoilt {
            var row = Self.exchanges(id, 301)[300]
            if id == rows[4].id { row.download = Array(text.utf8) } else { row.judgement = Array(text.utf8) }
            try source.apply([.exchange(row)])
        }
        let outcome = try await bench.restore(source)
        #expect(outcome.restored == [rows[0].id, rows[6].id])
        #expect(Set(outcome.failed.keys) == Set(rows[1...5].map(\.id)))
        #expect(outcome.failed[rows[4].id]?.contains("exchange 301") == true)
        #expect(try bench.records.sessions().map(\.id) == [rows[0].id, rows[6].id])
        for row in rows[1...5] { #expect(try !bench.records.wasUsed(row.id)) }
        _ = try await bench.registry.open(SessionRequest(policy: .strict, id: rows[1].id))
    }

    @Test func everySingleFailureLeavesEachSessionWholeOrAbsentAndCanBeMadeGood() async throws {
        let source = MemoryRecords()
        let rows = try ["a", "b"].map { try Self.session($0) }
        for row in rows { try Self.fill(source, row, 300) }
        try source.apply([.open(try Self.session("ended"))])
        try source.remove(try Self.id("ended"))
        for failing in 1... {
            let count = Lock(0)
            let records = MemoryRecords { () throws(StoreError) in
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                if number == failing { throw StoreError(.full, "write", "there is no room") }
            }
            let bench = Bench(NSTemporaryDirectory() + "restoring-" + UUID().uuidString, records, nil)
            try Kernel.mkdir(bench.folder)
            let outcome = try? await bench.restore(source)
            let isOver = count.withLock { count in
                defer { count = .max / 2 }
                return count < failing
            }
            for row in rows {
                let found = try all(records, row.id)
                let isWhole = try found == all(source, row.id) && records.session(row.id) != nil
                let isAbsent = try found.isEmpty && records.session(row.id) == nil && !records.wasUsed(row.id)
                #expect(isWhole || isAbsent, "after failing change \(failing)")
                #expect(await (bench.registry.session(row.id) != nil) == isWhole)
                if let outcome { #expect(outcome.failed[row.id] == nil ? isWhole : isAbsent) }
            }
            _ = try await bench.restore(source)
            #expect(Set(try records.sessions().map(\.id)) == Set(rows.map(\.id)))
            #expect(try records.wasUsed(Self.id("ended")))
            if isOver { break }
            try #require(failing < 100)
        }
    }

    @Test func aSessionThatCannotBeRemovedAgainIsSeenByNobody() async throws {
        let source = MemoryRecords()
        try Self.fill(source, try Self.session("a"), 300)
        let count = Lock(0)
        let records = MemoryRecords { () throws(StoreError) in
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number > 2 { throw StoreError(.full, "write", "there is no room") }
        }
        let bench = Bench(NSTemporaryDirectory() + "restoring-" + UUID().uuidString, records, nil)
        try Kernel.mkdir(bench.folder)
        await #expect(throws: SessionError.self) { try await bench.restore(source) }
        #expect(try records.sessions().isEmpty && !records.wasUsed(Self.id("a")))
        #expect(await bench.registry.liveCount == 0)
    }

    @Test func aServiceThatStopsTakesNothingMore() async throws {
        let (source, bench) = (MemoryRecords(), try Bench(.memory))
        try Self.fill(source, try Self.session("a"), 300)
        await bench.registry.stop()
        await #expect(throws: SessionError.self) { try await bench.restore(source) }
        #expect(try bench.records.sessions().isEmpty)
    }

    @Test func commitsWaitLittleWhileALargeBackupIsRestored() async throws {
        let (source, bench) = (MemoryRecords(), try Bench(.journaled))
        try Self.fill(source, try Self.session("large"), 50_000)
        let live = try await bench.registry.open(SessionRequest(policy: .strict)).session.id
        let recorder = bench.recorder
        let commits = Task {
            var longest = Duration.zero
            var count = 0
            while !Task.isCancelled {
                let before = MonotonicTime.now()
                _ = try await recorder.commit([exchange(live)])
                longest = max(longest, MonotonicTime.now() - before)
                count += 1
                await Task.yield()
            }
            return (longest, count)
        }
        let before = MonotonicTime.now()
        let outcome = try await bench.restore(source)
        let took = MonotonicTime.now() - before
        commits.cancel()
        let (longest, count) = try await commits.value
        print("restored \(outcome.exchanges) exchanges in \(took): \(count) commits, the longest \(longest)")
        #expect(outcome.exchanges == 50_000 && count > 10)
        #expect(longest < .seconds(2), "\(longest)")
        #expect(try bench.records.lastNumber(of: live) == Int64(count))
    }

    @Test func theSettledTimeComesWhenWhatIsBeingClosedIsClosed() async throws {
        let bench = try Bench(.memory)
        let opened = try await bench.registry.open(SessionRequest(policy: .strict))
        #expect(await bench.registry.settledTime() == ManualClock.start)
        bench.clock.advance(by: .seconds(5))
        _ = try await bench.registry.revoke(opened.session.id, token: opened.token)
        bench.clock.advance(by: .seconds(5))
        #expect(await bench.registry.settledTime() == ManualClock.start + .seconds(10))
        #expect(bench.observer.all.last == .closed(opened.session.id))
    }

    @Test(arguments: Kind.allCases)
    func rowsThatNoServiceHasWrittenAreNotTakenIn(_ kind: Kind) async throws {
        let changes: [(inout SessionRow) -> Void] = [
            { $0.created = WallTime(nanoseconds: -1) }, { $0.created = WallTime(nanoseconds: .max) },
            { $0.revoked = WallTime(nanoseconds: .min + 1) }, { $0.revoked = WallTime(nanoseconds: .max) },
            { $0.timeout = 1 << 40 }, { $0.timeout = -1 }, { $0.redactionKey = [] },
            { $0.name = String(repeating: "n", count: 1 << 20) },
            { $0.labels = Array("{\"a\":\"\(String(repeating: "l", count: 1 << 20))\"}".utf8) },
            { $0.labels = Array("[]".utf8) },
            { $0.secrets = Array(repeating: $0.secrets[0], count: 65) },
        ]
        let (source, bench) = (try Bench(kind).records, try Bench(kind))
        for (place, change) in changes.enumerated() {
            var row = try Self.session("s\(place)")
            change(&row)
            try source.apply([.open(row)])
        }
        try source.apply([.open(try Self.session("good"))])
        let outcome = try await bench.restore(source)
        #expect(outcome.restored.map(\.text) == ["good"])
        #expect(outcome.failed.count + outcome.expired.count == changes.count, "\(outcome)")
        #expect(try bench.records.sessions().map(\.id.text) == ["good"])
    }
}
