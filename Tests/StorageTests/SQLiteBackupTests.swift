import Core
import Foundation
import GRDB
import Platform
import PlatformTesting
import Storage
import StorageConformance
import Testing

@testable import SQLiteCatalog

/// Backups of a record, made while it is written.
@Suite(.timeLimit(.minutes(5))) struct SQLiteBackupTests {
    let folder: TemporaryFolder
    let records: SQLiteRecords

    private var backup: String { folder.file("backup.db") }
    private static let time = WallTime(seconds: 2_000_000_000)

    init() throws {
        folder = try TemporaryFolder()
        records = try SQLiteRecords(path: folder.file("records.db"))
    }

    private func session(_ text: String) throws -> SessionRow {
        SessionRow(
            id: try #require(SessionID(text)), policy: .strict, created: WallTime(seconds: 1_900_000_000),
            timeout: 3600, tokenHash: SHA256Digest(words: (1, 2, 3, 4)), redactionKey: [1, 2])
    }

    private func exchange(_ id: SessionID, _ number: Int64, _ text: String = "") -> ExchangeRow {
        ExchangeRow(
            session: id, number: number, category: .artifact,
            digest: SHA256Digest(words: (UInt64(number) &* 0x9E37_79B9_7F4A_7C15, 0, 0, 0)), size: number,
            delivered: number, result: .approved,
            download: Array("{\"url\":\"https://a.example/\(number)\(text)\",\"x\":\"\(SplitMix.text(number))\"}".utf8),
            judgement: Array("{}".utf8))
    }

    /// Fills a session with exchanges.
    private func fill(_ row: SessionRow, _ count: Int64, _ text: String = "") throws {
        try records.apply([.open(row)])
        for start in stride(from: 1, through: count, by: 500) {
            try records.apply((start...min(start + 499, count)).map { .exchange(exchange(row.id, $0, text)) })
        }
    }

    private func backUp(
        slice: Duration = .zero, mayGoOn: () throws(StoreError) -> Void = {}
    ) throws -> SQLiteRecords.BackupContents {
        try? Kernel.unlink(backup)
        try folder.write([], to: "backup.db")
        return try records.backUp(to: backup, time: Self.time, slice: slice, mayGoOn: mayGoOn)
    }

    /// Opens the backup, in a folder of its own as the service does.
    private func open() throws -> (records: SQLiteRecords, time: WallTime?, folder: TemporaryFolder) {
        let place = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: backup, toPath: place.file("copy.db"))
        let (opened, time) = try SQLiteRecords.openBackup(place.file("copy.db"))
        return (opened, time, place)
    }

    private func all(_ records: any Records, _ id: SessionID) throws -> [ExchangeRow] {
        try records.exchanges(of: id, category: nil, after: 0, limit: .max)
    }

    @Test("A backup is one file with all that is in the record, which any SQLite can read")
    func whole() throws {
        let rows = try ["a", "b", "gone"].map(session)
        for (place, row) in rows.enumerated() { try fill(row, Int64(place + 1) * 100) }
        try records.remove(rows[2].id)
        let contents = try backUp()
        #expect(contents.sessions == 2 && contents.exchanges == 300)
        #expect(try folder.names().filter { $0.hasPrefix("backup") } == ["backup.db"])
        var configuration = Configuration()
        configuration.readonly = true
        try Kernel.chmod(backup, 0o400)
        let queue = try DatabaseQueue(path: backup, configuration: configuration)
        let answers = try queue.read { db in
            try ["integrity_check", "journal_mode"].map { try String.fetchOne(db, sql: "PRAGMA \($0)") }
        }
        #expect(answers == ["ok", "delete"])
        try queue.close()
        try Kernel.chmod(backup, 0o600)
        let (opened, time, place) = try open()
        #expect(time == Self.time)
        #expect(try opened.sessions() == Array(rows.prefix(2)))
        for row in rows.prefix(2) { #expect(try all(opened, row.id) == (try all(records, row.id))) }
        #expect(try opened.wasUsed(rows[2].id))
        #expect(try opened.usedIDKeys() == records.usedIDKeys())
        #expect(try !place.names().contains("copy.reserve"))
        let size = try Kernel.stat(backup)?.size ?? 0
        #expect(try abs(records.backupSize() - size) < 16 << 10)
    }

    @Test("What is recorded while it is made does not begin it again, and is in it or comes after it as a whole")
    func recordedMeanwhile() throws {
        let row = try session("a")
        try fill(row, 20_000)
        var number: Int64 = 20_000
        var slices = 0
        let contents = try backUp { () throws(StoreError) in
            slices += 1
            try records.apply((1...20).map { .exchange(exchange(row.id, number + $0)) })
            try records.apply([.delivered(row.id, number: Int64(slices), bytes: Int64(slices), truncated: "cut")])
            number += 20
        }
        #expect(slices > 3 && slices < 400, "\(slices)")
        let (opened, _, _) = try open()
        let found = try all(opened, row.id)
        let own = try all(records, row.id)
        #expect(contents.exchanges == Int64(found.count) && found.count >= 20_000 + 20 * (slices - 1))
        #expect(found == Array(own.prefix(found.count)))
    }

    @Test("What is removed while it is made is not in it")
    func removedMeanwhile() throws {
        let rows = try ["a", "b", "c", "stays"].map(session)
        for row in rows { try fill(row, 2_000, "marker\(row.id)") }
        var slices = 0
        _ = try backUp { () throws(StoreError) in
            slices += 1
            if slices <= 3 { try records.remove(rows[slices - 1].id) }
        }
        #expect(slices >= 3)
        let bytes = Data(try folder.bytes("backup.db"))
        for row in rows.prefix(3) { #expect(bytes.range(of: Data("marker\(row.id)".utf8)) == nil) }
        let (opened, _, _) = try open()
        #expect(try opened.sessions() == [rows[3]])
        #expect(try all(opened, rows[3].id).count == 2_000)
    }

    @Test("Neither what is being removed nor what is being brought back is in it")
    func hiddenSessions() throws {
        let (leaving, arriving, stays) = (try session("leaving"), try session("arriving"), try session("stays"))
        try fill(leaving, 300, "markerleaving")
        try fill(stays, 300)
        try records.apply([
            .beginRestoring(arriving),
            .restore(arriving.id, (1...99).map { exchange(arriving.id, $0, "markerarriving") }),
        ])
        try records.write("begin a removal that goes no further") { db in
            try db.execute(sql: "UPDATE sessions SET state = 1 WHERE id = 'leaving'")
        }
        #expect(try backUp() == SQLiteRecords.BackupContents(sessions: 1, exchanges: 300))
        let bytes = Data(try folder.bytes("backup.db"))
        for text in ["markerleaving", "markerarriving"] {
            #expect(try folder.contains(text) && bytes.range(of: Data(text.utf8)) == nil)
        }
        try records.apply([.endRestoring(arriving.id)])
        #expect(try all(records, arriving.id).count == 99)
    }

    @Test("A backup that is told to stop or has no room fails, and the record goes on")
    func failure() throws {
        let row = try session("a")
        try fill(row, 20_000)
        for _ in 0..<2 {
            var slices = 0
            let error = #expect(throws: StoreError.self) {
                try backUp { () throws(StoreError) in
                    slices += 1
                    if slices == 3 { throw StoreError(.full, "go on", "the service is stopping") }
                }
            }
            #expect(error?.kind == .full && error?.reason == "the service is stopping")
            try records.apply([.exchange(exchange(row.id, try records.lastNumber(of: row.id) + 1))])
        }
        #expect(throws: StoreError.self) {
            try records.backUp(to: "/dev/full", time: Self.time) { () throws(StoreError) in }
        }
        #expect(try backUp().exchanges == 20_002)
    }

    @Test("What is no backup is refused, and says why")
    func refusals() throws {
        try fill(try session("a"), 5_000)
        _ = try backUp()
        let good = try folder.bytes("backup.db")
        func failure(_ bytes: [UInt8]) throws -> StoreError {
            try folder.write(bytes, to: "backup.db")
            return try #require(throws: StoreError.self) { _ = try open() }
        }
        #expect(try failure([]).reason == "the file is empty; use another backup")
        #expect(try failure(Array("some text".utf8)).reason.contains("no SQLite database"))
        #expect(try failure(Array(good.prefix(good.count / 2))).kind == .corrupt)
        #expect(try failure([UInt8](repeating: 0, count: 100_000)).kind == .corrupt)
        var damaged = good
        for place in stride(from: 6 * 2048, to: damaged.count, by: 2048) { damaged[place] ^= 0x5a }
        #expect(try failure(damaged).kind == .corrupt)
        func changed(_ sql: String) throws -> StoreError {
            try folder.write(good, to: "backup.db")
            let queue = try DatabaseQueue(path: backup)
            try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
            try queue.close()
            return try #require(throws: StoreError.self) { _ = try open() }
        }
        let newer = try changed("PRAGMA user_version = 99")
        #expect(newer.kind == .rejected && newer.reason.contains("newer release"))
        #expect(try changed("PRAGMA application_id = 5").reason.hasPrefix("it is no record of this service"))
        #expect(try changed("PRAGMA application_id = 0; PRAGMA user_version = 0").kind == .rejected)
        #expect(try changed("PRAGMA user_version = -3").kind == .corrupt)
        #expect(try changed("UPDATE sessions SET no = 2147483648").kind == .corrupt)
        #expect(try changed("DROP TABLE sessions").reason == "it lacks the index 'sessions_id'; use another backup")
        for reason in [try failure(damaged).reason, try changed("PRAGMA user_version = -3").reason] {
            #expect(reason == "the backup is damaged; use another backup")
        }
    }

    @Test(
        "A backup with any object that is none of a record's is refused before anything in it is looked at",
        arguments: [
            ("CREATE VIEW v AS SELECT 1", "view 'v', which no record has"),
            ("CREATE TRIGGER t AFTER INSERT ON uses BEGIN SELECT 1; END", "trigger 't', which no record has"),
            ("CREATE TABLE other (x)", "table 'other', which no record has"),
            ("CREATE INDEX i ON sessions (length(name))", "index 'i', which no record has"),
            (
                "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('table', 'v\u{202e}', 'v\u{202e}', 0, "
                    + "'CREATE VIRTUAL TABLE \"v\u{202e}\" USING nonsense(a)')",
                "table 'v\\u{202e}', which no record has"
            ),
            (
                "ALTER TABLE sessions ADD COLUMN more INTEGER GENERATED ALWAYS AS (no + 1) VIRTUAL",
                "table 'sessions', which is not that of a record"
            ),
            (
                "DROP INDEX chunks_firsts; CREATE INDEX chunks_firsts ON chunks (key) WHERE firsts > 1",
                "index 'chunks_firsts', which is not that of a record"
            ),
            ("DROP TABLE backup; CREATE TABLE backup (time)", "table 'backup', which is not that of a record"),
        ])
    func otherObjects(sql: String, what: String) throws {
        try fill(try session("a"), 10)
        _ = try backUp()
        let queue = try DatabaseQueue(path: backup)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
        let error = try #require(throws: StoreError.self) { _ = try open() }
        #expect(error.kind == .rejected && error.reason == "it has the \(what); use another backup", "\(error)")
    }

    @Test("What is wrong deep in a backup is told without paths and without words of SQLite's")
    func damageWhileReading() throws {
        let row = try session("a")
        try fill(row, 100)
        _ = try backUp()
        let queue = try DatabaseQueue(path: backup)
        try queue.writeWithoutTransaction { try $0.execute(sql: "UPDATE sessions SET secrets = X'07'") }
        try queue.close()
        let (opened, _, place) = try open()
        let error = try #require(throws: StoreError.self) { _ = try opened.sessions() }
        #expect(error.kind == .corrupt && error.reason == "the backup is damaged; use another backup")
        #expect(!"\(error)".contains(place.path) && error.description.contains("SQLite code 11: column "))
    }

    @Test("Commits wait little while a large record is backed up")
    func waiting() throws {
        let row = try session("a")
        try fill(row, 50_000)
        let recording = try session("live")
        try records.apply([.open(recording)])
        let state = Lock((isOver: false, longest: Duration.zero, count: Int64(0)))
        let ended = Latch()
        startThread(name: "commits") { [records] in
            while !state.withLock(\.isOver) {
                let before = MonotonicTime.now()
                let number = state.withLock(\.count) + 1
                guard (try? records.apply([.exchange(self.exchange(recording.id, number))])) != nil else { break }
                let took = MonotonicTime.now() - before
                state.withLock { $0 = ($0.isOver, max($0.longest, took), number) }
                Latch().wait(atMost: .milliseconds(1))
            }
            ended.signal()
        }
        let before = MonotonicTime.now()
        let contents = try backUp(slice: SQLiteRecords.backupSlice)
        let took = MonotonicTime.now() - before
        state.withLock { $0.isOver = true }
        ended.wait()
        let (_, longest, count) = state.withLock { $0 }
        let size = try Kernel.stat(backup)?.size ?? 0
        print("backup of \(size) bytes in \(took): \(count) commits, the longest \(longest)")
        #expect(contents.exchanges >= 50_000)
        #expect(count > 10)
        #expect(longest < .seconds(2), "\(longest)")
    }
}

extension SplitMix {
    /// Text that does not compress, of a number.
    fileprivate static func text(_ number: Int64) -> String {
        var random = SplitMix(state: UInt64(bitPattern: number))
        return (0..<24).map { _ in String(random.next(), radix: 36) }.joined()
    }
}
