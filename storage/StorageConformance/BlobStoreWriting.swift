import Core
import Storage
import Testing

extension BlobStoreCheck {
    static let writing = [
        BlobStoreCheck("a write that is dropped leaves nothing") { fixture in
            let harness = try fixture.make(FaultPlan())
            do {
                let sink = try harness.store.stage(scope: .shared, expectedSize: nil)
                try sink.append([1, 2, 3])
                #expect(harness.store.stagedWrites == 1)
            }
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("a commit with the wrong size is rejected and leaves nothing") { fixture in
            let harness = try fixture.make(FaultPlan())
            do {
                let bytes = Sample.noise(70_000)
                let sink = try harness.store.stage(scope: .shared, expectedSize: nil)
                try sink.append(bytes)
                let wrong = failure { try sink.commit(digest: fixture.digest(bytes), size: 70_001) }
                #expect(wrong?.kind == .rejected)
                let later = failure { try sink.commit(digest: fixture.digest(bytes), size: 70_000) }
                #expect(later?.kind == .rejected)
                #expect(failure { try sink.append([1]) }?.kind == .rejected)
                let isReadable = try sink.reader().bytes() == bytes
                #expect(isReadable)
                let blob = StoredBlob(
                    digest: fixture.digest(bytes), logicalSize: 70_000, scope: .shared,
                    placement: try fixture.store(Sample.noise(70_000, seed: 2), in: harness.store).placement)
                #expect(try harness.store.open(blob) == nil)
            }
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("bodies of all sizes come back as they were put") { fixture in
            let harness = try fixture.make(FaultPlan())
            for size in [0, 1, 127, 128, 4096, 10_240, 65_535, 65_536, 65_537, 300_000] {
                for bytes in [Sample.noise(size), Sample.text(size)] {
                    let blob = try fixture.store(bytes, in: harness.store)
                    #expect(blob.logicalSize == Int64(size))
                    #expect(blob.digest == fixture.digest(bytes))
                    #expect(blob.placement.text.utf8.count <= 200)
                    try fixture.expect(bytes, of: blob, in: harness.store)
                    #expect(try harness.store.verify(blob))
                }
            }
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("a body put in one piece may be large, and a staged one small") { fixture in
            let harness = try fixture.make(FaultPlan())
            let large = Sample.noise(200_000)
            let put = try harness.store.put(large, digest: fixture.digest(large), scope: .shared)
            try fixture.expect(large, of: put, in: harness.store)
            for small in [[], Sample.text(5000)] {
                let sink = try harness.store.stage(scope: .shared, expectedSize: nil)
                if !small.isEmpty { try sink.append(small) }
                let reader = sink.reader()
                let staged = try sink.commit(digest: fixture.digest(small), size: Int64(small.count))
                try fixture.expect(small, of: staged, in: harness.store)
                #expect(try reader.bytes() == small)
            }
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("the same content twice is one readable blob") { fixture in
            let harness = try fixture.make(FaultPlan())
            for bytes in [Sample.text(3000), Sample.text(100_000)] {
                let first = try fixture.store(bytes, in: harness.store)
                let second = try fixture.store(bytes, in: harness.store)
                try fixture.expect(bytes, of: first, in: harness.store)
                try fixture.expect(bytes, of: second, in: harness.store)
            }
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("many writers at once do not mix their bytes") { fixture in
            let harness = try fixture.make(FaultPlan())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        for round in 0..<20 {
                            let seed = UInt64(writer * 100 + round)
                            let bytes = Sample.noise(round.isMultiple(of: 7) ? 80_000 : 2000 + round, seed: seed)
                            let blob = try fixture.store(bytes, in: harness.store)
                            try fixture.expect(bytes, of: blob, in: harness.store)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try fixture.expectSettled(harness)
        },
    ]
}
