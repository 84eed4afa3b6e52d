import Core
import Cryptography
import DiskStore
import MemoryStorage
import Storage
import StorageConformance
import Platform
import Testing

@Suite struct BlobStoreTests {
    // One after the other: each has its own threads, and the time limit is meant for one.
    @Test(
        "A blob store keeps each promise", .serialized, .timeLimit(.minutes(5)), arguments: fixtures, BlobStoreCheck.all
    )
    func keepsPromise(_ fixture: BlobStoreFixture, _ check: BlobStoreCheck) async throws {
        try await check.run(fixture)
    }

    static let fixtures = [
        BlobStoreFixture("memory", compresses: false, digest: { SHA256Hasher.digest($0) }) { MemoryHarness($0) },
        BlobStoreFixture("disk", compresses: true, digest: { SHA256Hasher.digest($0) }) {
            try DiskHarness(plan: $0, settings: DiskStoreSettings())
        },
        BlobStoreFixture("disk that survives power loss", compresses: true, digest: { SHA256Hasher.digest($0) }) {
            var settings = DiskStoreSettings()
            settings.durability = .power
            return try DiskHarness(plan: $0, settings: settings)
        },
        BlobStoreFixture("disk with tiny segments and slices", compresses: true, digest: { SHA256Hasher.digest($0) }) {
            var settings = DiskStoreSettings()
            settings.segmentSize = 8192
            settings.maintenanceBytes = 600 << 10
            return try DiskHarness(plan: $0, settings: settings)
        },
    ]
}

/// A memory store whose medium is its capacity.
private final class MemoryHarness: BlobStoreHarness {
    let store: any BlobStore

    init(_ plan: FaultPlan) {
        store = MemoryBlobStore(capacity: 64 << 20) { () throws(StoreError) in
            if plan.trips() { throw StoreError(.unavailable, "change memory", "injected") }
        }
    }

    func reopen() -> (any BlobStore)? { nil }

    func damage(_ blob: StoredBlob) -> Bool { false }

    func setFull(_ isFull: Bool) {
        guard let filler = SessionID("filler") else { return }
        if isFull {
            let bytes = [UInt8](repeating: 0, count: Int(store.spaceLeft()))
            _ = try? store.put(bytes, digest: SHA256Hasher.digest(bytes), scope: .session(filler))
        } else {
            try? store.removeAll(of: filler)
        }
    }

    func leftovers() -> [String] { [] }
}
