import Core
import Storage
import Testing

extension RecordsCheck {
    static let restoring = [
        RecordsCheck("a session that is being brought back is seen by nobody before all of it is there") { harness in
            let records = harness.records
            let row = try RecordSample.session("a")
            let rows = (1...300).map { RecordSample.exchange(row.id, $0, digest: RecordSample.digest(UInt64($0) % 7)) }
            try records.apply([.beginRestoring(row)])
            for start in stride(from: 0, to: rows.count, by: 50) {
                try records.apply([.restore(row.id, Array(rows[start..<start + 50]))])
                #expect(try records.sessions().isEmpty && records.session(row.id) == nil)
                #expect(try records.all(row.id).isEmpty && records.totals(of: row.id) == SessionTotals())
                #expect(try !records.wasUsed(row.id))
            }
            try records.apply([.endRestoring(row.id)])
            #expect(try records.sessions() == [row])
            #expect(try records.all(row.id) == rows)
            #expect(try records.artifacts(of: row.id, after: 0, limit: 99).map(\.firstNumber) == Array(1...7))
            #expect(try records.wasUsed(row.id))
            try records.apply([.exchange(RecordSample.exchange(row.id, 301)), .revoke(row.id, at: .now())])
            guard let again = try harness.crash() else { return }
            #expect(try again.sessions() == (try records.sessions()))
            #expect(try again.all(row.id) == (try records.all(row.id)))
        },
        RecordsCheck("what does not fit a session that is being brought back is refused") { harness in
            let records = harness.records
            let (row, other) = (try RecordSample.session("a"), try RecordSample.session("b"))
            try records.apply([.open(other), .beginRestoring(row)])
            let wrong: [RecordChange] = [
                .beginRestoring(row), .beginRestoring(other), .open(row),
                .exchange(RecordSample.exchange(row.id, 1)), .revoke(row.id, at: .now()),
                .markIncomplete(row.id, reason: "x"), .restore(row.id, [RecordSample.exchange(row.id, 2)]),
                .restore(row.id, [RecordSample.exchange(other.id, 1)]),
                .restore(other.id, [RecordSample.exchange(other.id, 1)]), .endRestoring(other.id),
                .endRestoring(try RecordSample.id("nobody")),
            ]
            for change in wrong { #expect(records.refusal(of: [change])?.kind == .rejected, "\(change)") }
            // None of it has left anything.
            try records.apply([
                .restore(row.id, [RecordSample.exchange(row.id, 1), RecordSample.exchange(row.id, 2)]),
                .endRestoring(row.id),
            ])
            #expect(records.refusal(of: [.endRestoring(row.id)])?.kind == .rejected)
            #expect(try records.all(row.id).map(\.number) == [1, 2])
            #expect(try records.sessions() == [other, row])
        },
        RecordsCheck("a session that is not brought back after all leaves its id unused") { harness in
            let records = harness.records
            let row = try RecordSample.session("a")
            for _ in 0..<2 {
                try records.apply([
                    .beginRestoring(row), .restore(row.id, (1...70).map { RecordSample.exchange(row.id, $0) }),
                ])
                try records.remove(row.id)
                #expect(try records.sessions().isEmpty && !records.wasUsed(row.id))
            }
            try records.apply([.open(row), .exchange(RecordSample.exchange(row.id, 1))])
            #expect(try records.all(row.id).count == 1)
        },
        RecordsCheck("what the end of the process kept from being brought back is gone") { harness in
            let row = try RecordSample.session("a")
            try harness.records.apply([
                .beginRestoring(row), .restore(row.id, (1...70).map { RecordSample.exchange(row.id, $0) }),
            ])
            guard let again = try harness.crash() else { return }
            #expect(try again.sessions().isEmpty && !again.wasUsed(row.id))
            #expect(again.refusal(of: [.endRestoring(row.id)])?.kind == .rejected)
        },
        RecordsCheck("ids that were used elsewhere are used here, and told to others") { harness in
            let records = harness.records
            try records.apply([.open(try RecordSample.session("own"))])
            try records.remove(try RecordSample.id("own"))
            let ids = try (0..<30).map { try RecordSample.id("gone\($0)") }
            let keys = (0..<3).map { UsedIDKey(first: .max - $0, second: $0) }
            for (place, id) in ids.enumerated() {
                let key = keys[place % 3]
                try records.apply([.reserve([key.hash(id)], key), .reserve([key.hash(id)], key)])
            }
            let isAsItShould: (any Records) throws -> Void = { records in
                for id in ids {
                    #expect(try records.wasUsed(id))
                    let row = try RecordSample.session(id.text)
                    #expect(records.refusal(of: [.open(row)])?.kind == .rejected)
                    #expect(records.refusal(of: [.beginRestoring(row)])?.kind == .rejected)
                }
                #expect(try !records.wasUsed(RecordSample.id("other")))
                let known = try records.usedIDKeys()
                #expect(known.count == 4 && Set(known.dropFirst()) == Set(keys))
                #expect(try records.usedIDs(known[0], after: nil, limit: 9) == [known[0].hash(RecordSample.id("own"))])
                for (place, key) in keys.enumerated() {
                    var found: [Int64] = []
                    while true {
                        let page = try records.usedIDs(key, after: found.last, limit: 3)
                        guard !page.isEmpty else { break }
                        found += page
                    }
                    let own = ids.enumerated().filter { $0.offset % 3 == place }.map { key.hash($0.element) }
                    #expect(found == own.sorted())
                    #expect(try records.usedIDs(key, after: .max, limit: 3).isEmpty)
                }
                #expect(try records.usedIDs(UsedIDKey(first: 5, second: 5), after: nil, limit: 3).isEmpty)
            }
            try isAsItShould(records)
            if let again = try harness.crash() { try isAsItShould(again) }
            // Its own key is nobody else's.
            let own = try records.usedIDKeys()[0]
            try records.apply([.reserve([own.hash(try RecordSample.id("back"))], own)])
            #expect(try records.wasUsed(RecordSample.id("back")) && records.usedIDKeys().count == 4)
        },
        RecordsCheck("the records whose ids are reserved are bounded") { harness in
            let keys = (0...UInt64(UsedIDKey.most)).map { UsedIDKey(first: $0, second: 1) }
            for key in keys.dropLast() { try harness.records.apply([.reserve([1], key)]) }
            #expect(harness.records.refusal(of: [.reserve([1], keys[UsedIDKey.most])])?.kind == .rejected)
            #expect(harness.records.refusal(of: [.reserve([2], keys[0])]) == nil)
        },
    ]
}
