import Core
import Storage
import Testing

extension RecordsCheck {
    static let sessions = [
        RecordsCheck("a session is read as it was written") { harness in
            let records = harness.records
            var row = try RecordSample.session("a1")
            row.policy = .permissive
            row.revoked = WallTime(nanoseconds: -5)
            row.incompleteReason = "reboot \u{1F4BE}"
            try records.apply([.open(row), .open(try RecordSample.session("b2"))])
            #expect(try records.session(row.id) == row)
            #expect(try records.sessions() == [row, try RecordSample.session("b2")])
            #expect(try records.session(try RecordSample.id("c3")) == nil)
        },
        RecordsCheck("sessions are listed in the order in which they were opened") { harness in
            for name in ["z", "a", "m"] { try harness.records.apply([.open(try RecordSample.session(name))]) }
            #expect(try harness.records.sessions().map(\.id.text) == ["z", "a", "m"])
        },
        RecordsCheck("an id is not used twice, not even after its session was removed") { harness in
            let records = harness.records
            let row = try RecordSample.session("once")
            #expect(try !records.wasUsed(row.id))
            try records.apply([.open(row)])
            #expect(try records.wasUsed(row.id))
            #expect(records.refusal(of: [.open(row)])?.kind == .rejected)
            try records.remove(row.id)
            #expect(try records.wasUsed(row.id))
            #expect(records.refusal(of: [.open(row)])?.kind == .rejected)
            #expect(try records.session(row.id) == nil)
        },
        RecordsCheck("the first revocation stays") { harness in
            let row = try RecordSample.session("a")
            try harness.records.apply([.open(row), .revoke(row.id, at: WallTime(nanoseconds: 10))])
            try harness.records.apply([.revoke(row.id, at: WallTime(nanoseconds: 20))])
            #expect(try harness.records.session(row.id)?.revoked == WallTime(nanoseconds: 10))
        },
        RecordsCheck("reasons for a gap add up, each once") { harness in
            let row = try RecordSample.session("a")
            try harness.records.apply([.open(row), .markIncomplete(row.id, reason: "disk full")])
            try harness.records.apply([.markIncomplete(row.id, reason: "reboot")])
            try harness.records.apply([.markIncomplete(row.id, reason: "disk full")])
            #expect(try harness.records.session(row.id)?.incompleteReason == "disk full; reboot")
            try harness.records.apply([.markIncomplete(row.id, reason: String(repeating: "x", count: 5000))])
            #expect(try harness.records.session(row.id)?.incompleteReason.count == 1024)
        },
        RecordsCheck("what is read of a session that is not there is empty") { harness in
            let id = try RecordSample.id("nobody")
            #expect(try harness.records.totals(of: id) == SessionTotals())
            #expect(try harness.records.all(id).isEmpty)
            #expect(try harness.records.artifacts(of: id, after: 0, limit: 10).isEmpty)
            #expect(try harness.records.unconcluded(of: id, limit: 10).isEmpty)
            #expect(try harness.records.exchanges(of: id, digest: RecordSample.digest(1), after: 0, limit: 9).isEmpty)
            #expect(try harness.records.lastNumber(of: id) == 0)
        },
    ]

