package import Core
package import Storage
internal import Platform

/// The record in memory: for tests of what is above the storage, and for a service that keeps nothing on disk.
///
/// It keeps every promise of ``Records`` but survival of the process.
package final class MemoryRecords: Records {
    private struct Session {
        var row: SessionRow
        /// The exchange with number n stands at n - 1.
        var exchanges: [ExchangeRow] = []
        /// Number of the first exchange of each artifact.
        var firstNumbers: [SHA256Digest: Int64] = [:]

        mutating func append(_ row: ExchangeRow) {
            exchanges.append(row)
            guard row.category == .artifact, let digest = row.digest, firstNumbers[digest] == nil else { return }
            firstNumbers[digest] = row.number
        }
    }

    private struct State {
        var sessions: [SessionID: Session] = [:]
        /// Those that are being brought back.
        var restoring: [SessionID: Session] = [:]
        var order: [SessionID] = []
        var used: Set<SessionID> = []
        /// Hashes of ids that were used in other records.
        var usedElsewhere: [UsedIDKey: Set<Int64>] = [:]

        func wasUsed(_ id: SessionID) -> Bool {
            used.contains(id) || usedElsewhere.contains { $0.value.contains($0.key.hash(id)) }
        }
    }

    private let state = Lock(State())
    private let ownKey = UsedIDKey(first: .random(in: 0 ... .max), second: .random(in: 0 ... .max))
    private let beforeChange: (@Sendable () throws(StoreError) -> Void)?

    /// Makes an empty record.
    ///
    /// - Parameter beforeChange: Called before every change; what it throws is what the change fails with.
    package init(beforeChange: (@Sendable () throws(StoreError) -> Void)? = nil) { self.beforeChange = beforeChange }

    package func apply(_ changes: [RecordChange]) throws(StoreError) {
        try beforeChange?()
        try state.withLock { state throws(StoreError) in
            // All are checked before the first is made, so that nothing has to be undone.
            try Self.check(changes, state, ownKey)
            for change in changes { Self.make(change, &state, ownKey) }
        }
    }

    private static func check(
        _ changes: [RecordChange], _ state: State, _ ownKey: UsedIDKey
    ) throws(StoreError) {
        var last: [SessionID: Int64] = [:]
        var restored = state.restoring.mapValues { Int64($0.exchanges.count) }
        var reserved: [UsedIDKey: Set<Int64>] = [:]
        func refuseUsed(_ id: SessionID) throws(StoreError) {
            let isReserved = reserved.contains { $0.value.contains($0.key.hash(id)) }
            if isReserved || last[id] != nil || state.wasUsed(id) {
                throw StoreError(.rejected, "open session \(id)", "the id was used before")
            }
        }
        func lastNumber(_ id: SessionID) throws(StoreError) -> Int64 {
            if let number = last[id] { return number }
            guard let session = state.sessions[id] else {
                throw StoreError(.rejected, "change session \(id)", "there is no such session")
            }
            return Int64(session.exchanges.count)
        }
        func restoredNumber(_ id: SessionID) throws(StoreError) -> Int64 {
            if let number = restored[id] { return number }
            throw StoreError(.rejected, "restore session \(id)", "it is not being brought back")
        }
        for change in changes {
            switch change {
            case .open(let row):
                try refuseUsed(row.id)
                guard restored[row.id] == nil else {
                    throw StoreError(.rejected, "open session \(row.id)", "it is being brought back")
                }
                last[row.id] = 0
            case .revoke(let id, _), .markIncomplete(let id, _): _ = try lastNumber(id)
            case .exchange(let row):
                let next = try lastNumber(row.session) + 1
                guard row.number == next else {
                    throw StoreError(
                        .rejected, "record exchange \(row.number) of session \(row.session)",
                        "the next number is \(next)")
                }
                last[row.session] = next
            case .conclude(let id, let number, _, _), .delivered(let id, let number, _, _):
                guard number >= 1, number <= (try lastNumber(id)) else {
                    throw StoreError(
                        .rejected, "change exchange \(number) of session \(id)", "there is no such exchange")
                }
            case .beginRestoring(let row):
                try refuseUsed(row.id)
                guard restored.updateValue(0, forKey: row.id) == nil else {
                    throw StoreError(.rejected, "restore session \(row.id)", "it is being brought back already")
                }
            case .restore(let id, let rows):
                let before = try restoredNumber(id)
                guard rows.enumerated().allSatisfy({ $1.session == id && $1.number == before + Int64($0) + 1 }) else {
                    throw StoreError(
                        .rejected, "restore exchanges of session \(id)", "the next number is \(before + 1)")
                }
                restored[id] = before + Int64(rows.count)
            case .endRestoring(let id):
                try refuseUsed(id)
                last[id] = try restoredNumber(id)
                restored[id] = nil
            case .reserve(let hashes, let key):
                reserved[key, default: []].formUnion(hashes)
                let others = Set(state.usedElsewhere.keys).union(reserved.keys).subtracting([ownKey])
                guard others.count <= UsedIDKey.most else {
                    throw StoreError(.rejected, "reserve ids", "there are those of \(UsedIDKey.most) records already")
                }
            }
        }
    }

    private static func make(_ change: RecordChange, _ state: inout State, _ ownKey: UsedIDKey) {
        switch change {
        case .open(let row):
            state.sessions[row.id] = Session(row: row)
            state.order.append(row.id)
            state.used.insert(row.id)
        case .revoke(let id, let time):
            if state.sessions[id]?.row.revoked == nil { state.sessions[id]?.row.revoked = time }
        case .markIncomplete(let id, let reason): state.sessions[id]?.row.markIncomplete(reason)
        case .exchange(let row): state.sessions[row.session]?.append(row)
        case .beginRestoring(let row): state.restoring[row.id] = Session(row: row)
        case .restore(let id, let rows):
            for row in rows { state.restoring[id]?.append(row) }
        case .endRestoring(let id):
            state.sessions[id] = state.restoring.removeValue(forKey: id)
            state.order.append(id)
            state.used.insert(id)
        case .reserve(let hashes, let key): state.usedElsewhere[key, default: []].formUnion(hashes)
        case .conclude(let id, let number, let result, let judgement):
            state.sessions[id]?.exchanges[Int(number) - 1].result = result
            state.sessions[id]?.exchanges[Int(number) - 1].judgement = judgement
        case .delivered(let id, let number, let bytes, let truncated):
            state.sessions[id]?.exchanges[Int(number) - 1].ended(delivered: bytes, truncated: truncated)
        }
    }

    package func sessions() throws(StoreError) -> [SessionRow] {
        state.withLock { state in state.order.compactMap { state.sessions[$0]?.row } }
    }

    package func session(_ id: SessionID) throws(StoreError) -> SessionRow? {
        state.withLock { $0.sessions[id]?.row }
    }

    package func wasUsed(_ id: SessionID) throws(StoreError) -> Bool {
        state.withLock { $0.wasUsed(id) }
    }

    package func usedIDKeys() throws(StoreError) -> [UsedIDKey] {
        [ownKey] + state.withLock { Set($0.usedElsewhere.keys).subtracting([ownKey]) }
    }

    package func usedIDs(_ key: UsedIDKey, after: Int64?, limit: Int) throws(StoreError) -> [Int64] {
        let all = state.withLock { state in
            let elsewhere = state.usedElsewhere[key] ?? []
            return key == ownKey ? elsewhere.union(state.used.map(key.hash)) : elsewhere
        }
        return Array(all.filter { hash in after.map { hash > $0 } ?? true }.sorted().prefix(max(limit, 0)))
    }

    package func lastNumber(of session: SessionID) throws(StoreError) -> Int64 {
        state.withLock { Int64($0.sessions[session]?.exchanges.count ?? 0) }
    }

    package func totals(of session: SessionID) throws(StoreError) -> SessionTotals {
        state.withLock { state in
            let exchanges = state.sessions[session]?.exchanges ?? []
            return SessionTotals(
                lastNumber: Int64(exchanges.count), exchanges: Int64(exchanges.count),
                delivered: exchanges.reduce(0) { $0 + $1.delivered })
        }
    }

    package func exchanges(
        of session: SessionID, category: ExchangeRow.Category?, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        select(session, after: after, limit: limit) { category == nil || $0.category == category }
    }

    package func exchanges(
        of session: SessionID, digest: SHA256Digest, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        select(session, after: after, limit: limit) { $0.category == .artifact && $0.digest == digest }
    }

    package func unconcluded(of session: SessionID, limit: Int) throws(StoreError) -> [ExchangeRow] {
        select(session, after: 0, limit: limit) { $0.category == .artifact && $0.result == nil }
    }

    package func artifacts(
        of session: SessionID, after: Int64, limit: Int
    ) throws(StoreError) -> [(digest: SHA256Digest, firstNumber: Int64)] {
        let firsts = state.withLock { $0.sessions[session]?.firstNumbers ?? [:] }
        return firsts.filter { $0.value > after }.sorted { $0.value < $1.value }.prefix(max(limit, 0)).map {
            (digest: $0.key, firstNumber: $0.value)
        }
    }

    private func select(
        _ session: SessionID, after: Int64, limit: Int, where isWanted: (ExchangeRow) -> Bool
    ) -> [ExchangeRow] {
        let exchanges = state.withLock { $0.sessions[session]?.exchanges ?? [] }
        let rest = exchanges.dropFirst(Int(min(max(after, 0), Int64(exchanges.count))))
        var result: [ExchangeRow] = []
        for row in rest {
            if result.count >= limit { break }
            if isWanted(row) { result.append(row) }
        }
        return result
    }

    package func remove(_ session: SessionID) throws(StoreError) {
        try beforeChange?()
        state.withLock { state in
            state.sessions[session] = nil
            state.restoring[session] = nil
            state.order.removeAll { $0 == session }
        }
    }

    package func checkWritable() throws(StoreError) { try beforeChange?() }
}
