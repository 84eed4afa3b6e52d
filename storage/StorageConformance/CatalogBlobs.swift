import Core
import Storage
import Testing

extension CatalogCheck {
    static let blobs = [
        CatalogCheck("a blob is found in its scope only, at its last placement") { harness in
            let catalog = harness.catalog
            let session = try CatalogSample.id("s")
            try catalog.apply([
                .blob(CatalogSample.blob(1), at: CatalogSample.time(1)),
                .blob(CatalogSample.blob(2, .session(session)), at: CatalogSample.time(1)),
            ])
            #expect(try catalog.blob(CatalogSample.digest(1), scope: .shared) == CatalogSample.blob(1))
            #expect(try catalog.blob(CatalogSample.digest(1), scope: .session(session)) == nil)
            #expect(try catalog.blob(CatalogSample.digest(2), scope: .shared) == nil)
            #expect(
                try catalog.blob(CatalogSample.digest(2), scope: .session(session))
                    == CatalogSample.blob(2, .session(session)))
            #expect(try catalog.blob(CatalogSample.digest(2), scope: .session(CatalogSample.id("t"))) == nil)
            let moved = CatalogSample.blob(1, onDisk: 99)
            try catalog.apply([.blob(moved, at: CatalogSample.time(2))])
            #expect(try catalog.blob(moved.digest, scope: .shared) == moved)
            #expect(try catalog.totals() == CatalogTotals(blobs: 2, bytesOnDisk: 104, logicalBytes: 30))
        },
        CatalogCheck("blobs are listed in the order of their digests, all scopes of a digest together") { harness in
            let catalog = harness.catalog
            let session = try CatalogSample.id("s")
            var expected: Set<StoredBlob> = []
            for number in [9, 3, 15, 1, 7, 8, 2] as [UInt64] {
                for scope in number % 3 == 0 ? [BlobScope.shared, .session(session)] : [.shared] {
                    expected.insert(CatalogSample.blob(number, scope))
                    try catalog.apply([.blob(CatalogSample.blob(number, scope), at: CatalogSample.time(1))])
                }
            }
            for limit in 1...11 {
                let listed = try catalog.allBlobs(limit: limit)
                #expect(listed.count == expected.count && Set(listed) == expected)
                #expect(listed.map(\.digest) == listed.map(\.digest).sorted())
            }
            #expect(try catalog.blobs(after: nil, limit: 0).isEmpty)
        },
        CatalogCheck("a forgotten blob takes along the responses of its scope, and with the last one the facts") {
            harness in
            let catalog = harness.catalog
            let session = try CatalogSample.id("s")
            let own = Partition.session(session, credentials: CatalogSample.digest(5))
            let digest = CatalogSample.digest(1)
            try catalog.apply([
                .blob(CatalogSample.blob(1), at: CatalogSample.time(1)),
                .blob(CatalogSample.blob(1, .session(session)), at: CatalogSample.time(1)),
                .response(CatalogSample.response("a")), .response(CatalogSample.response("b", digest: 2)),
                .response(CatalogSample.response("a", partition: own)),
                .facts(digest, version: 3, json: Array("{}".utf8)),
            ])
            try catalog.apply([.forgetBlob(digest, .shared)])
            #expect(try catalog.stored().map(\.variant) == ["b"])
            #expect(try catalog.stored(own).map(\.variant) == ["a"])
            #expect(try catalog.facts(digest, version: 3) == Array("{}".utf8))
            try catalog.expectTotals([(.shared, CatalogSample.key), (own, CatalogSample.key)])
            try catalog.apply([.forgetBlob(digest, .session(session)), .forgetBlob(digest, .session(session))])
            #expect(try catalog.stored(own).isEmpty)
            #expect(try catalog.facts(digest, version: 3) == nil)
            try catalog.expectTotals()
        },
        CatalogCheck("facts belong to a version of the extractor, the last one written") { harness in
            let catalog = harness.catalog
            let digest = CatalogSample.digest(1)
            #expect(try catalog.facts(digest, version: 1) == nil)
            for version in 1...3 {
                let json = [UInt8](repeating: UInt8(version), count: version * 2000)
                try catalog.apply([.facts(digest, version: version, json: json)])
                #expect(try catalog.facts(digest, version: version) == json)
                #expect(try catalog.facts(digest, version: version - 1) == nil)
            }
        },
        CatalogCheck("a SHA-1 stays until the last blob and the last pin of its digest go") { harness in
            let catalog = harness.catalog
            let (first, second) = (try CatalogSample.id("s1"), try CatalogSample.id("s2"))
            func sha1(_ number: UInt64) -> [UInt8] { [UInt8](repeating: UInt8(number), count: 20) }
            func known() throws -> [UInt64] {
                try (1...5).filter { try catalog.sha1(CatalogSample.digest($0)) == sha1($0) }
            }
            // 1 and 2 are there, 3 is private; 2 and 4 are pinned; 5 is nowhere.
            try catalog.apply([
                .blob(CatalogSample.blob(1), at: CatalogSample.time(1)),
                .blob(CatalogSample.blob(2), at: CatalogSample.time(1)),
                .blob(CatalogSample.blob(3, .session(first)), at: CatalogSample.time(1)),
                .pin(CatalogSample.digest(2), first), .pin(CatalogSample.digest(2), second),
                .pin(CatalogSample.digest(4), second),
            ])
            #expect(try known() == [])
            for number in 1...5 as ClosedRange<UInt64> {
                try catalog.apply([
                    .sha1(CatalogSample.digest(number), sha1(9)), .sha1(CatalogSample.digest(number), sha1(number)),
                ])
            }
            #expect(try known() == [1, 2, 3, 4])
            #expect(try catalog.sha1(CatalogSample.digest(5)) == nil)
            try catalog.apply([
                .forgetBlob(CatalogSample.digest(1), .shared), .forgetBlob(CatalogSample.digest(2), .shared),
            ])
            #expect(try known() == [2, 3, 4])
            try catalog.apply([.removeSession(first)])
            try catalog.endRemovals()
            #expect(try known() == [2, 4])
            let again = try harness.crash() ?? catalog
            #expect(try again.sha1(CatalogSample.digest(2)) == sha1(2))
            try again.apply([.removeSession(second)])
            try again.endRemovals()
            #expect(try again.sha1(CatalogSample.digest(2)) == nil)
            #expect(try again.sha1(CatalogSample.digest(4)) == nil)
        },
        CatalogCheck("what was unused for longest is evicted first") { harness in
            let catalog = harness.catalog
            for (number, time) in [(1, 50), (2, 20), (3, 40), (4, 10), (5, 30)] as [(UInt64, Int64)] {
                try catalog.apply([.blob(CatalogSample.blob(number), at: CatalogSample.time(time))])
            }
            let session = try CatalogSample.id("s")
            try catalog.apply([.blob(CatalogSample.blob(6, .session(session)), at: CatalogSample.time(1))])
            func order(_ limit: Int = 10) throws -> [Int64] {
                try catalog.evictionCandidates(limit: limit, includingPinned: false).map { $0.logicalSize / 10 }
            }
            #expect(try order() == [4, 2, 5, 3, 1])
            #expect(try order(2) == [4, 2])
            #expect(try order(0) == [])
            let used = [CatalogSample.digest(4), CatalogSample.digest(5), CatalogSample.digest(77)]
            try catalog.apply([.used(used, at: CatalogSample.time(60))])
            #expect(try Set(order().suffix(2)) == [4, 5])
            try catalog.apply([.used([CatalogSample.digest(4)], at: CatalogSample.time(70))])
            try catalog.apply([.used([CatalogSample.digest(4)], at: CatalogSample.time(5))])
            #expect(try order() == [2, 3, 1, 5, 4])
            // Private blobs are like pinned ones.
            let all = try catalog.evictionCandidates(limit: 10, includingPinned: true)
            #expect(all.map { $0.logicalSize / 10 } == [6, 2, 3, 1, 5, 4])
            #expect(all.first == CatalogSample.blob(6, .session(session)))
        },
        CatalogCheck("a blob that the store moved is found at its new place and stays as old as it was") { harness in
            let catalog = harness.catalog
            for (number, time) in [(1, 50), (2, 20), (3, 40)] as [(UInt64, Int64)] {
                try catalog.apply([.blob(CatalogSample.blob(number), at: CatalogSample.time(time))])
            }
            let moved = CatalogSample.blob(2, onDisk: 3)
            try catalog.apply([.moved(moved), .moved(CatalogSample.blob(9))])
            #expect(try catalog.blob(moved.digest, scope: .shared) == moved)
            #expect(try catalog.blob(CatalogSample.digest(9), scope: .shared) == nil, "it was evicted meanwhile")
            let order = try catalog.evictionCandidates(limit: 9, includingPinned: false)
            #expect(order.map { $0.logicalSize / 10 } == [2, 3, 1])
            try catalog.expectTotals()
        },
        CatalogCheck("how far the scrubber has come survives the end of the process") { harness in
            #expect(try harness.catalog.scrubMark() == ScrubMark())
            for mark in [
                ScrubMark(position: CatalogSample.digest(3)),
                ScrubMark(position: CatalogSample.digest(4), passEnded: CatalogSample.time(9)),
                ScrubMark(passEnded: CatalogSample.time(10)),
            ] {
                try harness.catalog.apply([.scrubbed(mark)])
                #expect(try harness.catalog.scrubMark() == mark)
                guard let again = try harness.crash() else { continue }
                #expect(try again.scrubMark() == mark)
            }
        },
    ]

    static let sessions = [
        CatalogCheck("pinned blobs are evicted only when asked for, until the last session that pins them goes") {
            harness in
            let catalog = harness.catalog
            let (first, second) = (try CatalogSample.id("s1"), try CatalogSample.id("s2"))
            // A pin may come before its blob.
            try catalog.apply([.pin(CatalogSample.digest(2), first)])
            for number in 1...4 as ClosedRange<UInt64> {
                try catalog.apply([.blob(CatalogSample.blob(number), at: CatalogSample.time(Int64(number)))])
            }
            try catalog.apply([
                .pin(CatalogSample.digest(3), first), .pin(CatalogSample.digest(3), second),
                .pin(CatalogSample.digest(3), second),
            ])
            func order(_ includingPinned: Bool = false) throws -> [Int64] {
                try catalog.evictionCandidates(limit: 9, includingPinned: includingPinned).map { $0.logicalSize / 10 }
            }
            #expect(try order() == [1, 4])
            #expect(try order(true) == [1, 2, 3, 4])
            try catalog.apply([.removeSession(first)])
            try catalog.endRemovals()
            #expect(try order() == [1, 2, 4])
            try catalog.apply([.removeSession(second)])
            try catalog.endRemovals()
            #expect(try order() == [1, 2, 3, 4])
        },
        CatalogCheck("pins that come in a group with their blob are like those that come alone") { harness in
            let catalog = harness.catalog
            let (first, second) = (try CatalogSample.id("s1"), try CatalogSample.id("s2"))
            func unpinned() throws -> Set<Int64> {
                Set(try catalog.evictionCandidates(limit: 9, includingPinned: false).map { $0.logicalSize / 10 })
            }
            func blob(_ number: UInt64) -> CatalogChange {
                .blob(CatalogSample.blob(number), at: CatalogSample.time(Int64(number)))
            }
            try catalog.apply([
                .pin(CatalogSample.digest(1), first), blob(1), .pin(CatalogSample.digest(1), second), blob(2),
                .pin(CatalogSample.digest(2), first), blob(3), .pin(CatalogSample.digest(4), first), blob(4),
                .forgetBlob(CatalogSample.digest(4), .shared),
            ])
            try catalog.apply([.pin(CatalogSample.digest(1), first), .pin(CatalogSample.digest(3), second), blob(3)])
            #expect(try unpinned() == [])
            // A pin outlives the blob, and holds the next one with that digest.
            try catalog.apply([.forgetBlob(CatalogSample.digest(2), .shared)])
            try catalog.apply([blob(2), blob(4)])
            #expect(try unpinned() == [])
            try catalog.apply([.removeSession(first)])
            try catalog.endRemovals()
            #expect(try unpinned() == [2, 4])
            try catalog.apply([.pin(CatalogSample.digest(5), second), blob(5), .removeSession(second)])
            try catalog.endRemovals()
            #expect(try unpinned() == [1, 2, 3, 4, 5])
        },
        CatalogCheck("a blob that goes takes responses entered before it and after it") { harness in
            let catalog = harness.catalog
            let blob = CatalogChange.blob(CatalogSample.blob(1), at: CatalogSample.time(1))
            try catalog.apply([.response(CatalogSample.response("before", digest: 1))])
            try catalog.apply([blob, .response(CatalogSample.response("with", digest: 1))])
            try catalog.apply([.response(CatalogSample.response("after", digest: 1)), blob])
            try catalog.apply([.response(CatalogSample.response("other", digest: 2))])
            #expect(try catalog.totals().responses == 4)
            try catalog.apply([.forgetBlob(CatalogSample.digest(1), .shared)])
            try catalog.endRemovals()
            #expect(try catalog.totals().responses == 1)
        },
        CatalogCheck("a session's removal takes what is private to it and nothing else") { harness in
            let catalog = harness.catalog
            let (gone, left) = (try CatalogSample.id("gone"), try CatalogSample.id("left"))
            let partitions: [Partition] = [
                .shared, .session(gone, credentials: CatalogSample.digest(1)),
                .session(gone, credentials: CatalogSample.digest(2)),
                .session(left, credentials: CatalogSample.digest(1)),
            ]
            for partition in partitions {
                for number in 1...30 as ClosedRange<UInt64> {
                    try catalog.apply([
                        .blob(CatalogSample.blob(number, partition.scope), at: CatalogSample.time(1)),
                        .response(CatalogSample.response("\(number)", partition: partition, digest: number)),
                    ])
                }
            }
            try catalog.apply([
                .blob(CatalogSample.blob(99, .session(gone)), at: CatalogSample.time(1)),
                .facts(CatalogSample.digest(99), version: 1, json: [1]),
                .facts(CatalogSample.digest(30), version: 1, json: [2]),
            ])
            try catalog.apply([.removeSession(gone)])
            // Nothing of it is shown from here on.
            #expect(try partitions.map { try catalog.stored($0).count } == [16, 0, 0, 16])
            #expect(try catalog.blob(CatalogSample.digest(1), scope: .session(gone)) == nil)
            #expect(try catalog.allBlobs(limit: 7).allSatisfy { $0.scope != .session(gone) })
            try catalog.endRemovals()
            #expect(try partitions.map { try catalog.stored($0).count } == [16, 0, 0, 16])
            #expect(try catalog.blob(CatalogSample.digest(1), scope: .session(gone)) == nil)
            #expect(try catalog.blob(CatalogSample.digest(1), scope: .session(left)) != nil)
            #expect(try catalog.facts(CatalogSample.digest(99), version: 1) == nil)
            #expect(try catalog.facts(CatalogSample.digest(30), version: 1) == [2])
            #expect(try catalog.totals().blobs == 60)
            try catalog.expectTotals(partitions.map { ($0, CatalogSample.key) })
            try catalog.apply([.removeSession(gone), .removeSession(try CatalogSample.id("nobody"))])
            try catalog.apply([.response(CatalogSample.response("new", partition: partitions[1]))])
            try catalog.endRemovals()
            #expect(try catalog.stored(partitions[1]).count == 1)
        },
        CatalogCheck("a session's removal is ended after the sudden end of the process, and never shown again") {
            harness in
            let catalog = harness.catalog
            let (gone, left) = (try CatalogSample.id("gone"), try CatalogSample.id("left"))
            let own = Partition.session(gone, credentials: CatalogSample.digest(5))
            for number in 1...200 as ClosedRange<UInt64> {
                try catalog.apply([
                    .blob(CatalogSample.blob(number), at: CatalogSample.time(1)),
                    .blob(CatalogSample.blob(number, own.scope), at: CatalogSample.time(1)),
                    .response(CatalogSample.response("", partition: own, key: "\(number)", digest: number)),
                    .pin(CatalogSample.digest(number), gone),
                ])
            }
            try catalog.apply([.pin(CatalogSample.digest(7), left), .removeSession(gone)])
            guard let again = try harness.crash() else { return }
            #expect(try again.stored(own, key: "1").isEmpty)
            #expect(try again.blob(CatalogSample.digest(1), scope: own.scope) == nil)
            try again.endRemovals()
            #expect(try again.totals() == CatalogTotals(blobs: 200, bytesOnDisk: 1000, logicalBytes: 201_000))
            #expect(try again.evictionCandidates(limit: 999, includingPinned: false).count == 199)
        },
    ]

    static let groups = [
        CatalogCheck("a full medium refuses the group and keeps what was there") { harness in
            let catalog = harness.catalog
            try catalog.apply([.response(CatalogSample.response("first"))])
            try harness.setFull(true)
            var number: UInt64 = 0
            var error: StoreError?
            while error == nil, number < 50_000 {
                do throws(StoreError) {
                    try catalog.apply(
                        (1...3).map { .blob(CatalogSample.blob(number + $0), at: CatalogSample.time(1)) })
                    number += 3
                } catch let failure {
                    error = failure
                }
            }
            #expect(error?.kind == .full)
            try catalog.expectTotals()
            #expect(try catalog.totals().blobs == Int64(number))
            try harness.setFull(false)
            try catalog.apply([.blob(CatalogSample.blob(number + 1), at: CatalogSample.time(1))])
            try catalog.expectTotals()
        },
        CatalogCheck("what was applied survives the sudden end of the process") { harness in
            let catalog = harness.catalog
            let session = try CatalogSample.id("s")
            let own = Partition.session(session, credentials: CatalogSample.digest(5))
            for number in 1...50 as ClosedRange<UInt64> {
                try catalog.apply([
                    .blob(CatalogSample.blob(number), at: CatalogSample.time(Int64(number))),
                    .blob(CatalogSample.blob(number, .session(session)), at: CatalogSample.time(1)),
                    .response(CatalogSample.response("\(number)", digest: number)),
                    .response(CatalogSample.response("\(number)", partition: own, digest: number)),
                    .pin(CatalogSample.digest(number / 2), session),
                ])
            }
            guard let again = try harness.crash() else { return }
            #expect(try again.totals() == (try catalog.totals()))
            #expect(try again.stored() == (try catalog.stored()))
            #expect(try again.stored(own) == (try catalog.stored(own)))
            #expect(try again.allBlobs(limit: 9) == (try catalog.allBlobs(limit: 9)))
            #expect(
                try again.evictionCandidates(limit: 99, includingPinned: false)
                    == (try catalog.evictionCandidates(limit: 99, includingPinned: false)))
        },
    ]
}
