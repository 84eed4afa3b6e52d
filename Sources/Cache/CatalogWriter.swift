package import Core
package import Storage
package import Platform

/// The one thread that changes the catalog, in groups.
///
/// The catalog can be thrown away, so a change that fails is counted and reported, and nobody waits for it but those who
/// asked to be told. Changes for which nobody waits are collected for a while, since the trees of the catalog are in
/// random order and a large group shares their pages: the end of the process loses what was collected, which is fetched
/// again when it is asked for, and the sweeper takes bytes that have no row. What a removal leaves to do is done slice by slice between the groups, also what the last run of the
/// service left; the bytes of a session's private blobs go on a thread of their own.
package final class CatalogWriter: Sendable {
    package typealias Completion = @Sendable (StoreError?) -> Void

    private struct Item: Sendable {
        var changes: [CatalogChange]
        var completion: Completion?
        /// Whether the completion waits until ``Catalog/removeSlice()`` has nothing left to do.
        var isRemoval = false
    }

    private struct Removals {
        var waiting: [Completion] = []
        var isStopping = false
        var writer: BatchWriter<Item>?
    }

    /// How long changes are collected; less when ``mostPerGroup`` have come, or when somebody waits for one.
    private static let linger = Duration.milliseconds(250)
    /// Changes in one transaction are those of so many submissions at most.
    private static let mostPerGroup = 4_096

    private let writer: BatchWriter<Item>
    private let bytes: BatchWriter<@Sendable () -> Void>
    private let removals: Lock<Removals>

    /// Starts the threads; `failed` is called for groups that could not be written.
    package init(catalog: any Catalog, failed: @escaping @Sendable (StoreError) -> Void) {
        let removals = Lock(Removals())
        self.removals = removals
        bytes = BatchWriter(name: "session-blobs", mostPerBatch: 1) { works in for work in works { work() } }
        writer = BatchWriter(name: "catalog", mostPerBatch: Self.mostPerGroup, linger: Self.linger) { items in
            Self.apply(items, catalog, removals, failed)
        }
        removals.withLock { $0.writer = writer }
        writer.submit([Item(changes: [], isRemoval: true)])
    }

    /// Hands changes over; with `isUrgent` they, and all that were handed over before, are written without delay.
    package func submit(_ changes: [CatalogChange], isUrgent: Bool = false, completion: Completion? = nil) {
        writer.submit([Item(changes: changes, completion: completion)], isUrgent: isUrgent)
    }

    /// Removes a session: its rows first, slice by slice, then its bytes.
    ///
    /// - Parameters:
    ///   - session: One that gets nothing any more.
    ///   - removeBytes: Called when the rows are gone, or cannot be removed now; may block.
    ///   - completion: Called at the end with what prevented it; the next start of the service goes on then.
    package func remove(
        _ session: SessionID, removeBytes: @escaping @Sendable () throws(StoreError) -> Void,
        completion: @escaping Completion
    ) {
        let rowsAreGone: Completion = { [bytes] failure in
            bytes.submit([
                {
                    do throws(StoreError) {
                        try removeBytes()
                        completion(failure)
                    } catch {
                        completion(failure ?? error)
                    }
                }
            ])
        }
        writer.submit([Item(changes: [.removeSession(session)], completion: rowsAreGone, isRemoval: true)])
    }

    package var queued: Int { writer.queued }

    /// How the queues stand: changes, and bytes of sessions that have ended.
    package var gauges: [QueueGauge] { [writer.gauge, bytes.gauge] }

    /// Writes what is queued and ends; removals go on after the next start.
    package func stop() {
        removals.withLock { removals in
            removals.isStopping = true
            removals.writer = nil
        }
        writer.stop()
        Self.end(removals, StoreError(.unavailable, "remove a session", "the service is stopping"))
        bytes.stop()
    }

    private static func apply(
        _ items: [Item], _ catalog: any Catalog, _ removals: Lock<Removals>, _ failed: (StoreError) -> Void
    ) {
        var failure: StoreError?
        let changes = items.flatMap(\.changes)
        if !changes.isEmpty || items.contains(where: { !$0.isRemoval }) {
            do throws(StoreError) {
                try catalog.apply(changes)
            } catch {
                failure = error
                failed(error)
            }
        }
        for item in items {
            guard let completion = item.completion else { continue }
            if item.isRemoval, failure == nil {
                removals.withLock { $0.waiting.append(completion) }
            } else {
                completion(failure)
            }
        }
        let leavesMore = changes.contains { if case .forgetBlob = $0 { true } else { false } }
        guard leavesMore || items.contains(where: \.isRemoval) else { return }
        removeSlice(catalog, removals, failed)
    }

    /// Removes one slice; the next one stands in line behind what others have handed over meanwhile.
    private static func removeSlice(
        _ catalog: any Catalog, _ removals: Lock<Removals>, _ failed: (StoreError) -> Void
    ) {
        do throws(StoreError) {
            if try catalog.removeSlice() { return end(removals, nil) }
            removals.withLock { $0.writer }?.submit([Item(changes: [], isRemoval: true)])
        } catch {
            // The next removal, or the next start, tries again.
            failed(error)
            end(removals, error)
        }
    }

    private static func end(_ removals: Lock<Removals>, _ failure: StoreError?) {
        let waiting = removals.withLock { removals in
            defer { removals.waiting = [] }
            return removals.waiting
        }
        for completion in waiting { completion(failure) }
    }
}
