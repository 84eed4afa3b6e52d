package import Core
package import Storage
internal import Platform
package import Wire

/// One download with any number of readers at any offset.
///
/// The life of a fill, and who makes each move:
///
///     waiting     made; the request is under way           init
///     streaming   the answer's head is known               begin(_:)
///                 bytes arrive                             append(_:)
///                 bytes are in the store's staging area    staged(upTo:)
///     complete    all bytes are there, digest known        complete(_:)
///     failed      it ended before that                     fail(_:)
///     notModified the stored response goes on being right  endNotModified()
///
/// One producer, any number of readers on any thread. Bytes that arrived stay in memory until they are staged; a window
/// behind that stays too, so that a reader at the head never goes to the disk. Readers behind the window read the staging
/// area. When staging has failed, bytes stay until every reader has passed them, and the producer pauses meanwhile.
package final class Fill: Sendable {
    /// How the download stands.
    package enum Progress: Sendable {
        case waiting
        case streaming
        case complete(Completion)
        case failed(FillFailure)
        case notModified
    }

    /// The answer's head, with what it means for those who wait.
    package struct Head: Sendable {
        /// As clients get it: end-to-end fields only, without framing.
        package var response: ResponseHead
        /// The body's length, if the origin said it and it was not decoded.
        package var length: Int64?
        /// Who may be answered with it.
        package var partition: Partition
        /// Whether others than the one who asked may be answered with it.
        package var isShareable: Bool
        /// What `Vary` names; `nil` for `*`.
        package var varyNames: [String]?
        /// The values of those fields in the request.
        package var variant: String
        /// Whether the body was decoded from gzip.
        package var isDecoded: Bool

        package init(
            response: ResponseHead, length: Int64?, partition: Partition, isShareable: Bool, varyNames: [String]?,
            variant: String, isDecoded: Bool
        ) {
            self.response = response
            self.length = length
            self.partition = partition
            self.isShareable = isShareable
            self.varyNames = varyNames
            self.variant = variant
            self.isDecoded = isDecoded
        }
    }

    /// A body that is complete.
    package struct Completion: Sendable {
        package var digest: SHA256Digest
        package var size: Int64
        package var trailers: Fields
        /// Where it is kept; `nil` when it could not be.
        package var blob: StoredBlob?
        /// The stored body, open, so that who follows the fill has it whatever is evicted meanwhile.
        ///
        /// `nil` for small ones, which are in memory, and when it could not be kept or opened.
        package var reader: (any BlobReader)?

        package init(
            digest: SHA256Digest, size: Int64, trailers: Fields, blob: StoredBlob?, reader: (any BlobReader)? = nil
        ) {
            self.digest = digest
            self.size = size
            self.trailers = trailers
            self.blob = blob
            self.reader = reader
        }
    }

    /// What a reader sees at one moment.
    package struct Snapshot: Sendable {
        package var progress: Progress
        package var head: Head?
        /// Bytes that have arrived.
        package var received: Int64
        /// Why the body is not staged, if it is not.
        package var stagingFailure: StoreError?
    }

    /// Where bytes at an offset can be had.
    package enum Bytes: Sendable {
        /// In memory: this piece, from this index on.
        case memory([UInt8], from: Int)
        /// In the staging area, so many bytes at least.
        case staged(any BlobReader, count: Int64)
        /// Not yet.
        case notYet
        /// No more: they left memory and are nowhere else.
        case gone
    }

    /// What the producer must do next.
    package enum Pressure: Hashable, Sendable { case goOn, pause }

    /// Bytes that wait for staging (or, without staging, for readers) before the producer pauses.
    package static let mostUnstaged: Int64 = 1 << 20
    /// Bytes kept in memory behind the staged ones.
    package static let window: Int64 = 256 << 10
    /// Bodies up to this stay in memory and are stored in one call.
    package static let smallBody: Int64 = 64 << 10

    fileprivate struct Watcher {
        var session: SessionID?
        var notify: @Sendable () -> Void
        var isNotified = false
        var position: Int64 = 0
    }

    fileprivate struct State {
        var progress: Progress = .waiting
        var head: Head?
        var pieces: [(offset: Int64, bytes: [UInt8])] = []
        var received: Int64 = 0
        var staged: Int64 = 0
        var reader: (any BlobReader)?
        var stagingFailure: StoreError?
        var watchers: [Int: Watcher] = [:]
        var nextWatcher = 0
        var isPaused = false
        var resume: (@Sendable () -> Void)?
        var hasOutlived = false
    }

    package let key: FillKey
    private let state = Lock(State())

    package init(key: FillKey) { self.key = key }

    // MARK: - Producing

    /// The answer's head is known.
    package func begin(_ head: Head) {
        change { state in
            state.head = head
            state.progress = .streaming
        }
    }

    /// Adds bytes that arrived.
    ///
    /// The producer's `resume` is called later when this says `.pause`.
    package func append(_ bytes: [UInt8]) -> Pressure {
        guard !bytes.isEmpty else { return .goOn }
        return change { state in
            state.pieces.append((state.received, bytes))
            state.received += Int64(bytes.count)
            state.trim()
            state.isPaused = state.mustPause
            return state.isPaused ? .pause : .goOn
        }
    }

    /// Whether the producer must wait for ``onResume(_:)``.
    package var isPaused: Bool { state.withLock { $0.isPaused } }

    /// What to call when a paused producer may go on; from any thread, at most once for each pause.
    package func onResume(_ resume: @escaping @Sendable () -> Void) {
        state.withLock { $0.resume = resume }
    }

    /// From now on bytes up to `staged` can be read from `reader` too.
    package func willStage(through reader: any BlobReader) {
        state.withLock { $0.reader = reader }
    }

    /// Bytes up to this offset are in the staging area.
    package func staged(upTo offset: Int64) {
        relieve { $0.staged = offset }
    }

    /// The body cannot be staged any more; readers at its head go on from memory.
    package func stagingFailed(_ error: StoreError) {
        let resume: (@Sendable () -> Void)? = change { state in
            let wasPaused = state.isPaused
            state.stagingFailure = error
            state.isPaused = state.mustPause
            return wasPaused && !state.isPaused ? state.resume : nil
        }
        resume?()
    }

    /// All bytes are there.
    package func complete(_ completion: Completion) {
        change { state in
            state.progress = .complete(completion)
            state.resume = nil
        }
    }

    /// The download ended before its end.
    package func fail(_ failure: FillFailure) {
        change { state in
            if case .complete = state.progress { return }
            state.progress = .failed(failure)
            state.resume = nil
        }
    }

    /// The origin said 304 to our validators: whoever waits looks the stored response up again.
    package func endNotModified() {
        change { state in
            state.progress = .notModified
            state.resume = nil
        }
    }

    /// Every byte, for a body that stayed small; only when nothing was trimmed.
    package func allBytes() -> [UInt8]? {
        state.withLock { state in
            guard state.pieces.first?.offset ?? 0 == 0 else { return nil }
            if state.pieces.count == 1 { return state.pieces[0].bytes }
            var all: [UInt8] = []
            all.reserveCapacity(Int(state.received))
            for piece in state.pieces { all += piece.bytes }
            return all
        }
    }

    // MARK: - Reading

    /// Enters a reader at the start of the body; `notify` is called on changes, once until the next ``look(_:)``.
    package func enter(for session: SessionID? = nil, _ notify: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            let token = state.nextWatcher
            state.nextWatcher += 1
            state.watchers[token] = Watcher(session: session, notify: notify)
            return token
        }
    }

    /// A reader goes, which never cancels the download.
    package func leave(_ token: Int) {
        relieve { $0.watchers[token] = nil }
    }

    /// How many readers there are.
    package var readers: Int { state.withLock { $0.watchers.count } }

    /// Whether anybody reads but readers of one session.
    package func isRead(byOthersThan session: SessionID) -> Bool {
        state.withLock { $0.watchers.values.contains { $0.session != session } }
    }

    /// How the download stands, for one reader or (`nil`) for somebody passing by.
    package func look(_ token: Int?) -> Snapshot {
        state.withLock { state in
            if let token { state.watchers[token]?.isNotified = false }
            return Snapshot(
                progress: state.progress, head: state.head, received: state.received,
                stagingFailure: state.stagingFailure)
        }
    }

    /// Finds bytes at an offset, which tells that the reader has passed everything before it.
    package func bytes(at offset: Int64, for token: Int) -> Bytes {
        relieve { state in
            state.watchers[token]?.position = offset
            guard offset < state.received else { return .notYet }
            if let first = state.pieces.first, offset >= first.offset {
                // The wanted piece is nearly always one of the last.
                for piece in state.pieces.reversed() where piece.offset <= offset {
                    return .memory(piece.bytes, from: Int(offset - piece.offset))
                }
            }
            if let reader = state.reader, offset < state.staged { return .staged(reader, count: state.staged - offset) }
            return .gone
        }
    }

    // MARK: - Inside

    /// Changes the state and tells the readers.
    @discardableResult
    private func change<R>(_ body: (inout State) -> R) -> R {
        let (result, calls) = state.withLock { state in
            let result = body(&state)
            var calls: [@Sendable () -> Void] = []
            for token in state.watchers.keys where state.watchers[token]?.isNotified == false {
                state.watchers[token]?.isNotified = true
                if let notify = state.watchers[token]?.notify { calls.append(notify) }
            }
            return (result, calls)
        }
        for call in calls { call() }
        return result
    }

    /// Changes the state and lets a paused producer go on if there is room now.
    @discardableResult
    private func relieve<R>(_ body: (inout State) -> R) -> R {
        let (result, resume) = state.withLock { state in
            let result = body(&state)
            state.trim()
            guard state.isPaused, !state.mustPause else { return (result, (@Sendable () -> Void)?.none) }
            state.isPaused = false
            return (result, state.resume)
        }
        resume?()
        return result
    }
}

