import Core
import Storage
import Testing

extension BlobStoreCheck {
    static let removing = [
        BlobStoreCheck("a removed blob is gone, and removing it again is no error") { fixture in
            let harness = try fixture.make(FaultPlan())
            for size in [1000, 100_000] {
                let neighbour = try fixture.store(Sample.text(size, seed: 7), in: harness.store)
                let blob = try fixture.store(Sample.text(size), in: harness.store)
                try harness.store.remove(blob)
                #expect(try harness.store.open(blob) == nil)
                #expect(try !harness.store.verify(blob))
                try harness.store.remove(blob)
                try fixture.expect(Sample.text(size, seed: 7), of: neighbour, in: harness.store)
                let again = try fixture.store(Sample.text(size), in: harness.store)
                try fixture.expect(Sample.text(size), of: again, in: harness.store)
            }
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("maintenance after removals leaves the neighbours as they were") { fixture in
            let harness = try fixture.make(FaultPlan())
            var kept: [(blob: StoredBlob, bytes: [UInt8])] = []
            for seed in 0..<60 {
                let bytes = Sample.noise(500 + seed * 400, seed: UInt64(seed))
                let blob = try fixture.store(bytes, in: harness.store)
                // Runs of one, of two, and of three.
                if [1, 3, 4, 6, 7, 8].contains(seed % 10) {
                    try harness.store.remove(blob)
                } else {
                    kept.append((blob, bytes))
                }
                if seed % 20 == 19 { _ = try harness.store.maintain() }
            }
            for _ in 0..<3 { _ = try harness.store.maintain() }
            for (blob, bytes) in kept { try fixture.expect(bytes, of: blob, in: harness.store) }
        },
        BlobStoreCheck("scopes are apart: one goes with its session, the others stay") { fixture in
            let harness = try fixture.make(FaultPlan())
            let (mine, other) = (try fixture.session(), try fixture.session("s2"))
            for size in [2000, 100_000] {
                let bytes = Sample.noise(size)
                let shared = try fixture.store(bytes, in: harness.store)
                let others = try fixture.store(bytes, in: harness.store, scope: .session(other))
                let blob = try fixture.store(bytes, in: harness.store, scope: .session(mine))
                #expect(Set(try harness.store.privateSessions()) == [mine, other])
                let reader = try #require(try harness.store.open(blob))
                try harness.store.removeAll(of: mine)
                #expect(try harness.store.open(blob) == nil)
                let isStill = try reader.bytes() == bytes
                #expect(isStill)
                try fixture.expect(bytes, of: shared, in: harness.store)
                try fixture.expect(bytes, of: others, in: harness.store)
                try harness.store.removeAll(of: mine)
                #expect(try harness.store.privateSessions() == [other])
            }
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("maintenance of a private blob ends with its session") { fixture in
            let harness = try fixture.make(FaultPlan())
            let mine = try fixture.session()
            _ = try fixture.store(Sample.text(400_000), in: harness.store, scope: .session(mine))
            try harness.store.removeAll(of: mine)
            #expect(try harness.store.maintain().isEmpty)
            #expect(try harness.store.privateSessions() == [])
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("a changed byte is found") { fixture in
            let harness = try fixture.make(FaultPlan())
            for bytes in [Sample.noise(3000), Sample.text(3000), Sample.noise(100_000), Sample.text(700_000)] {
                var blob = try fixture.store(bytes, in: harness.store)
                for (old, new) in try harness.store.maintain() where old == blob { blob = new }
                _ = try harness.store.maintain()
                guard try harness.damage(blob) else { return }
                #expect(try !harness.store.verify(blob))
                // Fetched again, the content is there again.
                try harness.store.remove(blob)
                let again = try fixture.store(bytes, in: harness.store)
                try fixture.expect(bytes, of: again, in: harness.store)
            }
        },
    ]
}
