package import Core
internal import Glibc
package import Platform
package import Storage

/// Records whose exchanges are durable as soon as they stand in a journal; the backend takes them in later, many at once.
///
/// An exchange waits for being copied into a mapped file instead of a transaction of the backend's. What the journal holds
/// survives the end of the process, not that of the machine. Everything but exchanges, and everything that is read, waits
/// until the backend has what came before. When the backend cannot take anything in, nothing more is accepted: what was
/// accepted stays in the journal until it can.
///
/// The life of an exchange: checked and appended (``apply(_:)``) → taken in a little later (``takeIn()``) → the file that it
/// stood in is emptied. What the end of the process leaves in the files is taken in at the next start.
package final class JournaledRecords: Records {
    /// What can be chosen.
    package struct Settings: Sendable {
        /// How long exchanges wait for others before the backend takes them in.
        package var linger = Duration.milliseconds(100)
        /// Exchanges that wait at most, before they are taken in at once.
        package var mostRows = 2_048
        /// Bytes of them that wait at most.
        package var mostBytes = 16 << 20
        /// How long the oldest may wait before no more are accepted without the backend.
        package var longestWait = Duration.seconds(1)
        /// How long room in memory that was made for exchanges is there for them.
        package var roomLasts = Duration.milliseconds(500)
        /// How the files get room (zeros in a range of bytes), so that a test can make it fail.
        package var extend: @Sendable (SharedDescriptor, Range<Int>) throws(SystemError) -> Void = {
            (file, range) throws(SystemError) in
            try Kernel.writeZeros(file.raw, offset: Int64(range.lowerBound), count: range.count)
        }

        package init() {}
    }

    private struct State {
        var journal: Journal
        /// In the journal, and not yet handed to the backend.
        var waiting: [ExchangeRow] = []
        /// Since when the oldest is not taken in.
        var oldest: MonotonicTime?
        /// The last number of each session that was asked for, those that wait included.
        var lastNumbers: [SessionID: Int64] = [:]
        /// What prevented the backend the last time.
        var failure: StoreError?
        var isStopping = false
    }

    private let backend: any Records
    private let settings: Settings
    private let lost: @Sendable (StoreError) -> Void
    private let state: Monitor<State>
    /// How long the backend takes; changed by whoever has the ``turn``.
    private let durations = DurationHistogram()
    private let rowsTakenIn = OwnedCount()
    private let failures = OwnedCount()
    /// The backend for whoever has it take something in: one after the other.
    private let turn: Lock<any Records>
    private let ended = Latch()

    /// Most exchanges that the backend takes in as one transaction, so that no other waits long.
    private static let slice = 512

    /// Opens the journal and lets the backend take in what an earlier run left there.
    ///
    /// - Parameters:
    ///   - backend: Where the records are; nobody else may change it.
    ///   - path: What the names of the two files begin with.
    ///   - bootID: Tells one start of the machine from another.
    ///   - settings: What was chosen.
    ///   - lost: Called when the backend refuses an exchange for good: its session has gone.
    /// - Throws: ``StoreError``; with `.corrupt` when a file is damaged, which is then left as it is.
    package init(
        _ backend: any Records, path: String, bootID: String, settings: Settings = Settings(),
        lost: @escaping @Sendable (StoreError) -> Void = { _ in }
    ) throws(StoreError) {
        self.backend = backend
        turn = Lock(backend)
        self.settings = settings
        self.lost = lost
        let operation = "open the journal \(path)"
        var journal: Journal
        let remains: Journal.Remains
        do throws(SystemError) {
            journal = try Journal(
                path: path, bootID: bootID, roomLasts: settings.roomLasts, extend: settings.extend)
            remains = try journal.remains(bootID: bootID)
        } catch {
            throw StoreError(.unavailable, operation, error.description)
        }
        if let damaged = remains.damaged {
            throw StoreError(
                .corrupt, operation,
                "\(damaged) is damaged; what it held of the record of open sessions cannot be read. "
                    + "To start without it: mv '\(damaged)' '\(damaged).damaged'")
        }
        // What belongs to sessions that have gone does not come back, and is told.
        try Self.takeInMissing(remains.rows[...], backend, lost)
        journal.emptyActive()
        if let spare = journal.takeSpare() {
            spare.empty()
            journal.putBack(spare)
        }
        state = Monitor(State(journal: journal))
        startThread(name: "journal") { [self] in
            work()
            ended.signal()
        }
    }

    /// Lets the backend take in everything and ends the thread; the backend stays open.
    ///
    /// - Throws: ``StoreError`` when it cannot; what is left is taken in at the next start.
    package func close() throws(StoreError) {
        state.change { $0.isStopping = true }
        ended.wait()
        try flush()
        // Nothing is appended any more.
        state.withLock { $0.journal.truncate() }
    }

    // MARK: - Changing

    package func apply(_ changes: [RecordChange]) throws(StoreError) {
        var rows: [ExchangeRow] = []
        rows.reserveCapacity(changes.count)
        for change in changes {
            guard case .exchange(let row) = change else { return try applyAtOnce(changes) }
            rows.append(row)
        }
        guard !rows.isEmpty else { return }
        try learn(rows)
        let (failure, isLate, size) = state.withLock { state in
            (
                state.failure, state.oldest.map { .now() > $0 + settings.longestWait } ?? false, state.journal.size
            )
        }
        // With a backend that does not keep up, whoever brings more waits for it.
        if failure != nil || isLate || size > settings.mostBytes { try flush() }
        guard try accept(rows) else { return try applyAtOnce(changes) }
    }

    package func recordAtOnce(_ rows: [ExchangeRow]) -> Bool {
        let now = MonotonicTime.now()
        // Whoever else has the lock has it for a moment only, but for `apply`, in which nobody is now.
        let isFirst = state.withLock { state -> Bool? in
            // With a backend that does not keep up, whoever brings more waits for it.
            guard state.failure == nil, state.oldest.map({ now < $0 + settings.longestWait }) ?? true,
                state.journal.size <= settings.mostBytes, let last = Self.lastNumbers(after: rows, state),
                !state.isStopping, state.journal.append(rows, now: now)
            else { return nil }
            return Self.accepted(rows, last, &state, settings)
        }
        guard let isFirst else { return false }
        if isFirst { state.wakeOne() }
        return true
    }

    /// Where the sessions' numbers stand with these rows; `nil` when that is not known, or a number is not the next one.
    private static func lastNumbers(after rows: [ExchangeRow], _ state: borrowing State) -> [SessionID: Int64]? {
        var last: [SessionID: Int64] = [:]
        for row in rows {
            guard let before = last[row.session] ?? state.lastNumbers[row.session], row.number == before + 1 else {
                return nil
            }
            last[row.session] = row.number
        }
        return last
    }

    /// Notes rows that stand in the journal; whether the thread that has them taken in should look.
    private static func accepted(
        _ rows: [ExchangeRow], _ last: [SessionID: Int64], _ state: inout State, _ settings: Settings
    ) -> Bool {
        state.lastNumbers.merge(last) { $1 }
        let isFirst = state.waiting.isEmpty
        state.waiting += rows
        state.oldest = state.oldest ?? .now()
        return isFirst || state.waiting.count >= settings.mostRows
    }

    /// Finds out where the sessions' numbers stand.
    private func learn(_ rows: [ExchangeRow]) throws(StoreError) {
        let unknown = state.withLock { state in
            rows.map(\.session).filter { state.lastNumbers[$0] == nil }
        }
        for session in Set(unknown) {
            guard try backend.session(session) != nil else {
                throw StoreError(.rejected, "record an exchange", "there is no session \(session)")
            }
            // None of its exchanges waits: whoever brought one asked for this.
            let last = try backend.lastNumber(of: session)
            state.withLock { $0.lastNumbers[session] = last }
        }
    }

    /// Appends rows to the journal; `false` when it cannot be written.
    private func accept(_ rows: [ExchangeRow]) throws(StoreError) -> Bool {
        let outcome = try state.withLock { (state) throws(StoreError) -> (isWritten: Bool, isFirst: Bool) in
            guard let last = Self.lastNumbers(after: rows, state) else {
                let numbers = rows.map { "\($0.number) of session \($0.session)" }.joined(separator: ", ")
                throw StoreError(.rejected, "record the exchanges \(numbers)", "these are not the next numbers")
            }
            do throws(SystemError) {
                guard !state.isStopping else { return (false, false) }
                try state.journal.appendWaiting(rows)
            } catch {
                return (false, false)
            }
            return (true, Self.accepted(rows, last, &state, settings))
        }
        if outcome.isFirst { state.wakeOne() }
        return outcome.isWritten
    }

    /// Has the backend make the changes after everything that waits.
    private func applyAtOnce(_ changes: [RecordChange]) throws(StoreError) {
        try turn.withLock { (backend) throws(StoreError) in
            try takeIn()
            try backend.apply(changes)
        }
        state.withLock { state in
            for change in changes {
                if case .exchange(let row) = change { state.lastNumbers[row.session] = row.number }
            }
        }
    }

    package func remove(_ session: SessionID) throws(StoreError) {
        try flush()
        try backend.remove(session)
        state.withLock { $0.lastNumbers[session] = nil }
    }

    package func checkWritable() throws(StoreError) {
        try turn.withLock { (backend) throws(StoreError) in
            try takeIn()
            try backend.checkWritable()
        }
    }

    // MARK: - Taking in

    /// Returns when the backend has everything that was accepted before.
    ///
    /// - Throws: ``StoreError`` when it cannot take it in; it stays in the journal.
    package func flush() throws(StoreError) {
        try turn.withLock { (_) throws(StoreError) in try takeIn() }
    }

    /// Hands everything that waits to the backend; whoever calls has the ``turn``.
    private func takeIn() throws(StoreError) {
        let start = MonotonicTime.now()
        let (rows, began) = state.withLock { state in
            defer {
                state.waiting = []
                state.oldest = nil
            }
            if !state.waiting.isEmpty { state.journal.turnOver() }
            return (state.waiting, state.oldest)
        }
        var rest = rows[...]
        do throws(StoreError) {
            while !rest.isEmpty {
                try takeIn(rest.prefix(Self.slice))
                rest = rest.dropFirst(Self.slice)
            }
            if !rows.isEmpty {
                durations.add(nanoseconds: Int(MonotonicTime.now().nanoseconds - start.nanoseconds))
                rowsTakenIn.add(rows.count)
            }
            let spare = state.withLock { state in
                state.failure = nil
                if state.waiting.isEmpty { state.journal.emptyActive() }
                return state.journal.takeSpare()
            }
            guard let spare else { return }
            spare.empty()
            // For the next exchanges; when it cannot be, whoever brings them finds out.
            if !rows.isEmpty { try? spare.makeRoom(0) }
            state.withLock { $0.journal.putBack(spare) }
        } catch {
            failures.add()
            state.withLock { state in
                state.failure = error
                state.waiting.insert(contentsOf: rest, at: 0)
                state.oldest = began
            }
            throw error
        }
    }

    /// Hands a slice to the backend; exchanges of sessions that have gone do not keep the others out.
    private func takeIn(_ rows: ArraySlice<ExchangeRow>) throws(StoreError) {
        do {
            try backend.apply(rows.map { .exchange($0) })
        } catch {
            guard error.kind == .rejected else { throw error }
            try Self.takeInMissing(rows, backend, lost)
        }
    }

    /// Hands to the backend, session by session, what it does not have yet.
    private static func takeInMissing(
        _ rows: ArraySlice<ExchangeRow>, _ backend: any Records, _ lost: (StoreError) -> Void
    ) throws(StoreError) {
        for (session, own) in Dictionary(grouping: rows, by: \.session) {
            do {
                try takeInMissing(of: session, own.sorted { $0.number < $1.number }, backend)
            } catch {
                guard error.kind == .rejected else { throw error }
                lost(error)
            }
        }
    }

    private static func takeInMissing(
        of session: SessionID, _ rows: [ExchangeRow], _ backend: any Records
    ) throws(StoreError) {
        guard try backend.session(session) != nil else {
            throw StoreError(.rejected, "record \(rows.count) exchanges", "there is no session \(session) any more")
        }
        var last = try backend.lastNumber(of: session)
        var changes: [RecordChange] = []
        for row in rows where row.number > last {
            guard row.number == last + 1 else {
                let reason = "the exchanges from number \(last + 1) on were lost with the journal"
                changes.append(.markIncomplete(session, reason: reason))
                break
            }
            last = row.number
            changes.append(.exchange(row))
        }
        while !changes.isEmpty {
            try backend.apply(Array(changes.prefix(slice)))
            changes.removeFirst(min(slice, changes.count))
        }
    }

    /// The thread's work: exchanges that have waited long enough are taken in; when none come, memory is given back.
    private func work() {
        while true {
            let rest = state.withLock(\.journal.hasRoom) ? MonotonicTime.now() + settings.roomLasts : nil
            let oldest = state.wait(until: rest) { state in state.isStopping ? MonotonicTime.now() : state.oldest }
            guard !state.withLock(\.isStopping) else { return }
            guard let oldest else {
                state.withLock { $0.journal.giveRoomBack() }
                continue
            }
            _ = state.wait(until: oldest + settings.linger) { state in
                state.isStopping || state.waiting.count >= settings.mostRows ? true : nil
            }
            do throws(StoreError) {
                try flush()
            } catch {
                _ = state.wait(until: .now() + settings.longestWait) { $0.isStopping ? true : nil }
            }
        }
    }

    // MARK: - Watching

    /// How the journal stands, and what became of it since the start.
    package struct Activity: Sendable {
        /// Exchanges that the backend does not have yet.
        package var waitingRows: Int
        /// Bytes of the journal in use.
        package var bytes: Int
        /// Exchanges that the backend has taken in.
        package var rowsTakenIn: Int
        /// Times that it could not.
        package var failures: Int
        /// How long it took, each time for all that waited.
        package var durations: DurationCounts
    }

    /// How the journal stands.
    package var activity: Activity {
        let (rows, bytes) = state.withLock { ($0.waiting.count, $0.journal.size) }
        return Activity(
            waitingRows: rows, bytes: bytes, rowsTakenIn: rowsTakenIn.current, failures: failures.current,
            durations: durations.current)
    }

    // MARK: - Reading

    package func sessions() throws(StoreError) -> [SessionRow] { try backend.sessions() }

    package func session(_ id: SessionID) throws(StoreError) -> SessionRow? { try backend.session(id) }

    package func wasUsed(_ id: SessionID) throws(StoreError) -> Bool { try backend.wasUsed(id) }

    package func usedIDKeys() throws(StoreError) -> [UsedIDKey] { try backend.usedIDKeys() }

    package func usedIDs(_ key: UsedIDKey, after: Int64?, limit: Int) throws(StoreError) -> [Int64] {
        try backend.usedIDs(key, after: after, limit: limit)
    }

    package func lastNumber(of session: SessionID) throws(StoreError) -> Int64 {
        try flush()
        return try backend.lastNumber(of: session)
    }

    package func totals(of session: SessionID) throws(StoreError) -> SessionTotals {
        try flush()
        return try backend.totals(of: session)
    }

    package func exchanges(
        of session: SessionID, category: ExchangeRow.Category?, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        try flush()
        return try backend.exchanges(of: session, category: category, after: after, limit: limit)
    }

    package func exchanges(
        of session: SessionID, digest: SHA256Digest, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        try flush()
        return try backend.exchanges(of: session, digest: digest, after: after, limit: limit)
    }

    package func artifacts(
        of session: SessionID, after: Int64, limit: Int
    ) throws(StoreError) -> [(digest: SHA256Digest, firstNumber: Int64)] {
        try flush()
        return try backend.artifacts(of: session, after: after, limit: limit)
    }

    package func unconcluded(of session: SessionID, limit: Int) throws(StoreError) -> [ExchangeRow] {
        try flush()
        return try backend.unconcluded(of: session, limit: limit)
    }
}