    static let exchanges = [
        RecordsCheck("an exchange of every kind is read as it was written, whatever its size") { harness in
            let session = try RecordSample.session("a")
            try harness.records.apply([.open(session)])
            var rows: [ExchangeRow] = []
            for category in ExchangeRow.Category.allCases {
                for (digest, result) in [(nil, nil), (RecordSample.digest(200), ExchangeRow.Result.rejected)] {
                    for size in [0, 1, 200, 1700, 1800, 1900, 2000, 2100, 5000, 70_000] {
                        var row = RecordSample.exchange(
                            session.id, Int64(rows.count + 1), category, digest: digest, result: result)
                        row.download = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
                        row.judgement = Array(row.download.reversed().prefix(size / 3))
                        row.isTruncated = size == 200
                        rows.append(row)
                    }
                }
            }
            try harness.records.apply(rows.map(RecordChange.exchange))
            #expect(try harness.records.all(session.id) == rows)
        },
        RecordsCheck("numbers are gap-free from 1 on") { harness in
            let session = try RecordSample.session("a").id
            try harness.records.apply([.open(try RecordSample.session("a"))])
            func refusal(_ numbers: Int64...) -> StoreError.Kind? {
                harness.records.refusal(of: numbers.map { .exchange(RecordSample.exchange(session, $0)) })?.kind
            }
            #expect(refusal(0) == .rejected)
            #expect(refusal(2) == .rejected)
            #expect(refusal(1, 3) == .rejected)
            #expect(refusal(1, 2) == nil)
            #expect(refusal(2) == .rejected)
            #expect(refusal(4) == .rejected)
            #expect(refusal(3) == nil)
            #expect(refusal(.max) == .rejected)
            #expect(try harness.records.all(session).map(\.number) == [1, 2, 3])
        },
        RecordsCheck("totals count every exchange, as it was corrected") { harness in
            let session = try RecordSample.session("a").id
            try harness.records.apply([.open(try RecordSample.session("a"))])
            #expect(try harness.records.totals(of: session) == SessionTotals())
            for number in 1...40 as ClosedRange<Int64> {
                let category = ExchangeRow.Category.allCases[Int(number % 4)]
                try harness.records.apply([.exchange(RecordSample.exchange(session, number, category))])
            }
            let sum = (1...40).reduce(0) { $0 + Int64($1) * 10 }
            #expect(
                try harness.records.totals(of: session) == SessionTotals(lastNumber: 40, exchanges: 40, delivered: sum))
            #expect(try harness.records.lastNumber(of: session) == 40)
            try harness.records.apply([.delivered(session, number: 40, bytes: 7, truncated: "cut")])
            #expect(try harness.records.totals(of: session).delivered == sum - 400 + 7)
            let row = try #require(try harness.records.all(session).last)
            #expect(row.delivered == 7 && row.isTruncated && row.size == 40_000)
        },
        RecordsCheck("a transfer that was cut after its row was written says so and why in its JSON") { harness in
            let session = try RecordSample.session("a").id
            try harness.records.apply([.open(try RecordSample.session("a"))])
            for (index, before) in ["", "not cached: x"].enumerated() {
                var row = RecordSample.exchange(session, Int64(index + 1), digest: RecordSample.digest(1))
                row.download =
                    JSONValue.object([
                        "url": "http://a.example/", "delivered": 900, "reason": .string(before),
                    ]).json
                row.judgement = [UInt8](repeating: 65, count: 1_900)
                let reason = "the client is gone " + String(repeating: "!", count: 2_000)
                try harness.records.apply([
                    .exchange(row), .delivered(session, number: row.number, bytes: 500, truncated: reason),
                ])
                let read = try #require(try harness.records.all(session).last)
                let json = try JSONValue(parsing: read.download)
                #expect(json["delivered"]?.integer == 500)
                #expect(json["truncated"]?.bool == true)
                #expect(json["reason"]?.text == (before.isEmpty ? reason : reason + "; " + before))
                #expect(json["url"]?.text == "http://a.example/")
                #expect(read.judgement == row.judgement)
                #expect(read.delivered == 500 && read.isTruncated)
            }
        },
        RecordsCheck("a later conclusion replaces an earlier one and nothing else") { harness in
            let session = try RecordSample.session("a").id
            try harness.records.apply([.open(try RecordSample.session("a"))])
            for number in 1...3 as ClosedRange<Int64> {
                let row = RecordSample.exchange(session, number, digest: RecordSample.digest(1), result: nil)
                try harness.records.apply([.exchange(row)])
            }
            #expect(try harness.records.unconcluded(of: session, limit: 2).map(\.number) == [1, 2])
            for (result, size) in [(ExchangeRow.Result.unknown, 3), (.rejected, 9000), (.approved, 1500)] {
                let judgement = [UInt8](repeating: 65, count: size)
                try harness.records.apply([.conclude(session, number: 2, result: result, judgement: judgement)])
                var expected = RecordSample.exchange(session, 2, digest: RecordSample.digest(1), result: result)
                expected.judgement = judgement
                #expect(try harness.records.exchanges(of: session, category: nil, after: 1, limit: 1) == [expected])
                #expect(try harness.records.unconcluded(of: session, limit: 10).map(\.number) == [1, 3])
            }
        },
        RecordsCheck("a change of what is not there is refused") { harness in
            let session = try RecordSample.session("a").id
            let stranger = try RecordSample.id("b")
            try harness.records.apply([
                .open(try RecordSample.session("a")), .exchange(RecordSample.exchange(session, 1)),
            ])
            let changes: [RecordChange] = [
                .exchange(RecordSample.exchange(stranger, 1)), .revoke(stranger, at: .now()),
                .markIncomplete(stranger, reason: "x"),
                .conclude(stranger, number: 1, result: .approved, judgement: []),
                .conclude(session, number: 2, result: .approved, judgement: []),
                .conclude(session, number: 0, result: .approved, judgement: []),
                .delivered(session, number: -1, bytes: 1, truncated: nil),
                .delivered(session, number: .max, bytes: 1, truncated: nil),
                .delivered(stranger, number: 1, bytes: 1, truncated: nil),
            ]
            for change in changes { #expect(harness.records.refusal(of: [change])?.kind == .rejected, "\(change)") }
            #expect(try harness.records.all(session) == [RecordSample.exchange(session, 1)])
        },
    ]

