import Cache
import Core
import DiskStore
import Logging
import SQLiteCatalog
import Storage
import Platform

/// The work that nobody waits for: evicting, compressing, sweeping, keeping the record's reserve, comparing blobs with
/// their digests, learning the cache's keys, and removing what the last run did not get to.
final class Maintenance: Sendable {
    private static let pause = Duration.seconds(1)
    /// Between two slices of compression, which take about 7 ms each: a quarter of a processor at most.
    private static let compressionPause = Duration.milliseconds(21)
    /// How many rounds pass between two looks at the record's reserve.
    private static let reserveEvery = 60
    /// How often is looked whether blobs are to be compared again.
    private static let scrubberPause = Duration.seconds(60)

    private let mustEnd = Latch()
    private let hasEnded = Latch(count: 3)
    private let scrubber: Scrubber

    init(
        cache: ResponseCache, care: CacheCare, disk: DiskStore, records: SQLiteRecords, scrubbing: Scrubber.Settings,
        log: Logger
    ) {
        scrubber = Self.scrubber(cache, scrubbing, mustEnd, log)
        startThread(name: "maintenance") { [mustEnd, hasEnded] in
            let evictor = care.evictor
            var round = 0
            var isSwept = false
            while !Self.rest(mustEnd, evictor, disk, log) {
                round += 1
                do throws(StoreError) {
                    try evictor.run()
                    if !isSwept { isSwept = try Self.sweep(disk, cache.catalog) }
                } catch {
                    log.warning("maintenance of the cache: \(error)")
                }
                care.collectIfWanted { () throws(StoreError) in try Self.sweep(disk, cache.catalog) }
                // There is no room yet; it is tried again.
                if round % Self.reserveEvery == 0 { try? records.maintain() }
            }
            hasEnded.signal()
        }
        startThread(name: "keys", givesWay: true) { [mustEnd, hasEnded] in
            do throws(StoreError) {
                try cache.learnKeys { !mustEnd.isOpen }
            } catch {
                log.warning("the keys of the cache cannot be read, so each is looked up: \(error)")
            }
            hasEnded.signal()
        }
        // On a thread of its own: comparing one large blob takes hours.
        startThread(name: "scrubber", givesWay: true) { [mustEnd, hasEnded, scrubber] in
            Self.endRemovals(records, mustEnd, log)
            Self.scrub(scrubber, care, mustEnd, log)
            hasEnded.signal()
        }
    }

    /// Waits for the next round, compressing in slices meanwhile; returns whether it is time to end.
    private static func rest(_ mustEnd: Latch, _ evictor: Evictor, _ disk: DiskStore, _ log: Logger) -> Bool {
        let end = MonotonicTime.now() + pause
        while disk.hasCompressionToDo, MonotonicTime.now() < end {
            if mustEnd.wait(atMost: compressionPause) { return true }
            do throws(StoreError) {
                try evictor.maintain()
            } catch {
                log.warning("compressing stored bodies: \(error)")
                break
            }
        }
        return mustEnd.wait(atMost: max(.zero, end - .now()))
    }

    /// Removes bytes of the last process that no row of the catalog names, a slice at a time.
    private static func sweep(_ disk: DiskStore, _ catalog: any Catalog) throws(StoreError) -> Bool {
        try disk.sweep { (digest, placement) throws(StoreError) in
            try catalog.blob(digest, scope: .shared)?.placement.text == placement.text
        }
    }

    private static func endRemovals(_ records: SQLiteRecords, _ mustEnd: Latch, _ log: Logger) {
        do throws(StoreError) {
            try records.endRemovals { !mustEnd.isOpen }
        } catch {
            log.warning("the record of a removed session is left behind until the next start: \(error)")
        }
    }

    /// Logs what is wrong with a stored body.
    static func tell(_ finding: Scrubber.Finding, _ log: Logger) {
        switch finding {
        case .damaged(let blob): log.error("the stored body \(blob.digest) is damaged and was dropped")
        case .missing(let blob): log.warning("the bytes of the stored body \(blob.digest) are gone")
        case .unreadable(let blob, let error): log.error("the stored body \(blob.digest): \(error)")
        }
    }

    private static func scrubber(
        _ cache: ResponseCache, _ settings: Scrubber.Settings, _ mustEnd: Latch, _ log: Logger
    ) -> Scrubber {
        Scrubber(cache: cache, settings: settings) { pause in
            !mustEnd.wait(atMost: pause)
        } found: { finding in
            tell(finding, log)
        }
    }

    /// What comparing stored bodies has come to since the start.
    var scrubbed: Scrubber.Counts { scrubber.counts }

    private static func scrub(_ scrubber: Scrubber, _ care: CacheCare, _ mustEnd: Latch, _ log: Logger) {
        var told = 0
        while !mustEnd.wait(atMost: scrubberPause) {
            do throws(StoreError) {
                while try scrubber.step() { care.note(scrubbed: scrubber.counts) }
            } catch {
                log.warning("comparing stored bodies: \(error)")
            }
            let counts = scrubber.counts
            care.note(scrubbed: counts)
            let wrong = counts.damaged + counts.missing + counts.unreadable
            if wrong > told {
                told = wrong
                log.warning(
                    """
                    stored bodies compared since the start: \(counts.checked), of these \(counts.damaged) damaged, \
                    \(counts.missing) gone, \(counts.unreadable) not readable
                    """)
            }
        }
    }

    /// Ends the work and returns when it has ended.
    func stop() {
        mustEnd.signal()
        hasEnded.wait()
    }
}
