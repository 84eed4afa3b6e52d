package import Core
package import Storage
package import Platform

/// Records in memory that fail on demand.
package final class FakeRecords: Records {
    package struct State: Sendable {
        package var sessions: [SessionRow] = []
        package var exchanges: [ExchangeRow] = []
        package var used: Set<SessionID> = []
        package var groups: [Int] = []
        package var isWritable = true
        /// Whether exchanges can be read.
        package var isReadable = true
    }

    package let state = Lock(State())
    /// A group with such a change fails.
    private let isBad: @Sendable (RecordChange) -> Bool
    /// Called before a group is applied, to hold the writer up.
    private let beforeApply: @Sendable () -> Void
    /// Whether exchanges are recorded at once while nobody is in `apply`.
    private let isQuick: Bool

    package init(
        isQuick: Bool = false, isBad: @escaping @Sendable (RecordChange) -> Bool = { _ in false },
        beforeApply: @escaping @Sendable () -> Void = {}
    ) {
        self.isQuick = isQuick
        self.isBad = isBad
        self.beforeApply = beforeApply
    }

    package func recordAtOnce(_ rows: [ExchangeRow]) -> Bool {
        guard isQuick else { return false }
        state.withLock { $0.exchanges += rows }
        return true
    }

    private static let refusal = StoreError(.unavailable, "write the record", "read-only")

    package func apply(_ changes: [RecordChange]) throws(StoreError) {
        beforeApply()
        try state.withLock { (state) throws(StoreError) in
            guard state.isWritable, !changes.contains(where: isBad) else { throw Self.refusal }
            state.groups.append(changes.count)
            for change in changes {
                switch change {
                case .open(let row):
                    state.sessions.append(row)
                    state.used.insert(row.id)
                case .revoke(let id, let time):
                    for index in state.sessions.indices where state.sessions[index].id == id {
                        state.sessions[index].revoked = state.sessions[index].revoked ?? time
                    }
                case .markIncomplete(let id, let reason):
                    for index in state.sessions.indices where state.sessions[index].id == id {
                        state.sessions[index].incompleteReason = reason
                    }
                case .exchange(let row): state.exchanges.append(row)
                case .conclude(let id, let number, let result, let judgement):
                    for index in state.exchanges.indices
                    where state.exchanges[index].session == id && state.exchanges[index].number == number {
                        state.exchanges[index].result = result
                        state.exchanges[index].judgement = judgement
                    }
                default: break
                }
            }
        }
    }

    package func sessions() throws(StoreError) -> [SessionRow] { state.withLock { $0.sessions } }

    package func session(_ id: SessionID) throws(StoreError) -> SessionRow? {
        state.withLock { $0.sessions.first { $0.id == id } }
    }

    package func wasUsed(_ id: SessionID) throws(StoreError) -> Bool { state.withLock { $0.used.contains(id) } }

    private static let ownKey = UsedIDKey(first: 1, second: 2)

    package func usedIDKeys() throws(StoreError) -> [UsedIDKey] { [Self.ownKey] }

    package func usedIDs(_ key: UsedIDKey, after: Int64?, limit: Int) throws(StoreError) -> [Int64] {
        let all = state.withLock { $0.used.map(key.hash) }
        return Array(all.filter { hash in after.map { hash > $0 } ?? true }.sorted().prefix(limit))
    }

    package func totals(of session: SessionID) throws(StoreError) -> SessionTotals {
        let own = try exchanges(of: session, category: nil, after: 0, limit: .max)
        return SessionTotals(
            lastNumber: own.map(\.number).max() ?? 0, exchanges: Int64(own.count),
            delivered: own.reduce(0) { $0 + $1.delivered })
    }

    package func exchanges(
        of session: SessionID, category: ExchangeRow.Category?, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        try state.withLock { (state) throws(StoreError) in
            guard state.isReadable else { throw StoreError(.unavailable, "read the record", "no disk") }
            return Array(
                state.exchanges.filter {
                    $0.session == session && $0.number > after && (category == nil || $0.category == category)
                }.prefix(limit))
        }
    }

    package func exchanges(
        of session: SessionID, digest: SHA256Digest, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        try exchanges(of: session, category: .artifact, after: after, limit: .max).filter { $0.digest == digest }
    }

    package func lastNumber(of session: SessionID) throws(StoreError) -> Int64 {
        try totals(of: session).lastNumber
    }

    package func artifacts(
        of session: SessionID, after: Int64, limit: Int
    ) throws(StoreError) -> [(digest: SHA256Digest, firstNumber: Int64)] { [] }

    package func unconcluded(of session: SessionID, limit: Int) throws(StoreError) -> [ExchangeRow] {
        state.withLock { state in
            Array(
                state.exchanges.filter { $0.session == session && $0.category == .artifact && $0.result == nil }
                    .prefix(limit))
        }
    }

    package func remove(_ session: SessionID) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            guard state.isWritable else { throw Self.refusal }
            state.sessions.removeAll { $0.id == session }
            state.exchanges.removeAll { $0.session == session }
        }
    }

    package func checkWritable() throws(StoreError) {}
}