    static let pages = [
        RecordsCheck("pages of each category follow each other without gaps, beside other sessions") { harness in
            let names = ["a", "b", "c"]
            for name in names { try harness.records.apply([.open(try RecordSample.session(name))]) }
            var expected: [SessionID: [ExchangeRow]] = [:]
            for number in 1...60 as ClosedRange<Int64> {
                for name in names {
                    let id = try RecordSample.id(name)
                    let category = ExchangeRow.Category.allCases[Int(number) % (name == "b" ? 4 : 2)]
                    let row = RecordSample.exchange(id, number, category, url: "https://\(name).example:443/")
                    expected[id, default: []].append(row)
                    try harness.records.apply([.exchange(row)])
                }
            }
            for (id, rows) in expected {
                #expect(try harness.records.all(id) == rows)
                for category in ExchangeRow.Category.allCases {
                    #expect(try harness.records.all(id, category) == rows.filter { $0.category == category })
                }
                #expect(try harness.records.exchanges(of: id, category: nil, after: 60, limit: 5).isEmpty)
                #expect(try harness.records.exchanges(of: id, category: nil, after: .max, limit: 5).isEmpty)
                #expect(try harness.records.exchanges(of: id, category: nil, after: 0, limit: 0).isEmpty)
                #expect(try harness.records.exchanges(of: id, category: nil, after: -9, limit: .max) == rows)
            }
        },
        RecordsCheck("each artifact is listed once, at its first exchange, and names all its uses") { harness in
            let session = try RecordSample.session("a").id
            try harness.records.apply([.open(try RecordSample.session("a")), .open(try RecordSample.session("b"))])
            let other = try RecordSample.id("b")
            var firsts: [(SHA256Digest, Int64)] = []
            var uses: [SHA256Digest: [Int64]] = [:]
            for number in 1...50 as ClosedRange<Int64> {
                // The same artifacts are used in another session too, and as bodies of refused exchanges.
                let digest = RecordSample.digest(UInt64(number * number % 13))
                let category: ExchangeRow.Category = number % 5 == 0 ? .failure : .artifact
                try harness.records.apply([
                    .exchange(RecordSample.exchange(other, number, digest: digest)),
                    .exchange(RecordSample.exchange(session, number, category, digest: digest)),
                ])
                guard category == .artifact else { continue }
                if uses[digest] == nil { firsts.append((digest, number)) }
                uses[digest, default: []].append(number)
            }
            var listed: [(digest: SHA256Digest, firstNumber: Int64)] = []
            while true {
                let page = try harness.records.artifacts(of: session, after: listed.last?.firstNumber ?? 0, limit: 3)
                if page.isEmpty { break }
                listed += page
            }
            #expect(listed.map(\.digest) == firsts.map(\.0))
            #expect(listed.map(\.firstNumber) == firsts.map(\.1))
            for (digest, numbers) in uses {
                for limit in 1...5 {
                    var pages: [Int64] = []
                    while true {
                        let page = try harness.records.exchanges(
                            of: session, digest: digest, after: pages.last ?? 0, limit: limit)
                        if page.isEmpty { break }
                        #expect(page.count <= limit)
                        pages += page.map(\.number)
                    }
                    #expect(pages == numbers)
                }
            }
            #expect(
                try harness.records.exchanges(of: session, digest: RecordSample.digest(99), after: 0, limit: 9).isEmpty)
        },
        RecordsCheck("artifacts whose digests begin alike are told apart") { harness in
            let session = try RecordSample.session("a").id
            try harness.records.apply([.open(try RecordSample.session("a"))])
            let digests = (0..<4).map { SHA256Digest(words: (9, 0, 0, $0)) }
            for (index, digest) in (digests + digests).enumerated() {
                try harness.records.apply([
                    .exchange(RecordSample.exchange(session, Int64(index + 1), digest: digest))
                ])
            }
            #expect(try harness.records.artifacts(of: session, after: 0, limit: 9).map(\.digest) == digests)
            let uses = try harness.records.exchanges(of: session, digest: digests[2], after: 0, limit: 9)
            #expect(uses.map(\.number) == [3, 7])
        },
    ]
}
