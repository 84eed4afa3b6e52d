internal import Core
internal import Storage
internal import Platform

/// The recorder's own thread: numbers the exchanges of a group and commits it.
struct Committer: Sendable {
    typealias Submission = (changes: [RecordChange], completion: Recorder.Completion)

    private let records: any Records
    /// Only one thread comes here; the lock is for the compiler, and is never waited for.
    private let numbers = Lock(ExchangeNumbers())

    init(records: any Records) { self.records = records }

    /// Commits the group as one transaction, or, when that fails, each submission by itself.
    func commit(_ group: [Submission]) {
        guard let first = group.first else { return }
        do throws(StoreError) {
            let given = try apply(group.map(\.changes))
            for (submission, numbers) in zip(group, given) { submission.completion(.success(numbers)) }
        } catch {
            if group.count == 1 {
                first.completion(.failure(error))
            } else {
                for submission in group { commit([submission]) }
            }
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
            numbers.withLock { $0.forget(session) }
            return nil
        } catch {
            return error
        }
    }

    /// Applies submissions as one transaction and returns the numbers given, by submission.
    private func apply(_ submissions: [[RecordChange]]) throws(StoreError) -> [[Int64]] {
        var tentative = numbers.withLock { $0 }
        var given: [[Int64]] = []
        var changes: [RecordChange] = []
        for submission in submissions {
            var own: [Int64] = []
            for change in submission {
                changes.append(try tentative.number(change, from: records, own: &own))
            }
            given.append(own)
        }
        if !changes.isEmpty { try records.apply(changes) }
        numbers.withLock { $0 = tentative }
        return given
    }
}

/// The last number given in each session.
private struct ExchangeNumbers: Sendable {
    private var last: [SessionID: Int64] = [:]

    /// Fills in the number of an exchange; other changes stay as they are.
    mutating func number(
        _ change: RecordChange, from records: any Records, own: inout [Int64]
    ) throws(StoreError) -> RecordChange {
        switch change {
        case .open(let row):
            last[row.id] = 0
            return change
        case .exchange(var row):
            // Not known yet: the first one after a restart.
            let known =
                if let number = last[row.session] { number } else {
                    try records.totals(of: row.session).lastNumber
                }
            row.number = known + 1
            last[row.session] = row.number
            own.append(row.number)
            return .exchange(row)
        default: return change
        }
    }

    mutating func forget(_ session: SessionID) { last[session] = nil }
}
