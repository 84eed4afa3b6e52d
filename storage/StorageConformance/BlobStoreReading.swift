import Core
import Storage
import Testing

extension BlobStoreCheck {
    static let reading = [
        BlobStoreCheck("what has been appended can be read while writing goes on") { fixture in
            let harness = try fixture.make(FaultPlan())
            let bytes = Sample.noise(500_000)
            let sink = try harness.store.stage(scope: .shared, expectedSize: 500_000)
            let reader = sink.reader()
            #expect(reader.size == 0)
            #expect(try reader.bytes(count: 10) == [])
            for start in stride(from: 0, to: bytes.count, by: 50_000) {
                try sink.append(Array(bytes[start..<start + 50_000]))
                #expect(sink.size == Int64(start + 50_000))
                #expect(reader.size == sink.size)
                let isRight = try reader.bytes() == Array(bytes[..<(start + 50_000)])
                #expect(isRight)
                #expect(try reader.bytes(from: Int64(start + 50_000), count: 1) == [])
            }
            try fixture.expect(
                bytes, of: try sink.commit(digest: fixture.digest(bytes), size: 500_000), in: harness.store)
        },
        BlobStoreCheck("a reader on another thread sees only whole pieces of a growing body") { fixture in
            let harness = try fixture.make(FaultPlan())
            let bytes = Sample.noise(1_000_000)
            let sink = try harness.store.stage(scope: .shared, expectedSize: nil)
            let reader = sink.reader()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for start in stride(from: 0, to: bytes.count, by: 10_000) {
                        try sink.append(Array(bytes[start..<start + 10_000]))
                    }
                }
                for _ in 0..<2 {
                    group.addTask {
                        var seen = 0
                        while seen < bytes.count {
                            let piece = try reader.bytes(from: Int64(seen), count: 33_333)
                            guard piece.elementsEqual(bytes[seen..<seen + piece.count]) else {
                                Issue.record("wrong bytes at \(seen)")
                                return
                            }
                            seen += piece.count
                            await Task.yield()
                        }
                    }
                }
                try await group.waitForAll()
            }
        },
        BlobStoreCheck("comparing with the digest can be slowed down and stopped") { fixture in
            let harness = try fixture.make(FaultPlan())
            for size in [3000, 1_000_000] {
                let blob = try fixture.store(Sample.noise(size), in: harness.store)
                var read = 0
                let isRight = try harness.store.verify(blob) { count in
                    read += count
                    return true
                }
                #expect(isRight == true)
                #expect(read == size)
                #expect(try harness.store.verify(blob) { _ in false } == nil)
                #expect(try harness.store.verify(blob))
            }
        },
        BlobStoreCheck("a reader outlives commit, drop and removal") { fixture in
            let harness = try fixture.make(FaultPlan())
            for size in [1000, 100_000] {
                let bytes = Sample.noise(size)
                let (fromSink, blob) = try { () throws in
                    let sink = try harness.store.stage(scope: .shared, expectedSize: nil)
                    try sink.append(bytes)
                    return (sink.reader(), try sink.commit(digest: fixture.digest(bytes), size: Int64(size)))
                }()
                let opened = try #require(try harness.store.open(blob))
                try harness.store.remove(blob)
                _ = try harness.store.maintain()
                for reader in [fromSink, opened] {
                    let isSame = try reader.bytes() == bytes
                    #expect(isSame)
                }
                let dropped = try { () throws in
                    let sink = try harness.store.stage(scope: .shared, expectedSize: nil)
                    try sink.append(bytes)
                    return sink.reader()
                }()
                let isSame = try dropped.bytes() == bytes
                #expect(isSame)
            }
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("reading beyond the end, or before the beginning, gives nothing") { fixture in
            let harness = try fixture.make(FaultPlan())
            for size in [5000, 100_000] {
                let bytes = Sample.text(size)
                let blob = try fixture.store(bytes, in: harness.store)
                let reader = try #require(try harness.store.open(blob))
                #expect(try reader.bytes(from: Int64(size), count: 10) == [])
                #expect(try reader.bytes(from: Int64(size) + 1000, count: 10) == [])
                #expect(try reader.bytes(from: -1, count: 10) == [])
                #expect(try reader.bytes(from: Int64(size) - 3, count: 10) == Array(bytes.suffix(3)))
                #expect(try reader.bytes(from: 7, count: 0) == [])
            }
        },
        BlobStoreCheck("large text reads the same before and after maintenance, at every border") { fixture in
            let harness = try fixture.make(FaultPlan())
            let block = 256 << 10
            let bytes = Sample.text(3 * block + 4321)
            let old = try fixture.store(bytes, in: harness.store)
            let before = try #require(try harness.store.open(old))
            let new = try settle(harness.store, following: old)
            #expect(fixture.compresses == (new.placement != old.placement))
            #expect(!fixture.compresses || new.placement.sizeOnDisk < Int64(bytes.count) / 2)
            // The old placement may still be in somebody's hands.
            for blob in [old, new] {
                try fixture.expect(bytes, of: blob, in: harness.store)
                #expect(try harness.store.verify(blob))
            }
            let after = try #require(try harness.store.open(new))
            #expect(!fixture.compresses || after.plainFile == nil)
            for border in [0, 1, block - 1, block, block + 1, 2 * block, 3 * block - 1, 3 * block, bytes.count - 1] {
                for count in [1, 2, 1000, block, block + 1, 2 * block + 7] {
                    for start in [border, max(0, border - count), max(0, border - count / 2)] {
                        let expected = bytes[start..<min(bytes.count, start + count)]
                        let isRight = try after.bytes(from: Int64(start), count: count).elementsEqual(expected)
                        #expect(isRight, "\(count) bytes at \(start)")
                    }
                }
            }
            let isStill = try before.bytes() == bytes
            #expect(isStill)
            try harness.store.remove(new)
            #expect(try harness.store.open(new) == nil)
            #expect(try harness.store.open(old) == nil)
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("what does not compress stays where it is") { fixture in
            let harness = try fixture.make(FaultPlan())
            let bytes = Sample.noise(700_000)
            let blob = try fixture.store(bytes, in: harness.store)
            #expect(try settle(harness.store, following: blob) == blob)
            try fixture.expect(bytes, of: blob, in: harness.store)
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("one reader serves several threads") { fixture in
            let harness = try fixture.make(FaultPlan())
            let bytes = Sample.text(900_000)
            let blob = try settle(harness.store, following: try fixture.store(bytes, in: harness.store))
            let reader = try #require(try harness.store.open(blob))
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for task in 0..<4 {
                    group.addTask {
                        for round in 0..<40 {
                            let start = (task * 91_117 + round * 23_456) % bytes.count
                            let expected = bytes[start..<min(bytes.count, start + 30_000)]
                            let isRight = try reader.bytes(from: Int64(start), count: 30_000).elementsEqual(expected)
                            if !isRight { return false }
                        }
                        return true
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        },
    ]

    /// Maintains until nothing moves any more; returns where the blob is then.
    private static func settle(_ store: any BlobStore, following blob: StoredBlob) throws -> StoredBlob {
        var blob = blob
        for _ in 0..<3 {
            for (old, new) in try store.maintain() where old == blob { blob = new }
        }
        return blob
    }
}