extension Fill.State {
    /// The offset up to which bytes need memory no longer.
    private var dispensable: Int64 {
        if stagingFailure == nil { return reader == nil ? 0 : staged - Fill.window }
        // Without staging bytes stay until those have passed them who are where memory is. Readers far behind must not stop
        // these: they are lost, unless there are no others.
        let first = pieces.first?.offset ?? received
        let positions = watchers.values.map(\.position)
        return positions.filter { $0 >= first }.min() ?? positions.min() ?? received
    }

    fileprivate mutating func trim() {
        let limit = dispensable
        var count = 0
        while count < pieces.count, pieces[count].offset + Int64(pieces[count].bytes.count) <= limit { count += 1 }
        if count > 0 { pieces.removeFirst(count) }
    }

    /// Whether more bytes would need more memory than one download may have.
    fileprivate var mustPause: Bool {
        let base = stagingFailure == nil ? staged : max(dispensable, pieces.first?.offset ?? received)
        return received - base >= Fill.mostUnstaged
    }
}

/// What a fill downloads, and for whom.
package struct FillKey: Hashable, Sendable {
    package var partition: Partition
    /// The primary cache key.
    package var key: String

    package init(partition: Partition, key: String) {
        self.partition = partition
        self.key = key
    }
}

/// Why a download ended before its end.
package struct FillFailure: Error, Hashable, Sendable {
    /// The status for clients that have no head yet.
    package var status: Int
    /// What happened, for the client and the record.
    package var reason: String
    /// The same in the words of `Proxy-Status`, where the status alone does not tell.
    package var error: ProxyStatus.Failure?
    /// Whether it is the first client's alone: who waited for the download's head asks anew.
    package var isFirstClients: Bool

    package init(
        status: Int, reason: String, error: ProxyStatus.Failure? = nil, isFirstClients: Bool = false
    ) {
        self.status = status
        self.reason = reason
        self.error = error
        self.isFirstClients = isFirstClients
    }
}
