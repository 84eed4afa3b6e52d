import Cache
import Control
import Core
import Platform
import Proxy
import RecordJournal
import SQLiteCatalog
import Sessions
import Storage

/// What an operator sees of the service: the numbers of all parts, and whether it is ready.
final class OperatorView: Sendable {
    /// Whom it asks.
    struct Parts: Sendable {
        var proxy: ProxyServer
        var stores: Stores
        var registry: SessionRegistry
        /// The control API's own pool.
        var pool: WorkerPool
        var scrubbed: @Sendable () -> Scrubber.Counts
        var isStopping: @Sendable () -> Bool
    }

    private struct Look {
        var at: MonotonicTime
        var problems: [String]
    }

    private let parts: Parts
    private let started = WallTime.now()
    private let last = Lock<Look?>(nil)

    /// Everybody may ask whether the service is ready, so that the disk is asked once for all who do in so much time.
    private static let lookLasts = Duration.milliseconds(500)

    init(_ parts: Parts) { self.parts = parts }

    /// For the control API, which names no backend.
    var observations: Observations {
        Observations(metrics: { [self] in try await metrics() }, problems: { [self] in problems() })
    }

    // MARK: - Readiness

    /// Why the service should get no work; blocks.
    private func problems() -> [String] {
        let now = MonotonicTime.now()
        if let look = last.withLock({ $0 }), now < look.at + Self.lookLasts { return look.problems }
        var problems = parts.isStopping() ? ["stopping"] : []
        problems += parts.proxy.problems(now: now)
        if !parts.stores.database.hasReserve { problems.append("record: the disk is full, its reserve is used up") }
        if let limits = try? ProcessLimits.current(), let open = try? ProcessUsage.openDescriptorCount(),
            open >= limits.softDescriptors
        {
            problems.append("descriptors: all \(limits.softDescriptors) are in use")
        }
        last.withLock { $0 = Look(at: now, problems: problems) }
        return problems
    }

    // MARK: - Numbers

    private func metrics() async throws -> MetricsSnapshot {
        let (opened, live) = await (parts.registry.openedCount, parts.registry.summaries())
        return try await parts.pool.run { [self] in
            var snapshot = MetricsSnapshot()
            addRequests(to: &snapshot)
            snapshot.set(.sessionsOpened, to: opened)
            for policy in [SessionPolicy.strict, .permissive] {
                snapshot.set(.sessions, policy.rawValue, to: live.count { $0.policy == policy })
            }
            addRecord(to: &snapshot)
            try addCache(to: &snapshot)
            try addProcess(to: &snapshot)
            return snapshot
        }
    }

    private func addRequests(to snapshot: inout MetricsSnapshot) {
        let totals = parts.proxy.counters
        snapshot.set(.requestsStarted, to: totals.startedExchanges)
        snapshot.set(.requestsOpen, to: totals.openExchanges)
        snapshot.set(.repeatedHits, to: totals.repeatedHits)
        for exchanges in totals.exchanges {
            snapshot.set(.requests, exchanges.outcome.name, to: exchanges.ended)
            snapshot.set(.firstByte, exchanges.outcome.name, to: exchanges.firstByte)
            snapshot.set(.duration, exchanges.outcome.name, to: exchanges.duration)
        }
        for (source, bytes) in totals.sentBytes.sorted(by: { $0.key < $1.key }) {
            snapshot.set(.sentBytes, source, to: bytes)
        }
        snapshot.set(.receivedBytes, to: totals.receivedBytes)
        snapshot.set(.uploadedBytes, to: totals.uploadedBytes)
        for (cause, count) in totals.errors.sorted(by: { $0.key < $1.key }) { snapshot.set(.errors, cause, to: count) }
        snapshot.set(.fillsOpen, to: totals.openFills)
        for (result, count) in totals.fills.sorted(by: { $0.key < $1.key }) { snapshot.set(.fills, result, to: count) }
        snapshot.set(.fillsResumed, to: totals.resumedFills)
        snapshot.set(.originsOpened, to: totals.originsOpened)
        snapshot.set(.originsReused, to: totals.originsReused)
        snapshot.set(.originsFailed, to: totals.originsFailed)
        snapshot.set(.origins, "active", to: totals.originsActive)
        snapshot.set(.origins, "idle", to: totals.originsIdle)
        snapshot.set(.connectionsAccepted, to: totals.acceptedConnections)
        snapshot.set(.connections, to: totals.openConnections)
        snapshot.set(.unauthenticated, to: totals.unauthenticatedConnections)
        snapshot.set(.challenges, to: totals.challenges)
        snapshot.set(.tunnels, to: totals.tunnels)
        snapshot.set(.acceptFailures, to: totals.acceptFailures)
        for one in totals.handshakes { snapshot.set(.handshakes, one.side, one.result, to: one.count) }
        snapshot.set(.damagedBodies, to: totals.damagedBodies)
        let stores = parts.stores
        let queues = totals.queues + stores.recorder.gauges + stores.cache.writer.gauges + [parts.pool.gauge]
        for queue in queues {
            snapshot.set(.queueWaiting, queue.name, to: queue.waiting)
            snapshot.set(.queueRunning, queue.name, to: queue.running)
            snapshot.set(.queueRefused, queue.name, to: queue.refused)
            if let capacity = queue.capacity { snapshot.set(.queueCapacity, queue.name, to: capacity) }
        }
    }

