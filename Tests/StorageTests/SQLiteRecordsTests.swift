import Core
import Foundation
import GRDB
import Storage
import StorageConformance
import Synchronization
import Platform
import PlatformTesting
import Testing

@testable import SQLiteCatalog

@Suite struct SQLiteRecordsTests {
    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("records.db")
    }

    func session(_ text: String) throws -> SessionRow {
        SessionRow(
            id: try #require(SessionID(text)), policy: .strict, created: WallTime(seconds: 5), timeout: 60,
            tokenHash: SHA256Digest(words: (1, 2, 3, 4)), redactionKey: [1, 2],
            configuration: Array("\(text)-conf".utf8),
            secrets: [SecretRow(type: .macaroon, url: "https://\(text).example:443/**")], name: "name-\(text)",
            labels: Array(#"{"for":"\(text)"}"#.utf8))
    }

    func exchange(_ session: SessionID, _ number: Int64, size: Int = 100, result: ExchangeRow.Result? = nil)
        -> ExchangeRow
    {
        let marker = "https://\(session.text).example:443/"
        return ExchangeRow(
            session: session, number: number, category: .artifact,
            digest: SHA256Digest(words: (UInt64(number) << 50, 0, 0, 1)), size: 4, delivered: 4, result: result,
            download: Array("\(marker)\(String(repeating: "u", count: size))\(marker)".utf8),
            judgement: Array("\(marker)".utf8))
    }

    @Test("An artifact from before a restart is not a new one after it")
    func artifactsOverRestart() throws {
        let row = try session("a")
        try SQLiteRecords(path: path).apply(
            [.open(row)] + (1...3 as ClosedRange<Int64>).map { .exchange(exchange(row.id, $0)) })
        let records = try SQLiteRecords(path: path)
        let old = [2, 3, 2, 1].enumerated().map { index, number in
            var again = exchange(row.id, Int64(number))
            again.number = Int64(4 + index)
            return RecordChange.exchange(again)
        }
        try records.apply(old + [.exchange(exchange(row.id, 8))])
        #expect(try records.artifacts(of: row.id, after: 0, limit: 99).map(\.firstNumber) == [1, 2, 3, 8])
        let digest = try #require(exchange(row.id, 2).digest)
        #expect(try records.exchanges(of: row.id, digest: digest, after: 0, limit: 9).map(\.number) == [2, 4, 6])
    }

    @Test("The database and what SQLite keeps beside it are for us alone, also those of a release before")
    func permissions() throws {
        func modes(_ folder: TemporaryFolder) throws -> [String: UInt32] {
            var modes: [String: UInt32] = [:]
            for name in try folder.names() { modes[name] = try (Kernel.stat(folder.file(name))?.mode ?? 0) & 0o777 }
            return modes
        }
        let names = ["records.db", "records.db-shm", "records.db-wal", "records.reserve"]
        let ours = Dictionary(uniqueKeysWithValues: names.map { ($0, 0o600 as UInt32) })
        let records = try SQLiteRecords(path: path)
        try records.apply([.open(try session("a"))])
        #expect(try modes(folder) == ours)
        // As after the sudden end of the process.
        let old = try folder.copy()
        for name in names where name != "records.reserve" && name != "records.db-shm" {
            try Kernel.chmod(old.file(name), 0o644)
        }
        let again = try SQLiteRecords(path: old.file("records.db"))
        #expect(try again.sessions().count == 1)
        #expect(try modes(old) == ours)
    }

    @Test("After a restart everything is there, and numbers go on")
    func restart() throws {
        let row = try session("a")
        do {
            let records = try SQLiteRecords(path: path)
            try records.apply([.open(row), .exchange(exchange(row.id, 1)), .exchange(exchange(row.id, 2))])
            try records.close()
            #expect(storeFailure { () throws(StoreError) in try records.checkWritable() }?.kind == .unavailable)
        }
        #expect(try Kernel.stat(path + "-wal")?.size ?? 0 == 0)
        let records = try SQLiteRecords(path: path, durability: .power)
        #expect(try records.sessions() == [row])
        #expect(try records.totals(of: row.id).lastNumber == 2)
        try records.apply([.exchange(exchange(row.id, 3))])
        #expect(try records.unconcluded(of: row.id, limit: 9).count == 3)
    }

    @Test("After removal no byte of the session is in the files, whatever happened to its rows before")
    func removalLeavesNothing() throws {
        var random = SplitMix(state: 42)
        let records = try SQLiteRecords(path: path)
        var live: [SessionID] = []
        var last: [SessionID: Int64] = [:]
        for round in 0..<400 {
            if live.count < 5 {
                let row = try session("session\(round)x")
                try records.apply([.open(row)])
                live.append(row.id)
                last[row.id] = 0
            }
            for id in live {
                var changes: [RecordChange] = []
                for _ in 0..<Int.random(in: 0..<6, using: &random) {
                    let number = (last[id] ?? 0) + 1
                    last[id] = number
                    // Around the sizes at which SQLite moves text from the leaf to overflow pages.
                    let size = [0, 30, 300, 900, 1500, 1700, 1900, 2100, 4000, 9000][
                        Int.random(in: 0..<10, using: &random)]
                    changes.append(
                        .exchange(exchange(id, number, size: size + Int.random(in: 0..<200, using: &random))))
                }
                if let highest = last[id], highest > 0 {
                    let number = Int64.random(in: 1...highest, using: &random)
                    let text = String(repeating: id.text, count: Int.random(in: 0..<400, using: &random))
                    changes.append(.conclude(id, number: number, result: .approved, judgement: Array(text.utf8)))
                    changes.append(.delivered(id, number: number, bytes: .max / 5, truncated: "cut"))
                }
                changes.append(.markIncomplete(id, reason: "\(id.text) \(round)"))
                try records.apply(changes)
            }
            if round % 4 == 3 {
                let gone = live.remove(at: Int.random(in: 0..<live.count, using: &random))
                try records.remove(gone)
                #expect(try !folder.contains(gone.text), "round \(round)")
                #expect(try Kernel.stat(path + "-wal")?.size == 0)
            }
        }
        #expect(try folder.contains(live[0].text))
    }

    @Test("A removal that was cut off is ended at the next start")
    func interruptedRemoval() throws {
        let (gone, left) = (try session("gone"), try session("left"))
        let records = try SQLiteRecords(path: path)
        try records.apply([.open(gone), .open(left), .exchange(exchange(left.id, 1))])
        for start in stride(from: 1, to: 30_000, by: 10) as StrideTo<Int64> {
            try records.apply((start..<start + 10).map { .exchange(exchange(gone.id, $0)) })
        }
        try records.file.write("begin a removal") { db in
            try db.execute(sql: "UPDATE sessions SET state = 1 WHERE no = 1; DELETE FROM chunks WHERE key % 3 = 0")
        }
        #expect(try records.sessions() == [left])
        #expect(try records.exchanges(of: gone.id, category: nil, after: 0, limit: 5).isEmpty)
        let copy = try folder.copy()
        let again = try SQLiteRecords(path: copy.file("records.db"))
        #expect(try again.session(gone.id) == nil, "half removed, it is not shown")
        #expect(try again.exchanges(of: gone.id, category: nil, after: 0, limit: 5).isEmpty)
        #expect(try copy.contains("gone"), "the start does not wait for it")
        var looks = 0
        try again.endRemovals {
            looks += 1
            return looks < 2
        }
        #expect(try copy.contains("gone"), "told to stop, it stops between two slices")
        try again.endRemovals { true }
        #expect(try !copy.contains("gone"))
        #expect(try again.wasUsed(gone.id))
        #expect(try again.sessions() == [left])
    }

    @Test("Removal lets other changes in between its slices")
    func removalInSlices() throws {
        let (gone, busy) = (try session("gone"), try session("busy"))
        let records = try SQLiteRecords(path: path)
        try records.apply([.open(gone), .open(busy)])
        for start in stride(from: 1, to: 30_000, by: 1000) as StrideTo<Int64> {
            try records.apply((start..<start + 1000).map { .exchange(exchange(gone.id, $0)) })
        }
        let isRemoved = Atomic(false)
        let removal = Latch()
        startThread(name: "removal") {
            let error = storeFailure { () throws(StoreError) in try records.remove(gone.id) }
            #expect(error == nil)
            isRemoved.store(true, ordering: .relaxed)
            removal.signal()
        }
        var number: Int64 = 0
        while !isRemoved.load(ordering: .relaxed) {
            number += 1
            try records.apply([.exchange(exchange(busy.id, number))])
        }
        removal.wait()
        #expect(number > 5)
        #expect(try records.totals(of: busy.id).exchanges == number)
        #expect(try !folder.contains("gone"))
    }

    @Test("Without room the reserve is given up, the write tried again, and the reserve taken when there is room")
    func reserve() throws {
        let released = Atomic(0)
        let records = try SQLiteRecords(path: path) { records in
            released.add(1, ordering: .relaxed)
            // The room that the reserve has given back.
            _ = storeFailure { () throws(StoreError) in try records.limitGrowth(pages: 40) }
        }
        let reserve = folder.file("records.reserve")
        #expect(try Kernel.stat(reserve)?.sizeOnDisk ?? 0 >= 8 << 20)
        let row = try session("a")
        try records.apply([.open(row)])
        try records.limitGrowth(pages: 0)
        var number: Int64 = 0
        while released.load(ordering: .relaxed) == 0, number < 1000 {
            number += 1
            try records.apply([.exchange(exchange(row.id, number))])
        }
        #expect(released.load(ordering: .relaxed) == 1)
        #expect(try Kernel.stat(reserve) == nil)
        #expect(try records.totals(of: row.id).exchanges == number)
        var error: StoreError?
        while error == nil, number < 5000 {
            error = storeFailure { () throws(StoreError) in
                try records.apply([.exchange(exchange(row.id, number + 1))])
            }
            if error == nil { number += 1 }
        }
        #expect(error?.kind == .full)
        #expect(released.load(ordering: .relaxed) == 1)
        #expect(try records.totals(of: row.id).exchanges == number)
        try records.maintain()
        #expect(try Kernel.stat(reserve)?.size == 8 << 20)
        try records.limitGrowth(pages: nil)
        try records.apply([.exchange(exchange(row.id, number + 1))])
    }

    @Test("A group is whole at every size at which the file may become full")
    func fullAtEveryPage() throws {
        for pages in 0...60 {
            let folder = try TemporaryFolder()
            let records = try SQLiteRecords(path: folder.file("records.db"))
            let row = try session("a")
            try records.apply([.open(row), .exchange(exchange(row.id, 1))])
            try records.limitGrowth(pages: pages)
            let second = try session("b")
            let group = (2...21).map { RecordChange.exchange(exchange(row.id, $0, size: 1500)) }
            let error = storeFailure { () throws(StoreError) in
                try records.apply(group + [.markIncomplete(row.id, reason: "x"), .open(second)])
            }
            let count = try records.totals(of: row.id).exchanges
            #expect(count == (error == nil ? 21 : 1), "\(pages) pages")
            #expect(try records.sessions().count == (error == nil ? 2 : 1))
            try records.limitGrowth(pages: nil)
            try records.apply([.exchange(exchange(row.id, count + 1))])
            if error == nil { return }
            #expect(error?.kind == .full)
        }
        Issue.record("there was never room for the group")
    }

    @Test(
        "Every query of a session walks the key or an index in its order",
        arguments: [
            ("SELECT rows FROM chunks WHERE key >= 1 AND key < 9 ORDER BY key", "PRIMARY KEY"),
            (
                "SELECT rows FROM chunks WHERE key >= 1 AND key < 9 AND others > 0 AND others & 8 ORDER BY key",
                "chunks_others"
            ),
            ("SELECT rows FROM chunks WHERE key >= 1 AND key < 9 AND firsts > 0 ORDER BY key", "chunks_firsts"),
            (
                "SELECT rows FROM chunks WHERE key >= 1 AND key < 9 AND unconcluded > 0 ORDER BY key",
                "chunks_unconcluded"
            ),
            ("SELECT key FROM uses WHERE session = 1 AND digest_key = 2 AND key >= 3 ORDER BY key", "PRIMARY KEY"),
            ("SELECT no, id FROM sessions WHERE id_hash = 3 AND state = 0", "sessions_id"),
        ])
    func plans(_ query: String, _ expected: String) throws {
        let records = try SQLiteRecords(path: path)
        let steps = try records.file.read("explain") { db in
            try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(query)").map { $0["detail"] as String }
        }
        #expect(steps.count == 1 && steps[0].hasPrefix("SEARCH") && steps[0].contains(expected), "\(steps)")
    }

    @Test("While another process writes, changes are unavailable and reads go on")
    func lockedByAnother() throws {
        let records = try SQLiteRecords(path: path)
        let row = try session("a")
        try records.apply([.open(row)])
        let other = try SQLiteRecords(path: path)
        try other.file.onWriter("hold the lock") { db in
            try db.execute(sql: "BEGIN IMMEDIATE")
            let error = storeFailure { () throws(StoreError) in try records.checkWritable() }
            #expect(error?.kind == .unavailable)
            #expect(error?.reason.contains("is in use by another program") == true)
            #expect(try records.sessions() == [row])
            try db.execute(sql: "ROLLBACK")
        }
        try records.checkWritable()
    }

    @Test("Readers see whole groups while another thread writes")
    func readersBesideWriter() throws {
        let records = try SQLiteRecords(path: path)
        let row = try session("a")
        try records.apply([.open(row)])
        let ended = Latch()
        startThread(name: "writer") {
            for group in 0..<200 as Range<Int64> {
                let error = storeFailure { () throws(StoreError) in
                    try records.apply((1...5).map { .exchange(exchange(row.id, group * 5 + $0)) })
                }
                #expect(error == nil)
            }
            ended.signal()
        }
        var seen: Int64 = 0
        while seen < 1000 {
            let totals = try records.totals(of: row.id)
            #expect(totals.exchanges % 5 == 0 && totals.exchanges == totals.lastNumber && totals.exchanges >= seen)
            seen = totals.exchanges
            let page = try records.exchanges(of: row.id, category: nil, after: max(0, seen - 3), limit: 100)
            #expect(page.first.map { $0.number == max(0, seen - 3) + 1 } ?? true)
        }
        ended.wait()
    }

    @Test("Killed at any moment, the record has whole groups and goes on", arguments: [1, 3, 7, 12, 20, 33, 48])
    func killed(_ milliseconds: Int) async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, milliseconds = milliseconds as Int] in
            let records = try SQLiteRecords(path: path)
            let id = try #require(SessionID("victim"))
            try records.apply([
                .open(
                    SessionRow(
                        id: id, policy: .strict, created: .now(), timeout: 1,
                        tokenHash: SHA256Digest(words: (0, 0, 0, 0)), redactionKey: []))
            ])
            let deadline = MonotonicTime.now() + .milliseconds(milliseconds)
            startThread(name: "killer") {
                while MonotonicTime.now() < deadline {}
                kill(getpid(), SIGKILL)
            }
            var number: Int64 = 0
            while true {
                try records.apply(
                    (1...7).map {
                        .exchange(
                            ExchangeRow(
                                session: id, number: number + $0, category: .artifact,
                                digest: SHA256Digest(words: (UInt64(number), 0, 0, 0)),
                                download: [UInt8](repeating: 65, count: 1500)))
                    })
                number += 7
            }
        }
        let records = try SQLiteRecords(path: path)
        let id = try #require(SessionID("victim"))
        let totals = try records.totals(of: id)
        #expect(totals.exchanges % 7 == 0 && totals.exchanges == totals.lastNumber)
        #expect(try records.exchanges(of: id, category: nil, after: 0, limit: .max).count == Int(totals.exchanges))
        try records.apply([.exchange(exchange(id, totals.lastNumber + 1))])
        let finding = try records.file.read("check") { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
        #expect(finding == "ok")
    }
}

/// A small generator with a seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
