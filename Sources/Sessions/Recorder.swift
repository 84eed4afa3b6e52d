package import Core
package import Storage
package import Platform

/// Writes the record: one thread, one transaction for everything that waits.
///
/// The recorder gives the exchanges of each session their numbers, in the order of their submission and without gaps:
/// a number is used up only by a change that was committed. When a group cannot be committed, its submissions are tried
/// one by one, so that a bad one does not take the others with it.
package final class Recorder: Sendable {
    /// Gets the numbers of the submission's `.exchange` changes, in their order, or why nothing of it was recorded.
    package typealias Completion = @Sendable (Result<[Int64], StoreError>) -> Void

    /// Gets, for each row in its place, its number or why it was not recorded.
    package typealias RowsCompletion = @Sendable ([Result<Int64, StoreError>]) -> Void

    private enum Item: Sendable {
        case submission(Committer.Submission)
        case probe(@Sendable (StoreError?) -> Void)
        case removal(SessionID, @Sendable (StoreError?) -> Void)
    }

    /// Most submissions in one transaction; bounds how long the first of them waits for the last.
    private static let mostPerGroup = 512

    private let writer: BatchWriter<Item>
    private let removals: BatchWriter<Removal>
    private let committer: Committer
    private let isStopped = Lock(false)

    private struct Removal: Sendable {
        var session: SessionID
        var completion: @Sendable (StoreError?) -> Void
    }

    /// Starts the writer's thread.
    package init(records: any Records) {
        let committer = Committer(records: records)
        self.committer = committer
        let removals = BatchWriter<Removal>(name: "removals", mostPerBatch: 1) { batch in
            for removal in batch { removal.completion(committer.remove(removal.session)) }
        }
        self.removals = removals
        writer = BatchWriter(name: "recorder", mostPerBatch: Self.mostPerGroup) { items in
            var group: [Committer.Submission] = []
            for item in items {
                switch item {
                case .submission(let submission): group.append(submission)
                case .probe(let completion): completion(committer.probe())
                case .removal(let session, let completion):
                    committer.commit(group)
                    group = []
                    // Slice by slice on its own thread, so that records go in between.
                    removals.submit([Removal(session: session, completion: completion)])
                }
            }
            committer.commit(group)
        }
    }

    /// Records changes: all of them or none.
    ///
    /// - Parameters:
    ///   - changes: What to record; the numbers of `.exchange` changes are filled in.
    ///   - completion: Called on the writer's thread after the commit; must not block.
    package func submit(_ changes: [RecordChange], completion: @escaping Completion) {
        if !enqueue(.submission(.changes(changes, completion))) {
            completion(.failure(Self.stopped("record changes")))
        }
    }

    /// Records exchanges that finished together: each of them, or, when that cannot be, as many as can be.
    ///
    /// - Parameters:
    ///   - rows: At least one; their numbers are filled in.
    ///   - completion: Called on the writer's thread after the commit; must not block.
    package func submit(rows: [ExchangeRow], completion: @escaping RowsCompletion) {
        if !enqueue(.submission(.rows(rows, completion))) {
            completion(rows.map { _ in .failure(Self.stopped("record an exchange")) })
        }
    }

    /// Records exchanges that finished together here and now, if that waits for nothing (``Records/recordAtOnce(_:)``).
    ///
    /// - Parameter rows: At least one; their numbers are filled in.
    /// - Returns: The numbers, in the order of the rows; `nil` when nothing was recorded: ``submit(rows:completion:)`` them.
    package func recordAtOnce(_ rows: [ExchangeRow]) -> [Int64]? {
        isStopped.withLock { $0 } ? nil : committer.recordAtOnce(rows)
    }

    /// Tries whether the record can be written; `completion` is called on the writer's thread.
    package func probe(_ completion: @escaping @Sendable (StoreError?) -> Void) {
        if !enqueue(.probe(completion)) { completion(Self.stopped("try the record")) }
    }

    /// Records changes and waits for the commit.
    ///
    /// - Returns: The numbers of the `.exchange` changes.
    @discardableResult
    package func commit(_ changes: [RecordChange]) async throws(StoreError) -> [Int64] {
        let result = await withCheckedContinuation { continuation in
            submit(changes) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Removes a session's rows, after everything that was submitted before.
    package func remove(_ session: SessionID) async throws(StoreError) {
        let failure: StoreError? = await withCheckedContinuation { continuation in
            let isAccepted = enqueue(.removal(session) { continuation.resume(returning: $0) })
            if !isAccepted { continuation.resume(returning: Self.stopped("remove session \(session)")) }
        }
        if let failure { throw failure }
    }

    /// Returns when everything submitted before has been committed or has failed.
    package func drain() async {
        _ = await withCheckedContinuation { continuation in
            submit([]) { continuation.resume(returning: $0) }
        }
    }

    /// Since when the oldest change that is not committed has been waiting; `nil` when none waits.
    package var waitingSince: MonotonicTime? { writer.waitingSince }

    /// What has been recorded since the start.
    package var activity: RecorderActivity { committer.activity }

    /// How the queues of what is to be recorded and removed stand.
    package var gauges: [QueueGauge] { [writer.gauge, removals.gauge] }

    /// Commits what was submitted and ends the thread; what comes later is refused.
    package func stop() {
        isStopped.withLock { $0 = true }
        writer.stop()
        removals.stop()
    }

    private func enqueue(_ item: Item) -> Bool {
        isStopped.withLock { isStopped in
            guard !isStopped else { return false }
            writer.submit([item])
            return true
        }
    }

    private static func stopped(_ operation: String) -> StoreError {
        StoreError(.unavailable, operation, "the service is stopping")
    }
}
