package import Core
internal import Cryptography
package import Logging
package import Storage
package import Platform

/// All live sessions, and every change to them.
///
/// The life of a session, with the function that makes each move:
///
/// | From | To | By |
/// |---|---|---|
/// | – | open | ``open(_:)``, or ``restore()`` after a restart |
/// | – | closed | ``restore(from:time:validateOnly:mayGoOn:)``, from a backup |
/// | open | closed (token revoked) | ``revoke(_:token:)``, `close(_:)` |
/// | closed | ended: files written, rows removed | ``finish(_:)``, ``finishAll()`` |
/// | open, closed | expired: rows and folder removed | `expire(_:)`, by the session's timer |
/// | ended | resources removed | ``deleteResources(of:)`` |
///
/// A change is recorded durably and known to every loop (``SessionObserver``) before the call that made it returns.
package actor SessionRegistry {
    /// A live session with what changes about it; confined to the registry.
    final class Entry {
        let session: Session
        /// The session as recorded, with its end time once that is fixed.
        var row: SessionRow
        /// Whether the end time in `row` is recorded.
        var isRevocationRecorded: Bool
        var closing: Task<SessionError?, Never>?
        var ending: Task<SessionError?, Never>?
        var timer: Task<Void, Never>?

        init(session: Session) {
            self.session = session
            row = session.row
            isRevocationRecorded = session.row.revoked != nil
        }
    }

    private let chosen: Lock<SessionSettings>
    private let lastWord = Lock(LastWord())
    let records: any Records
    let recorder: Recorder
    let spool: SpoolFolder
    let pool: WorkerPool
    let observer: any SessionObserver
    let metadata: any SessionMetadata
    let forget: @Sendable (SessionID) async -> Void
    let clock: SessionClock
    let bootID: String
    let log: Logger

    var entries: [SessionID: Entry] = [:]
    private(set) var isStopping = false
    /// Wanted ids of sessions that are being opened, and those of sessions that are being restored.
    var opening: Set<SessionID> = []

    /// How many sessions this process has opened.
    package private(set) var openedCount = 0

    /// Changes with every session that is opened, revoked, ended or expires.
    package private(set) var activity: UInt64 = 0

    /// Makes an empty registry; call ``restore()`` before anything else.
    ///
    /// - Parameters:
    ///   - settings: What sessions may be like.
    ///   - records: Where sessions are read from; they are written through `recorder`.
    ///   - recorder: Writes the record.
    ///   - spool: Where sessions have their folders.
    ///   - pool: Where blocking calls run.
    ///   - observer: Who must know of every change before it is announced.
    ///   - metadata: Writes what is left of a finished session.
    ///   - forget: Removes a session's private blobs and its rows in the catalog.
    ///   - clock: What lifetimes are measured with.
    ///   - bootID: Tells one start of the machine from another; see ``BootID``.
    ///   - log: Gets a line for each change.
    package init(
        settings: SessionSettings, records: any Records, recorder: Recorder, spool: SpoolFolder, pool: WorkerPool,
        observer: any SessionObserver, metadata: any SessionMetadata,
        forget: @escaping @Sendable (SessionID) async -> Void, clock: SessionClock = .system,
        bootID: String = BootID.current(), log: Logger
    ) {
        chosen = Lock(settings)
        self.records = records
        self.recorder = recorder
        self.spool = spool
        self.pool = pool
        self.observer = observer
        self.metadata = metadata
        self.forget = forget
        self.clock = clock
        self.bootID = bootID
        self.log = log
    }

    /// What sessions opened from now on may be like.
    package nonisolated var settings: SessionSettings { chosen.withLock { $0 } }

    /// Changes what sessions opened from now on may be like; those that live stay as they are.
    package nonisolated func update(settings: SessionSettings) { chosen.withLock { $0 = settings } }

    /// Sets what is called when all of a session is recorded and is about to be removed, which waits for it.
    package nonisolated func beforeRemoval(_ body: @escaping @Sendable (SessionID) async -> Void) {
        lastWord.withLock { $0.body = body }
    }

    func prepareRemoval(of id: SessionID) async { await lastWord.withLock { $0.body }(id) }

    // A function that is a generic's value itself would be wrapped once more with every look at it.
    private struct LastWord {
        var body: @Sendable (SessionID) async -> Void = { _ in }
    }

    /// Opens a session; when this returns, the proxy accepts its token.
    ///
    /// - Throws: ``SessionError``, `.usedID` when the wanted id is that of a session that has ended.
    package func open(_ request: SessionRequest) async throws(SessionError) -> OpenedSession {
        guard !isStopping else { throw .stopping }
        let settings = settings
        guard request.policy == .strict || settings.allowsPermissive else { throw .permissiveRefused }
        let token = request.token ?? SecureRandom.token()
        let id = try await reserve(request.id)
        defer { opening.remove(id) }
        let row = SessionRow(
            id: id, policy: request.policy, created: clock.wall(),
            timeout: settings.timeout(for: request.timeout), tokenHash: SHA256Hasher.digest(Array(token.utf8)),
            redactionKey: SecureRandom.bytes(32), configuration: request.configuration,
            secrets: request.secrets?.rows ?? [], bootID: bootID, name: request.name, labels: request.labels)
        try await record([.open(row)])
        openedCount += 1
        let session = await enter(row, secrets: request.secrets)
        log.info("create \(row.policy.rawValue) session", metadata: Self.metadata(of: row.id))
        if !row.secrets.isEmpty { log.info("secrets: \(row.secrets.count)", metadata: Self.metadata(of: row.id)) }
        return OpenedSession(session: session, token: token)
    }

    /// Chooses the id of a new session and keeps others from it: the wanted one, or a fresh one when it is taken.
    private func reserve(_ wanted: SessionID?) async throws(SessionError) -> SessionID {
        guard let wanted, entries[wanted] == nil, opening.insert(wanted).inserted else {
            return SecureRandom.sessionID()
        }
        let records = records
        let wasUsed: Bool
        do {
            wasUsed = try await pool.run { try records.wasUsed(wanted) }
        } catch {
            opening.remove(wanted)
            throw .storage(
                error as? StoreError ?? StoreError(.unavailable, "look for session \(wanted)", "\(error)"))
        }
        guard !wasUsed else {
            opening.remove(wanted)
            throw .usedID(wanted)
        }
        return wanted
    }

    /// Revokes a session's token; the first revocation fixes its end time.
    ///
    /// Returns when the session has no open transfer any more and its rows are committed.
    ///
    /// - Returns: The session with its end time.
    package func revoke(_ id: SessionID, token: String) async throws(SessionError) -> SessionRow {
        guard let entry = entries[id] else { throw .unknown }
        guard entry.session.accepts(token: token) else { throw .wrongToken }
        try await close(entry)
        return entry.row
    }

    /// Finishes a session: writes its files and removes it from the record.
    ///
    /// When the files cannot be written the session stays, revoked, and may be finished again.
    package func finish(_ id: SessionID) async throws(SessionError) {
        guard let entry = entries[id] else { throw .unknown }
        try await end(entry, keepingFolder: true)
    }

    /// Finishes every session, as a daemon does that takes its sessions with it.
    package func finishAll() async {
        isStopping = true
        for entry in entries.values {
            do throws(SessionError) {
                try await end(entry, keepingFolder: true)
            } catch {
                log.error("cannot finish the session: \(error)", metadata: Self.metadata(of: entry.session.id))
            }
        }
    }

    /// Removes the folder of a session that is not alive; when there is none, nothing happens.
    package func deleteResources(of id: SessionID) async throws(SessionError) {
        guard entries[id] == nil else { throw .notFinished }
        try await removeFolder(of: id)
    }

    /// A live session as recorded, with its end time once its token is revoked.
    package func row(of id: SessionID) -> SessionRow? { entries[id]?.row }

    /// A live session.
    package func session(_ id: SessionID) -> Session? { entries[id]?.session }

    /// The live sessions, the oldest first.
    package func summaries() -> [SessionSummary] {
        let now = clock.monotonic()
        return entries.values.map { entry in
            // From the deadline, which does not move when the clock is set.
            let left = entry.session.deadline - now
            return SessionSummary(
                id: entry.row.id, policy: entry.row.policy, name: entry.row.name, labels: entry.row.labels,
                created: entry.row.created, timeout: entry.row.timeout,
                age: max(0, entry.row.timeout - Int64(left.inSeconds.rounded(.up))), revoked: entry.row.revoked)
        }.sorted { ($0.created, $0.id) < ($1.created, $1.id) }
    }

    /// How many sessions are alive.
    package var liveCount: Int { entries.count }

    /// Stops the timers and refuses new sessions; those that live go on after the next start.
    package func stop() {
        isStopping = true
        for entry in entries.values { entry.timer?.cancel() }
    }

    /// The credentials of open sessions for the next process; `nil` without any.
    package func secretsToHandOver() -> SecretBytes? {
        SecretHandover.bytes(of: entries.values.lazy.filter { $0.row.revoked == nil }.map(\.session))
    }

    /// Makes a session known, to the observer first, and arms its timer.
    @discardableResult
    func enter(_ row: SessionRow, secrets: SessionSecrets? = nil) async -> Session {
        let session = Session(row: row, secrets: secrets, clock: clock)
        await observer.sessionOpened(session)
        let entry = Entry(session: session)
        entries[row.id] = entry
        activity &+= 1
        armTimer(of: entry)
        return session
    }

    /// Drops a session that has ended.
    func drop(_ entry: Entry) {
        entry.timer?.cancel()
        entries[entry.session.id] = nil
        activity &+= 1
    }

    /// Records changes and waits until they are durable.
    func record(_ changes: [RecordChange]) async throws(SessionError) {
        do throws(StoreError) {
            try await recorder.commit(changes)
        } catch {
            throw .storage(error)
        }
    }

    func removeFolder(of id: SessionID) async throws(SessionError) {
        let spool = spool
        do {
            guard try await !pool.run({ try spool.remove(id) }) else { return }
            log.warning(
                "what has this session's id as its name in \(spool.path) is no session's folder, and stays",
                metadata: Self.metadata(of: id))
        } catch {
            throw .spool(id, reason: "\(error)")
        }
    }

    /// What marks a log line as one of a session.
    static func metadata(of id: SessionID) -> Logger.Metadata { ["session": .string(id.text)] }
}
