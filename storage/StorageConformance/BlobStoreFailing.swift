import Core
import Storage
import Testing

extension BlobStoreCheck {
    static let failing = [
        BlobStoreCheck("a full medium refuses new bytes and keeps the old ones") { fixture in
            let harness = try fixture.make(FaultPlan())
            let bytes = Sample.noise(50_000)
            let blob = try fixture.store(bytes, in: harness.store)
            let sink = try harness.store.stage(scope: .shared, expectedSize: nil)
            try sink.append(bytes)
            harness.setFull(true)
            #expect(harness.store.spaceLeft() == 0)
            #expect(failure { try harness.store.stage(scope: .shared, expectedSize: nil) }?.kind == .full)
            // What was let in before may still be written; then it ends.
            let refusal = fill { round in
                // Another content each time: the same may take no room.
                let other = bytes + Array("\(round)".utf8)
                return try harness.store.put(other, digest: fixture.digest(other), scope: .shared)
            }
            #expect(refusal?.kind == .full)
            #expect(fill { _ in try sink.append(bytes) }?.kind == .full)
            #expect(failure { try sink.append(bytes) }?.kind == .rejected)
            let isReadable = try sink.reader().bytes(count: 50_000) == bytes
            #expect(isReadable)
            try fixture.expect(bytes, of: blob, in: harness.store)
            harness.setFull(false)
            #expect(harness.store.spaceLeft() > 0)
            try fixture.expect(bytes, of: try fixture.store(bytes, in: harness.store), in: harness.store)
        },
        BlobStoreCheck("a body that cannot fit is refused before its first byte") { fixture in
            let harness = try fixture.make(FaultPlan())
            let error = failure { try harness.store.stage(scope: .shared, expectedSize: .max) }
            #expect(error?.kind == .full)
            try fixture.expectSettled(harness)
        },
        BlobStoreCheck("every single failure while storing leaves no wrong blob and nothing half done") { fixture in
            try forEveryFault(fixture) { store, ledger in
                try ledger.store(Sample.text(2000), in: store)
                try ledger.store(Sample.noise(20_000), in: store)
                try ledger.store(Sample.text(300_000), in: store)
                try ledger.store(Sample.noise(70_000), in: store, scope: .session(try fixture.session()))
                try ledger.store(Sample.noise(700), in: store, scope: .session(try fixture.session()))
            }
        },
        BlobStoreCheck("every single failure while removing and maintaining leaves the others right") { fixture in
            try forEveryFault(fixture) { store, ledger in
                let session = try fixture.session()
                for seed in 0..<4 { try ledger.store(Sample.noise(3000, seed: UInt64(seed)), in: store) }
                try ledger.store(Sample.text(300_000), in: store)
                try ledger.store(Sample.text(400_000), in: store)
                try ledger.store(Sample.text(300_000), in: store, scope: .session(session))
                try ledger.remove(at: 1, in: store)
                try ledger.remove(at: 2, in: store)
                try ledger.maintain(store)
                try ledger.remove(at: 4, in: store)
                try ledger.maintain(store)
                ledger.forget(session)
                try store.removeAll(of: session)
                try ledger.maintain(store)
            }
        },
    ]

    /// Repeats until it fails; a medium with room for a GiB more would be a broken fixture.
    private static func fill<R>(_ body: (Int) throws -> R) -> StoreError? {
        for round in 0..<20_000 {
            if let error = failure({ try body(round) }) { return error }
        }
        return nil
    }

    /// Lets the first operation on the medium fail, then the second, until a run passes untouched.
    private static func forEveryFault(
        _ fixture: BlobStoreFixture, _ steps: (any BlobStore, BlobStoreLedger) throws -> Void
    ) throws {
        for number in 1...10_000 {
            let plan = FaultPlan()
            let harness = try fixture.make(plan)
            let ledger = BlobStoreLedger(fixture)
            plan.arm(failing: number)
            let error = failure { try steps(harness.store, ledger) }
            let hasFired = plan.hasFired
            plan.arm(failing: 0)
            let comment: Comment = "operation \(number) failed with \(String(describing: error))"
            #expect(harness.store.stagedWrites == 0, comment)
            try ledger.expectRight(in: harness.store, comment)
            // The store goes on working.
            _ = try harness.store.maintain()
            _ = try harness.store.maintain()
            try ledger.expectRight(in: harness.store, comment)
            let bytes = Sample.text(1234)
            try fixture.expect(bytes, of: try fixture.store(bytes, in: harness.store), in: harness.store, comment)
            if let reopened = try harness.reopen() {
                #expect(try harness.leftovers() == [], comment)
                try ledger.expectRight(in: reopened, comment)
            }
            guard hasFired else {
                #expect(error == nil, "nothing was made to fail")
                return
            }
        }
        Issue.record("there is no end of operations that can fail")
    }
}

/// What a store has said to be there: a catalog for tests.
final class BlobStoreLedger {
    private struct Entry {
        var blob: StoredBlob
        var bytes: [UInt8]
        /// Whether it must be there; after an attempt to remove it may or may not.
        var isCertain = true
    }

    private let fixture: BlobStoreFixture
    private var entries: [Entry] = []

    init(_ fixture: BlobStoreFixture) { self.fixture = fixture }

    func store(_ bytes: [UInt8], in store: any BlobStore, scope: BlobScope = .shared) throws {
        entries.append(Entry(blob: try fixture.store(bytes, in: store, scope: scope), bytes: bytes))
    }

    func remove(at index: Int, in store: any BlobStore) throws {
        entries[index].isCertain = false
        try store.remove(entries[index].blob)
    }

    func forget(_ session: SessionID) {
        for index in entries.indices where entries[index].blob.scope == .session(session) {
            entries[index].isCertain = false
        }
    }

    func maintain(_ store: any BlobStore) throws {
        for (old, new) in try store.maintain() {
            for index in entries.indices where entries[index].blob == old { entries[index].blob = new }
        }
    }

    /// Checks that all blobs are there, and none with other bytes than its own.
    func expectRight(in store: any BlobStore, _ comment: Comment) throws {
        for entry in entries {
            let reader: (any BlobReader)?
            do {
                reader = try store.open(entry.blob)
            } catch {
                // A removal that failed half-way may leave something that is seen to be no blob.
                guard !entry.isCertain, error.kind == .corrupt else { throw error }
                reader = nil
            }
            guard let reader else {
                #expect(!entry.isCertain, comment)
                continue
            }
            let isSame = try reader.bytes() == entry.bytes
            #expect(isSame, comment)
        }
    }
}
