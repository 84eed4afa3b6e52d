internal import Core
internal import Storage
internal import Platform

/// Numbers exchanges and records them: a group at a time on the recorder's own thread, or at once wherever they end.
struct Committer: Sendable {
    /// What was handed over in one call.
    enum Submission: Sendable {
        /// All or nothing.
        case changes([RecordChange], Recorder.Completion)
        /// Rows that have nothing to do with each other.
        case rows([ExchangeRow], Recorder.RowsCompletion)

        fileprivate var changes: [RecordChange] {
            switch self {
            case .changes(let changes, _): changes
            case .rows(let rows, _): rows.map { .exchange($0) }
            }
        }
    }

    private struct Numbers: Sendable {
        /// The last one given in each session.
        var last: [SessionID: Int64] = [:]
        /// Whether a group has been numbered and is not committed yet: nobody else may number until then.
        var isCommitting = false
        /// What was recorded at once.
        var atOnce = RecorderActivity.Share()
    }

    /// What the recorder's thread has done, which alone changes it.
    private enum Count: Int, CaseIterable { case commits, rows, failures }

    private let records: any Records
    private let numbers = Lock(Numbers())
    /// Why sessions have a gap that the record does not tell yet, since it could not be written.
    private let gaps = Lock<[SessionID: String]>([:])
    private let counts = OwnedCounts(Count.allCases.count)
    private let durations = DurationHistogram()

    init(records: any Records) { self.records = records }

    /// Commits the group as one transaction, or, when that fails, what belongs together by itself.
    func commit(_ group: [Submission]) {
        guard let first = group.first else { return }
        tellGaps()
        do throws(StoreError) {
            let given = try apply(group.map(\.changes))
            for (submission, numbers) in zip(group, given) {
                switch submission {
                case .changes(_, let completion): completion(.success(numbers))
                case .rows(_, let completion): completion(numbers.map { .success($0) })
                }
            }
        } catch {
            guard group.count == 1 else {
                for submission in group { commit([submission]) }
                return
            }
            switch first {
            case .changes(let changes, let completion):
                noteGaps(changes, error)
                completion(.failure(error))
            case .rows(let rows, let completion):
                completion(rows.count == 1 ? [failed(rows[0], error)] : rows.map(commitAlone))
            }
        }
    }

    private func commitAlone(_ row: ExchangeRow) -> Result<Int64, StoreError> {
        do throws(StoreError) {
            let numbers = try apply([[.exchange(row)]])
            return .success(numbers[0][0])
        } catch {
            return failed(row, error)
        }
    }

    private func failed(_ row: ExchangeRow, _ error: StoreError) -> Result<Int64, StoreError> {
        noteGaps([.exchange(row)], error)
        return .failure(error)
    }

    /// Keeps in mind that a session's exchange, or its end, is missing in the record.
    ///
    /// What the record refuses by itself, such as rows of a session that has gone, is no gap.
    private func noteGaps(_ changes: [RecordChange], _ error: StoreError) {
        guard error.kind != .rejected else { return }
        for change in changes {
            switch change {
            case .exchange(let row): note(row.session)
            case .delivered(let session, _, _, _): note(session)
            case .open, .revoke, .markIncomplete, .conclude: break
            // What could not be brought back is not there at all.
            case .beginRestoring, .restore, .endRestoring, .reserve: break
            }
        }
        func note(_ session: SessionID) {
            gaps.withLock { $0[session] = "an exchange could not be recorded: \(error.reason)" }
        }
    }

    /// Records the gaps as soon as anything can be recorded again.
    private func tellGaps() {
        for (session, reason) in gaps.withLock({ $0 }) {
            do throws(StoreError) {
                try records.apply([.markIncomplete(session, reason: reason)])
            } catch {
                guard error.kind == .rejected else { return }
            }
            gaps.withLock { $0[session] = nil }
        }
    }

    /// Says what prevents writing, if anything does.
    func probe() -> StoreError? {
        do throws(StoreError) {
            try records.checkWritable()
            return nil
        } catch {
            return error
        }
    }

    /// Removes a session's rows and returns what prevented it.
    func remove(_ session: SessionID) -> StoreError? {
        do throws(StoreError) {
            try records.remove(session)
            numbers.withLock { $0.last[session] = nil }
            gaps.withLock { $0[session] = nil }
            return nil
        } catch {
            return error
        }
    }

    /// Applies submissions as one transaction and returns the numbers given, by submission.
    private func apply(_ submissions: [[RecordChange]]) throws(StoreError) -> [[Int64]] {
        // What this group uses up; it counts only once it is committed.
        var last: [SessionID: Int64] = [:]
        numbers.withLock { $0.isCommitting = true }
        defer { numbers.withLock { $0.isCommitting = false } }
        var given: [[Int64]] = []
        var changes: [RecordChange] = []
        for submission in submissions {
            var own: [Int64] = []
            for change in submission {
                switch change {
                case .open(let row):
                    last[row.id] = 0
                    changes.append(change)
                case .exchange(var row):
                    let previous = if let number = last[row.session] { number } else { try lastNumber(of: row.session) }
                    row.number = previous + 1
                    last[row.session] = row.number
                    own.append(row.number)
                    changes.append(.exchange(row))
                default: changes.append(change)
                }
            }
            given.append(own)
        }
        if !changes.isEmpty { try apply(changes, rows: given.reduce(0) { $0 + $1.count }) }
        numbers.withLock { $0.last.merge(last) { $1 } }
        return given
    }

    /// Applies changes as one transaction, counted.
    private func apply(_ changes: [RecordChange], rows: Int) throws(StoreError) {
        let began = MonotonicTime.now()
        do throws(StoreError) {
            try records.apply(changes)
        } catch {
            counts.add(Count.failures.rawValue)
            throw error
        }
        durations.add(nanoseconds: Int(MonotonicTime.now().nanoseconds - began.nanoseconds))
        counts.add(Count.commits.rawValue)
        counts.add(Count.rows.rawValue, rows)
    }

    /// What has been recorded since the start.
    var activity: RecorderActivity {
        RecorderActivity(
            atOnce: numbers.withLock { $0.atOnce },
            committed: RecorderActivity.Share(
                groups: counts[Count.commits.rawValue], rows: counts[Count.rows.rawValue]),
            failures: counts[Count.failures.rawValue], durations: durations.current)
    }

    /// Records rows that have nothing to do with each other if that waits for nothing.
    ///
    /// - Returns: Their numbers; `nil` when they must be committed in the ordinary way.
    func recordAtOnce(_ rows: [ExchangeRow]) -> [Int64]? {
        numbers.withLock { numbers in
            guard !numbers.isCommitting else { return nil }
            var rows = rows
            var last: [SessionID: Int64] = [:]
            for index in rows.indices {
                let session = rows[index].session
                guard let before = last[session] ?? numbers.last[session] else { return nil }
                rows[index].number = before + 1
                last[session] = before + 1
            }
            guard records.recordAtOnce(rows) else { return nil }
            numbers.last.merge(last) { $1 }
            numbers.atOnce.groups += 1
            numbers.atOnce.rows += rows.count
            return rows.map(\.number)
        }
    }

    /// The last number given in a session; from the record when it is the first one after a restart.
    private func lastNumber(of session: SessionID) throws(StoreError) -> Int64 {
        if let number = numbers.withLock({ $0.last[session] }) { return number }
        return try records.lastNumber(of: session)
    }
}