    private func addRecord(to snapshot: inout MetricsSnapshot) {
        let recorder = parts.stores.recorder
        let activity = recorder.activity
        for (way, share) in [("journal", activity.atOnce), ("commit", activity.committed)] {
            snapshot.set(.recordRows, way, to: share.rows)
            snapshot.set(.recordCommits, way, to: share.groups)
        }
        snapshot.set(.recordFailures, to: activity.failures)
        snapshot.set(.recordCommitDuration, to: activity.durations)
        snapshot.set(.recordWaiting, to: recorder.waitingSince.map { (MonotonicTime.now() - $0).inSeconds } ?? 0.0)
        guard let journal = parts.stores.journal?.activity else { return }
        snapshot.set(.journalRows, to: journal.waitingRows)
        snapshot.set(.journalBytes, to: journal.bytes)
        snapshot.set(.journalTaken, to: journal.rowsTakenIn)
        snapshot.set(.journalFailures, to: journal.failures)
        snapshot.set(.journalDuration, to: journal.durations)
    }

    private func addCache(to snapshot: inout MetricsSnapshot) throws {
        let cache = parts.stores.cache
        let totals = try cache.catalog.totals()
        snapshot.set(.cacheBytes, to: Int(totals.bytesOnDisk))
        snapshot.set(.cacheLimit, to: Int(cache.sizeCap))
        snapshot.set(.cacheContentBytes, to: Int(totals.logicalBytes))
        snapshot.set(.cacheBlobs, to: Int(totals.blobs))
        snapshot.set(.cacheResponses, to: Int(totals.responses))
        snapshot.set(.cacheMemory, "heads", to: cache.memoryUse.heads)
        snapshot.set(.cacheMemory, "bodies", to: cache.memoryUse.bodies)
        snapshot.set(.diskFree, to: Int(cache.blobs.spaceLeft()))
        snapshot.set(.evictedBlobs, to: cache.evicted.blobs)
        snapshot.set(.evictedBytes, to: Int(cache.evicted.bytes))
        let scrubbed = parts.scrubbed()
        let wrong = scrubbed.damaged + scrubbed.missing + scrubbed.unreadable
        snapshot.set(.comparedBlobs, "right", to: max(0, scrubbed.checked - wrong))
        snapshot.set(.comparedBlobs, "damaged", to: scrubbed.damaged)
        snapshot.set(.comparedBlobs, "missing", to: scrubbed.missing)
        snapshot.set(.comparedBlobs, "unreadable", to: scrubbed.unreadable)
    }

    private func addProcess(to snapshot: inout MetricsSnapshot) throws {
        let usage = try ProcessUsage.current()
        snapshot.set(.ready, to: problems().isEmpty ? 1 : 0)
        snapshot.set(.processTime, to: usage.processorTime.inSeconds)
        snapshot.set(.residentMemory, to: usage.residentBytes)
        snapshot.set(.virtualMemory, to: usage.virtualBytes)
        snapshot.set(.openDescriptors, to: usage.openDescriptors)
        snapshot.set(.mostDescriptors, to: try ProcessLimits.current().softDescriptors)
        snapshot.set(.startTime, to: Double(started.nanoseconds) / 1_000_000_000)
        snapshot.set(.build, ServiceVersion.text, to: 1)
    }
}
