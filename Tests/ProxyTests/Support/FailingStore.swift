import MemoryStorage
import Storage
import Platform

/// Stores in memory that have no room when a test says so.
enum FailingStore {
    static let full = StoreError(.full, "write", "no space left on device")

    /// Every change fails.
    static func always() -> MemoryBlobStore { MemoryBlobStore { () throws(StoreError) in throw full } }

    /// The changes from the n-th on fail, counted from 0.
    static func from(_ change: Int) -> MemoryBlobStore {
        let count = Lock(0)
        return MemoryBlobStore { () throws(StoreError) in
            let isTime = count.withLock { count in
                count += 1
                return count > change
            }
            if isTime { throw full }
        }
    }
}
