import Cache
import Core
import Cryptography
import Inspection
import Logging
import Relay
import Sessions
import Storage
import Platform

/// What all loops share; every part guards itself.
final class ProxyContext: Sendable {
    let settings: ProxySettings
    let cache: ResponseCache
    let recorder: Recorder
    let health: RecordHealth
    let examiner: Examiner
    let leaves: LeafCache
    /// Catalog reads, file opens, digests and staging.
    let storagePool: WorkerPool
    /// Minting of leaf certificates.
    let mintingPool: WorkerPool
    let engine: @Sendable (SessionRow) -> InspectionEngine
    /// Our name in `Via`, unlike that of any other proxy.
    let pseudonym: String
    let unauthenticated: AddressTally
    let log: Logger

    init(
        settings: ProxySettings, cache: ResponseCache, recorder: Recorder, examiner: Examiner, leaves: LeafCache,
        storagePool: WorkerPool, engine: @escaping @Sendable (SessionRow) -> InspectionEngine, pseudonym: String,
        log: Logger
    ) {
        self.settings = settings
        self.cache = cache
        self.recorder = recorder
        health = RecordHealth(recorder: recorder, patience: settings.recordWait)
        self.examiner = examiner
        self.leaves = leaves
        self.storagePool = storagePool
        mintingPool = WorkerPool(name: "leaves", threads: 1, capacity: 1_024)
        self.engine = engine
        self.pseudonym = pseudonym
        unauthenticated = AddressTally(limit: settings.mostUnauthenticatedPerAddress)
        self.log = log
    }
}

/// Whether the record can be written, so that nothing is asked of an origin that could not be recorded.
///
/// After a failure everything is refused until a commit succeeds; one is tried at most every half second, by a request.
final class RecordHealth: Sendable {
    private struct State {
        var failure: StoreError?
        var lastTry = MonotonicTime(nanoseconds: 0)
    }

    private let recorder: Recorder
    /// How long a commit may wait.
    private let patience: Duration
    private let state = Lock(State())

    init(recorder: Recorder, patience: Duration) {
        self.recorder = recorder
        self.patience = patience
    }

    /// Notes how a commit went.
    ///
    /// That something was rejected, such as the verdict on an exchange whose session has gone, says nothing about others.
    func note(_ failure: StoreError?) {
        guard failure?.kind != .rejected else { return }
        state.withLock { $0.failure = failure }
    }

    /// Notes how rows that were handed over together fared.
    func note(_ results: [Result<Int64, StoreError>]) {
        for case .failure(let error) in results where error.kind != .rejected { return note(error) }
        note(nil)
    }

    /// What is wrong with the record, for whoever decides whether the service gets work; `nil` when all is well.
    ///
    /// When nobody has recorded anything for a while, it is tried, so that the next answer knows.
    func problem(now: MonotonicTime) -> String? {
        if let since = recorder.waitingSince, now > since + patience {
            return "changes wait for more than \(patience)"
        }
        let (failure, mustTry) = state.withLock { state in
            let mustTry = now > state.lastTry + Self.quietTime
            if mustTry { state.lastTry = now }
            return (state.failure, mustTry)
        }
        if mustTry { recorder.probe { [self] in note($0) } }
        return failure.map { "it cannot be written: \($0.inPublic)" }
    }

    /// How long nobody tries a record that is not used.
    private static let quietTime = Duration.seconds(5)

    /// Why nothing can be recorded now; `nil` when all is well.
    func refusal(now: MonotonicTime) -> String? {
        if let since = recorder.waitingSince, now > since + patience {
            return "the record is not being written fast enough; try again in a few seconds"
        }
        let (failure, mustTry) = state.withLock { state in
            guard state.failure != nil, now > state.lastTry + .milliseconds(500) else { return (state.failure, false) }
            state.lastTry = now
            return (state.failure, true)
        }
        if mustTry {
            recorder.probe { [self] in note($0) }
        }
        return failure.map { "the record cannot be written: \($0.inPublic)" }
    }
}

/// Counts by address what has not been authenticated.
final class AddressTally: Sendable {
    private let counts = Lock<[IPAddress: Int]>([:])
    let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Adds one; `false` when the address has its share.
    func add(_ host: IPAddress) -> Bool {
        counts.withLock { counts in
            guard counts[host, default: 0] < limit else { return false }
            counts[host, default: 0] += 1
            return true
        }
    }

    func remove(_ host: IPAddress) {
        counts.withLock { counts in
            guard let count = counts[host] else { return }
            counts[host] = count > 1 ? count - 1 : nil
        }
    }
}
