import Core
import Storage
import Testing

extension CatalogCheck {
    static let responses = [
        CatalogCheck("a response is read as it was written, with an id of its own") { harness in
            let catalog = harness.catalog
            let several = CatalogSample.response("a\n\u{1}b", names: ["accept", "accept-language"], digest: 2)
            let none = CatalogSample.response("gzip", names: [])
            try catalog.apply([.response(several), .response(none)])
            #expect(try catalog.stored() == [none, several])
            let ids = try catalog.responses(in: .shared, key: CatalogSample.key).map(\.id)
            #expect(Set(ids).count == 2 && !ids.contains(0))
            #expect(try catalog.stored(key: CatalogSample.key + "y").isEmpty)
            try catalog.expectTotals()
        },
        CatalogCheck("a response replaces the one with the same partition, key and variant") { harness in
            let catalog = harness.catalog
            try catalog.apply([.response(CatalogSample.response("a")), .response(CatalogSample.response("b"))])
            var newer = CatalogSample.response("a", digest: 9)
            newer.status = 200
            try catalog.apply([.response(newer), .response(CatalogSample.response("a", names: []))])
            #expect(
                try catalog.stored() == [CatalogSample.response("a", names: []), newer, CatalogSample.response("b")])
            try catalog.expectTotals()
        },
        CatalogCheck("a key keeps its 16 newest variants in each partition") { harness in
            let catalog = harness.catalog
            let session = Partition.session(try CatalogSample.id("s"), credentials: CatalogSample.digest(1))
            try catalog.apply([.response(CatalogSample.response("mine", partition: session))])
            for number in 0..<20 { try catalog.apply([.response(CatalogSample.response("v\(number)"))]) }
            #expect(try catalog.stored().map(\.variant) == (4..<20).reversed().map { "v\($0)" })
            #expect(try catalog.stored(session).map(\.variant) == ["mine"])
            try catalog.apply([.response(CatalogSample.response("v4"))])
            #expect(try catalog.stored().map(\.variant) == ["v4"] + (5..<20).reversed().map { "v\($0)" })
            try catalog.expectTotals([(.shared, CatalogSample.key), (session, CatalogSample.key)])
        },
        CatalogCheck("partitions do not see each other") { harness in
            let catalog = harness.catalog
            let (first, second) = (try CatalogSample.id("s1"), try CatalogSample.id("s2"))
            let partitions: [Partition] = [
                .shared, .session(first, credentials: CatalogSample.digest(1)),
                .session(first, credentials: CatalogSample.digest(2)),
                .session(second, credentials: CatalogSample.digest(1)),
            ]
            for (number, partition) in partitions.enumerated() {
                #expect(try catalog.stored(partition).isEmpty)
                try catalog.apply([
                    .response(CatalogSample.response(partition: partition, digest: UInt64(number)))
                ])
            }
            for (number, partition) in partitions.enumerated() {
                let expected = CatalogSample.response(partition: partition, digest: UInt64(number))
                #expect(try catalog.stored(partition) == [expected])
            }
            try catalog.apply([.invalidate(partitions[1], key: CatalogSample.key)])
            #expect(try partitions.map { try catalog.stored($0).count } == [1, 0, 1, 1])
            try catalog.expectTotals(partitions.map { ($0, CatalogSample.key) })
        },
        CatalogCheck("validation changes head and times of one response and not its place") { harness in
            let catalog = harness.catalog
            let session = Partition.session(try CatalogSample.id("s"), credentials: CatalogSample.digest(1))
            for partition in [Partition.shared, session] {
                try catalog.apply([
                    .response(CatalogSample.response("a", partition: partition)),
                    .response(CatalogSample.response("b", partition: partition)),
                ])
                let id = try #require(try catalog.responses(in: partition, key: CatalogSample.key).last?.id)
                for size in [0, 10, 3000, 5000] {
                    let head = [UInt8](repeating: 88, count: size)
                    try catalog.apply([.refresh(id: id, head: head, requestTime: 5, responseTime: 6)])
                    var expected = CatalogSample.response("a", partition: partition)
                    (expected.head, expected.requestTime, expected.responseTime) = (head, 5, 6)
                    #expect(
                        try catalog.stored(partition) == [CatalogSample.response("b", partition: partition), expected])
                }
            }
        },
        CatalogCheck("the hashes of all keys can be read, in pages of any size") { harness in
            let catalog = harness.catalog
            let session = Partition.session(try CatalogSample.id("s"), credentials: CatalogSample.digest(1))
            var expected: Set<UInt64> = []
            for number in 1...23 {
                let key = "https://a.example/\(number)"
                let partition = number % 3 == 0 ? session : .shared
                try catalog.apply([.response(CatalogSample.response(partition: partition, key: key))])
                try catalog.apply([.response(CatalogSample.response("b", partition: partition, key: key))])
                expected.insert(catalog.keyHash(partition, key))
            }
            #expect(expected.count == 23)
            #expect(catalog.keyHash(.shared, "https://a.example/3") != catalog.keyHash(session, "https://a.example/3"))
            for limit in [1, 5, 23, 100] {
                var found: [UInt64] = []
                while true {
                    let page = try catalog.keyHashes(after: found.last, limit: limit)
                    if page.isEmpty { break }
                    #expect(page.count <= limit)
                    found += page
                }
                #expect(found.count == 23 && Set(found) == expected)
            }
        },
        CatalogCheck("all responses can be listed in the order in which they were stored, in pages of any size") {
            harness in
            let catalog = harness.catalog
            let (staying, going) = (try CatalogSample.id("s1"), try CatalogSample.id("s2"))
            var expected: [StoredResponse] = []
            for number in 1...23 {
                let partition: Partition =
                    switch number % 4 {
                    case 0: .session(staying, credentials: CatalogSample.digest(1))
                    case 1: .session(going, credentials: CatalogSample.digest(1))
                    default: .shared
                    }
                let response = CatalogSample.response(partition: partition, key: "https://a.example/\(number)")
                try catalog.apply([.response(response)])
                if number % 4 != 1 { expected.append(response) }
            }
            try catalog.apply([.removeSession(going)])
            for limit in [1, 5, 17, 100] {
                var found: [StoredResponse] = []
                while true {
                    let page = try catalog.responses(after: found.last?.id ?? 0, limit: limit)
                    if page.isEmpty { break }
                    #expect(page.count <= limit)
                    found += page
                }
                #expect(
                    found.map { response in
                        var response = response
                        response.id = 0
                        return response
                    } == expected)
            }
            #expect(try catalog.responses(after: 0, limit: 0).isEmpty)
        },
        CatalogCheck("a response can be forgotten, alone or with all of its key, and its id is not given again") {
            harness in
            let catalog = harness.catalog
            try catalog.apply(["a", "b", "c"].map { .response(CatalogSample.response($0)) })
            let ids = try catalog.responses(in: .shared, key: CatalogSample.key).map(\.id)
            try catalog.apply([.forget(id: ids[0]), .forget(id: ids[0]), .forget(id: 12345)])
            try catalog.apply([.refresh(id: ids[0], head: [1], requestTime: 1, responseTime: 1)])
            #expect(try catalog.stored().map(\.variant) == ["b", "a"])
            try catalog.apply([.response(CatalogSample.response("d"))])
            #expect(try !ids.contains(#require(try catalog.responses(in: .shared, key: CatalogSample.key).first?.id)))
            try catalog.apply([.response(CatalogSample.response(key: "https://b.example/"))])
            try catalog.apply([.invalidate(.shared, key: CatalogSample.key), .invalidate(.shared, key: "x")])
            #expect(try catalog.stored().isEmpty)
            #expect(try catalog.stored(key: "https://b.example/").count == 1)
            try catalog.expectTotals([(.shared, "https://b.example/")])
        },
    ]
}
