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

@Suite struct SQLiteCatalogTests {
    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("cache.db")
    }

    func blob(_ number: UInt64, _ scope: BlobScope, text: String = "p") -> StoredBlob {
        StoredBlob(
            digest: SHA256Digest(words: (number &* 0x9e37_79b9_7f4a_7c15, 0, 0, number)), logicalSize: 10, scope: scope,
            placement: BlobPlacement(text: text, sizeOnDisk: 12))
    }

    @Test("After a session's removal no byte of what was private is in the files")
    func removalLeavesNothing() throws {
        var random = SplitMix(state: 11)
        let catalog = try SQLiteCatalog(path: path)
        var live: [SessionID] = []
        for round in 0..<160 {
            if live.count < 4 { live.append(try #require(SessionID("session\(round)x"))) }
            for session in live {
                let number = UInt64.random(in: 0..<50, using: &random)
                let private_ = Partition.session(session, credentials: SHA256Digest(words: (number % 3, 0, 0, 0)))
                let own = blob(number, .session(session), text: "p/\(session.text)/1")
                let url = "https://\(session.text).example/\(number % 7)"
                let size = [100, 700, 3400, 3800, 4000, 4200, 9000][Int.random(in: 0..<7, using: &random)]
                let head = Array(String(repeating: session.text + " ", count: size / 10).utf8)
                try catalog.apply([
                    .blob(own, at: WallTime(seconds: Int64(round))),
                    .response(
                        StoredResponse(
                            partition: private_, key: url, variant: "\(session.text) \(number)", head: head,
                            digest: own.digest, size: 1, requestTime: 1, responseTime: 1)),
                    .facts(own.digest, version: 1, json: head), .pin(own.digest, session),
                    .blob(blob(UInt64(round * 10), .shared), at: WallTime(seconds: 1)),
                    .response(
                        StoredResponse(
                            partition: .shared, key: "https://all.example/\(round)", head: head.map { _ in 65 },
                            digest: own.digest, size: 1, requestTime: 1, responseTime: 1)),
                ])
                if let stored = try catalog.responses(in: private_, key: url).last {
                    try catalog.apply([
                        .refresh(id: stored.id, head: Array(head.prefix(size / 2)), requestTime: 9, responseTime: 9)
                    ])
                }
                if number % 5 == 0 { try catalog.apply([.forgetBlob(own.digest, .session(session))]) }
            }
            if round % 4 == 3 {
                let gone = live.remove(at: Int.random(in: 0..<live.count, using: &random))
                // Facts of a blob that another session has too go with that one.
                for number in 0..<50 as Range<UInt64> {
                    try catalog.apply([.facts(blob(number, .shared).digest, version: 1, json: [])])
                }
                try catalog.apply([.removeSession(gone)])
                while try !catalog.removeSlice() {}
                #expect(try !folder.contains(gone.text), "round \(round)")
            }
        }
        #expect(try folder.contains(live[0].text))
    }

    @Test("A removal whose log is held by a reader is cleaned by a later group")
    func logIsCleanedLater() throws {
        let catalog = try SQLiteCatalog(path: path)
        let gone = try #require(SessionID("gone"))
        try catalog.apply([.blob(blob(1, .session(gone), text: "gone/1"), at: .now())])
        let other = try SQLiteCatalog(path: path)
        try other.file.onWriter("read") { db in
            try db.execute(sql: "BEGIN; SELECT * FROM settings")
            try catalog.apply([.removeSession(gone)])
            while try !catalog.removeSlice() {}
            #expect(try folder.contains("gone/1"))
            try db.execute(sql: "COMMIT")
        }
        try catalog.apply([.invalidate(.shared, key: "x")])
        #expect(try !folder.contains("gone/1"))
    }

    @Test("A log that a removal left is cleaned after the sudden end of the process")
    func logIsCleanedAfterCrash() throws {
        let catalog = try SQLiteCatalog(path: path)
        let gone = try #require(SessionID("gone"))
        try catalog.apply([.blob(blob(1, .session(gone), text: "gone/1"), at: .now())])
        let other = try SQLiteCatalog(path: path)
        try other.file.onWriter("read") { db in
            try db.execute(sql: "BEGIN; SELECT * FROM settings")
            try catalog.apply([.removeSession(gone)])
            while try !catalog.removeSlice() {}
            let copy = try folder.copy()
            #expect(try copy.contains("gone/1"))
            let again = try SQLiteCatalog(path: copy.file("cache.db"))
            #expect(try again.removeSlice())
            #expect(try !copy.contains("gone/1"))
            try db.execute(sql: "COMMIT")
        }
    }

    @Test("A session's removal goes in slices, with other changes in between, and goes on after a crash")
    func removalInSlices() throws {
        let catalog = try SQLiteCatalog(path: path)
        let gone = try #require(SessionID("gone"))
        let own = Partition.session(gone, credentials: SHA256Digest(words: (1, 0, 0, 0)))
        for start in stride(from: 0, to: 12_000, by: 1000) as StrideTo<UInt64> {
            try catalog.apply(
                (start..<start + 1000).flatMap { number -> [CatalogChange] in
                    let blob = blob(number, own.scope, text: "gone/\(number)")
                    return [
                        .blob(blob, at: .now()), .pin(blob.digest, gone),
                        .response(
                            StoredResponse(
                                partition: own, key: "https://gone.example/\(number)", head: [], digest: blob.digest,
                                size: 1, requestTime: 1, responseTime: 1)),
                    ]
                })
        }
        try catalog.apply([.removeSession(gone)])
        var slices: UInt64 = 0
        while slices < 3 {
            slices += 1
            #expect(try !catalog.removeSlice())
            try catalog.apply([.blob(blob(50_000 + slices, .shared), at: .now())])
        }
        let copy = try folder.copy()
        let again = try SQLiteCatalog(path: copy.file("cache.db"))
        let before = try again.totals()
        #expect(before.blobs + before.responses > 12_000)
        #expect(try again.responses(in: own, key: "https://gone.example/11999").isEmpty)
        #expect(try again.blob(blob(11_999, .shared).digest, scope: own.scope) == nil)
        #expect(try again.blobs(after: nil, limit: 99).count == 3)
        while try !again.removeSlice() {}
        #expect(try again.totals() == CatalogTotals(blobs: 3, bytesOnDisk: 36, logicalBytes: 30))
        #expect(try !copy.contains("gone"))
        #expect(try again.file.read("count") { try Int.fetchOne($0, sql: "SELECT count(*) FROM removals") } == 0)
    }

    @Test("A blob with very many responses goes at once, its responses in slices, those that come later stay")
    func manyResponses() throws {
        let catalog = try SQLiteCatalog(path: path)
        let empty = blob(1, .shared)
        func response(_ number: Int) -> CatalogChange {
            .response(
                StoredResponse(
                    partition: .shared, key: "https://a.example/\(number)", head: [], digest: empty.digest, size: 0,
                    requestTime: 1, responseTime: 1))
        }
        try catalog.apply([.blob(empty, at: .now())] + (0..<3000).map(response))
        try catalog.apply([.forgetBlob(empty.digest, .shared)])
        #expect(try catalog.blob(empty.digest, scope: .shared) == nil)
        #expect(try catalog.totals().responses == 3000 - 256)
        try catalog.apply([.blob(empty, at: .now()), response(-1)])
        while try !catalog.removeSlice() {}
        #expect(try catalog.totals() == CatalogTotals(blobs: 1, bytesOnDisk: 12, logicalBytes: 10, responses: 1))
        #expect(try catalog.responses(in: .shared, key: "https://a.example/-1").count == 1)
    }

    @Test(
        "Every query walks an index",
        arguments: [
            "SELECT 1 FROM responses LEFT JOIN scopes ON scopes.no = scope WHERE key_hash = 1 ORDER BY responses.id DESC",
            "SELECT 1 FROM blobs LEFT JOIN scopes ON scopes.no = scope WHERE digest = x'00' AND scope = 0",
            "SELECT 1 FROM blobs LEFT JOIN scopes ON scopes.no = scope WHERE digest > x'00' ORDER BY digest, scope LIMIT 3",
            "SELECT 1 FROM blobs INDEXED BY blobs_use WHERE scope = 0 AND pinned = 0 ORDER BY used LIMIT 9",
            """
            SELECT used FROM blobs INDEXED BY blobs_use WHERE scope = 0 AND pinned = 0 UNION ALL
            SELECT used FROM blobs INDEXED BY blobs_use WHERE scope = 0 AND pinned = 1 ORDER BY used LIMIT 9
            """,
            "SELECT 1 FROM facts WHERE digest = x'00' AND version = 1",
            """
            SELECT used FROM blobs INDEXED BY blobs_use WHERE scope = 0 AND pinned = 0 UNION ALL
            SELECT used FROM blobs INDEXED BY blobs_use WHERE scope = 0 AND pinned = 1 UNION ALL
            SELECT used FROM blobs INDEXED BY blobs_private_use CROSS JOIN scopes ON scopes.no = scope WHERE scope <> 0
            ORDER BY used LIMIT 9
            """,
            "SELECT id FROM responses WHERE scope <> 0 AND scope = 3 LIMIT 9",
            "SELECT id FROM responses WHERE digest_key IN (1, 2) AND digest = x'00' AND scope = 0 AND id < 9 LIMIT 9",
            "SELECT no FROM blobs WHERE scope <> 0 AND scope = 5 LIMIT 9", "SELECT digest FROM pins WHERE scope = 5",
            "SELECT no FROM blobs WHERE owner <> 0 AND owner = 5 LIMIT 9",
            "SELECT no FROM removals WHERE done = 0 ORDER BY no LIMIT 1",
            "UPDATE blobs SET used = 1 WHERE digest = x'00' AND used < 1",
        ])
    func plans(_ query: String) throws {
        let catalog = try SQLiteCatalog(path: path)
        let steps = try catalog.file.read("explain") { db in
            try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(query)").map { $0["detail"] as String }
        }
        #expect(
            steps.allSatisfy { !$0.hasPrefix("SCAN") || $0.contains("INDEX blobs_") || $0 == "SCAN removals" },
            "\(steps)")
        #expect(steps.allSatisfy { !$0.contains("TEMP B-TREE") }, "\(steps)")
    }

    @Test("A group is whole at every size at which the file may become full")
    func fullAtEveryPage() throws {
        let session = try #require(SessionID("s"))
        for pages in 0...80 {
            let folder = try TemporaryFolder()
            let catalog = try SQLiteCatalog(path: folder.file("cache.db"))
            try catalog.apply([.blob(blob(0, .shared), at: .now())])
            let before = try catalog.totals()
            try catalog.limitGrowth(pages: pages)
            let group = (1...40 as ClosedRange<UInt64>).flatMap { number -> [CatalogChange] in
                let own = blob(number, number % 2 == 0 ? .shared : .session(session))
                return [
                    .blob(own, at: .now()), .pin(own.digest, session),
                    .facts(own.digest, version: 1, json: [UInt8](repeating: 65, count: 900)),
                ]
            }
            let error = storeFailure { () throws(StoreError) in try catalog.apply(group) }
            #expect(try catalog.totals().blobs == before.blobs + (error == nil ? 40 : 0))
            #expect(try catalog.blobs(after: nil, limit: 99).count == (error == nil ? 41 : 1))
            #expect(try catalog.facts(blob(1, .shared).digest, version: 1) == nil || error == nil)
            try catalog.limitGrowth(pages: nil)
            try catalog.apply([.blob(blob(77, .shared), at: .now())])
            #expect(try catalog.totals().blobs == before.blobs + (error == nil ? 41 : 1))
            if error == nil { return }
            #expect(error?.kind == .full)
        }
        Issue.record("there was never room for the group")
    }
}

@Suite struct OverflowPaddingTests {
    @Test("Whatever the size of the text, SQLite keeps none of it in the leaf", arguments: [2048, 4096])
    func nothingInTheLeaf(_ pageSize: Int) {
        let padding = OverflowPadding(pageSize: pageSize)
        for text in 0...3 * pageSize {
            for rest in [16, 26, 68, 115] {
                for error in [-60, 0, 60] {
                    // The sizes of the file format's section 1.6.
                    let size = padding.front + text + padding.tail(text: text, rest: rest) + max(rest + error, 0)
                    let least = (pageSize - 12) * 32 / 255 - 23
                    let wanted = least + (size - least) % (pageSize - 4)
                    let kept = size <= pageSize - 35 ? size : wanted <= pageSize - 35 ? wanted : least
                    if kept > padding.front { Issue.record("text \(text), rest \(rest): \(kept) bytes in the leaf") }
                }
            }
        }
    }
}
