internal import Core
internal import Platform
internal import Storage

/// How many of each live session's exchanges were refused or failed.
///
/// The record knows exchanges, not sums of them. A number is recorded once and for ever, so what was counted stays
/// counted, and only what has come since is read.
final class SessionTallies: Sendable {
    struct Tally: Sendable, Equatable {
        var refused: Int64 = 0
        var failed: Int64 = 0
        /// The last number looked at, of each category.
        fileprivate var lastRefused: Int64 = 0
        fileprivate var lastFailed: Int64 = 0
    }

    private static let pageLength = 500
    private let records: any Records
    private let tallies = Lock<[SessionID: Tally]>([:])

    init(records: any Records) { self.records = records }

    /// Counts what has come since the last time; blocks.
    ///
    /// - Parameter id: A live session.
    /// - Returns: Its tally.
    /// - Throws: ``StoreError``.
    func tally(of id: SessionID) throws(StoreError) -> Tally {
        var tally = tallies.withLock { $0[id] } ?? Tally()
        tally.refused += try count(.refusal, of: id, from: &tally.lastRefused)
        tally.failed += try count(.failure, of: id, from: &tally.lastFailed)
        let counted = tally
        tallies.withLock { $0[id] = counted }
        return counted
    }

    /// Forgets every session but these.
    func keep(_ live: Set<SessionID>) {
        tallies.withLock { tallies in tallies = tallies.filter { live.contains($0.key) } }
    }

    private func count(
        _ category: ExchangeRow.Category, of id: SessionID, from last: inout Int64
    ) throws(StoreError) -> Int64 {
        var count: Int64 = 0
        while true {
            let page = try records.exchanges(of: id, category: category, after: last, limit: Self.pageLength)
            guard let end = page.last else { return count }
            count += Int64(page.count)
            last = end.number
            if page.count < Self.pageLength { return count }
        }
    }
}
