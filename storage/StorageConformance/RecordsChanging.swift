import Core
import Storage
import Testing

extension RecordsCheck {
    static let groups = [
        RecordsCheck("a group with a change that fails leaves nothing") { harness in
            let records = harness.records
            let first = try RecordSample.session("a")
            let second = try RecordSample.session("b")
            try records.apply([.open(first), .exchange(RecordSample.exchange(first.id, 1, result: nil))])
            let good: [RecordChange] = [
                .open(second), .exchange(RecordSample.exchange(second.id, 1)),
                .exchange(RecordSample.exchange(first.id, 2)), .revoke(first.id, at: .now()),
                .markIncomplete(first.id, reason: "x"),
                .conclude(first.id, number: 1, result: .approved, judgement: [1]),
                .delivered(first.id, number: 1, bytes: 0, truncated: "cut"),
            ]
            for place in 0...good.count {
                var group = good
                group.insert(.exchange(RecordSample.exchange(first.id, 77)), at: place)
                #expect(records.refusal(of: group)?.kind == .rejected)
                #expect(try records.sessions() == [first])
                #expect(try records.all(first.id) == [RecordSample.exchange(first.id, 1, result: nil)])
                #expect(try !records.wasUsed(second.id))
            }
            try records.apply(good)
            #expect(try records.all(first.id).count == 2)
            #expect(try records.all(second.id).count == 1)
        },
        RecordsCheck("changes build on those before them in the group") { harness in
            let row = try RecordSample.session("a")
            try harness.records.apply([
                .open(row), .exchange(RecordSample.exchange(row.id, 1)), .exchange(RecordSample.exchange(row.id, 2)),
                .delivered(row.id, number: 2, bytes: 3, truncated: "cut"),
            ])
            #expect(try harness.records.all(row.id).map(\.delivered) == [10, 3])
            try harness.records.apply([])
        },
        RecordsCheck("a full medium refuses the group and keeps what was there") { harness in
            let records = harness.records
            let row = try RecordSample.session("a")
            try records.apply([.open(row)])
            try records.checkWritable()
            try harness.setFull(true)
            var number: Int64 = 0
            var error: StoreError?
            while error == nil, number < 5000 {
                // Three at a time, so that a group that is not whole would show.
                error = records.refusal(
                    of: (1...3).map { .exchange(RecordSample.exchange(row.id, number + $0, digest: nil)) })
                if error == nil { number += 3 }
            }
            #expect(error?.kind == .full)
            #expect(try records.all(row.id).count == Int(number))
            try harness.setFull(false)
            try records.checkWritable()
            try records.apply([.exchange(RecordSample.exchange(row.id, number + 1))])
            #expect(try records.totals(of: row.id).lastNumber == number + 1)
        },
        RecordsCheck("what was applied survives the sudden end of the process") { harness in
            let row = try RecordSample.session("a")
            try harness.records.apply([.open(row)])
            for number in 1...100 as ClosedRange<Int64> {
                let exchange = RecordSample.exchange(row.id, number, digest: RecordSample.digest(UInt64(number % 7)))
                try harness.records.apply([.exchange(exchange)])
            }
            try harness.records.apply([.revoke(row.id, at: WallTime(nanoseconds: 4))])
            guard let again = try harness.crash() else { return }
            #expect(try again.sessions() == (try harness.records.sessions()))
            #expect(try again.all(row.id) == (try harness.records.all(row.id)))
            #expect(try again.totals(of: row.id) == (try harness.records.totals(of: row.id)))
            #expect(again.refusal(of: [.exchange(RecordSample.exchange(row.id, 100))])?.kind == .rejected)
            try again.apply([.exchange(RecordSample.exchange(row.id, 101))])
        },
    ]

    static let removals = [
        RecordsCheck("a removed session is gone and the others are not") { harness in
            let records = harness.records
            let names = ["a", "b", "c"]
            for name in names { try records.apply([.open(try RecordSample.session(name))]) }
            for number in 1...700 as ClosedRange<Int64> {
                try records.apply(
                    try names.map {
                        .exchange(
                            RecordSample.exchange(try RecordSample.id($0), number, digest: RecordSample.digest(1)))
                    })
            }
            let (gone, left) = (try RecordSample.id("b"), try RecordSample.id("c"))
            let before = try records.all(left)
            try records.remove(gone)
            #expect(try records.sessions().map(\.id.text) == ["a", "c"])
            #expect(try records.all(gone).isEmpty)
            #expect(try records.totals(of: gone) == SessionTotals())
            #expect(try records.artifacts(of: gone, after: 0, limit: 5).isEmpty)
            #expect(records.refusal(of: [.exchange(RecordSample.exchange(gone, 701))])?.kind == .rejected)
            #expect(records.refusal(of: [.exchange(RecordSample.exchange(gone, 1))])?.kind == .rejected)
            #expect(try records.all(left) == before)
            try records.apply([.exchange(RecordSample.exchange(left, 701))])
            try records.apply([.open(try RecordSample.session("d"))])
            #expect(try records.all(try RecordSample.id("d")).isEmpty)
        },
        RecordsCheck("removing what is not there, or a second time, is no error") { harness in
            try harness.records.remove(try RecordSample.id("nobody"))
            try harness.records.apply([.open(try RecordSample.session("a"))])
            try harness.records.remove(try RecordSample.id("a"))
            try harness.records.remove(try RecordSample.id("a"))
            guard let again = try harness.crash() else { return }
            #expect(try again.sessions().isEmpty)
            #expect(try again.wasUsed(try RecordSample.id("a")))
        },
    ]
}
