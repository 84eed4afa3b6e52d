import Cache
import Core
import DiskStore
import Logging
import SQLiteCatalog
import Storage
import Platform

/// The work that nobody waits for: evicting, compressing, sweeping, keeping the record's reserve.
final class Maintenance: Sendable {
    private static let pause = Duration.seconds(1)
    /// How many rounds pass between two looks at the record's reserve.
    private static let reserveEvery = 60

    private let mustEnd = Latch()
    private let hasEnded = Latch()

    init(cache: ResponseCache, disk: DiskStore, records: SQLiteRecords, log: Logger) {
        startThread(name: "maintenance") { [mustEnd, hasEnded] in
            let evictor = Evictor(cache: cache)
            var round = 0
            var isSwept = false
            while !mustEnd.wait(atMost: Self.pause) {
                round += 1
                do throws(StoreError) {
                    try evictor.run()
                    if !isSwept { isSwept = try Self.sweep(disk, cache.catalog) }
                } catch {
                    log.warning("maintenance of the cache: \(error)")
                }
                // There is no room yet; it is tried again.
                if round % Self.reserveEvery == 0 { try? records.maintain() }
            }
            hasEnded.signal()
        }
    }

    /// Removes bytes of the last process that no row of the catalog names, a slice at a time.
    private static func sweep(_ disk: DiskStore, _ catalog: any Catalog) throws(StoreError) -> Bool {
        try disk.sweep { (digest, placement) throws(StoreError) in
            try catalog.blob(digest, scope: .shared)?.placement.text == placement.text
        }
    }

    /// Ends the work and returns when it has ended.
    func stop() {
        mustEnd.signal()
        hasEnded.wait()
    }
}
