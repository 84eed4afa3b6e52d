import Core
import Storage
import Testing

extension BlobStoreCheck {
    static let surviving = [
        BlobStoreCheck("what was stored is there after a restart, what was staged is not") { fixture in
            let harness = try fixture.make(FaultPlan())
            let session = try fixture.session()
            var stored: [(blob: StoredBlob, bytes: [UInt8])] = []
            for scope in [BlobScope.shared, .session(session)] {
                for size in [0, 900, 60_000, 100_000, 600_000] {
                    let bytes = Sample.text(size)
                    stored.append((try fixture.store(bytes, in: harness.store, scope: scope), bytes))
                }
            }
            for (old, new) in try harness.store.maintain() {
                for index in stored.indices where stored[index].blob == old { stored[index].blob = new }
            }
            let staged = try harness.store.stage(scope: .shared, expectedSize: nil)
            try staged.append(Sample.noise(100_000))
            guard let reopened = try harness.reopen() else { return }
            #expect(try harness.leftovers() == [])
            for (blob, bytes) in stored { try fixture.expect(bytes, of: blob, in: reopened) }
            #expect(try reopened.privateSessions() == [session])
            let later = Sample.text(900, seed: 5)
            let new = try fixture.store(later, in: reopened)
            try fixture.expect(later, of: new, in: reopened)
            for (blob, bytes) in stored { try fixture.expect(bytes, of: blob, in: reopened) }
            try reopened.removeAll(of: session)
            for (blob, _) in stored where blob.scope != .shared { #expect(try reopened.open(blob) == nil) }
        },
        BlobStoreCheck("a sweep removes what earlier runs left without a row, and nothing else") { fixture in
            let harness = try fixture.make(FaultPlan())
            var stored: [(blob: StoredBlob, bytes: [UInt8])] = []
            for seed in 0..<12 {
                let bytes = Sample.noise(seed < 6 ? 3000 : 70_000, seed: UInt64(seed))
                stored.append((try fixture.store(bytes, in: harness.store), bytes))
            }
            let rows = Set(stored.indices.filter { $0.isMultiple(of: 2) }.map { stored[$0].blob.digest })
            guard let reopened = try harness.reopen() else { return }
            let fresh = Sample.noise(3000, seed: 99)
            let (small, large) = (
                try fixture.store(fresh, in: reopened), try fixture.store(fresh + Sample.noise(70_000), in: reopened)
            )
            var slices = 0
            while try !reopened.sweep(isKnown: { digest, placement in
                rows.contains(digest) && stored.contains { $0.blob.digest == digest && $0.blob.placement == placement }
            }) {
                slices += 1
                try #require(slices < 10_000, "the sweep comes to an end")
            }
            for (blob, bytes) in stored {
                if rows.contains(blob.digest) {
                    try fixture.expect(bytes, of: blob, in: reopened)
                } else {
                    #expect(try reopened.open(blob) == nil)
                }
            }
            #expect(try reopened.open(small) != nil)
            #expect(try reopened.open(large) != nil)
        },
    ]
}
