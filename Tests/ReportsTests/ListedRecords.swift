import Core
import Storage

/// The rows of one session in a list; counts what is asked of it.
final class ListedRecords: Records, @unchecked Sendable {
    // Used by one test, from one thread.
    var rows: [ExchangeRow] = []
    var pages = 0
    var failsAtPage = Int.max
    var longestPage = 0

    private func page<Element>(_ elements: [Element], _ limit: Int) throws(StoreError) -> [Element] {
        pages += 1
        guard pages != failsAtPage else { throw StoreError(.unavailable, "read a page", "test") }
        longestPage = max(longestPage, min(limit, elements.count))
        return Array(elements.prefix(limit))
    }

    func exchanges(
        of session: SessionID, category: ExchangeRow.Category?, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        try page(rows.filter { $0.number > after && (category == nil || $0.category == category) }, limit)
    }

    func exchanges(
        of session: SessionID, digest: SHA256Digest, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        try page(rows.filter { $0.category == .artifact && $0.digest == digest && $0.number > after }, limit)
    }

    func lastNumber(of session: SessionID) throws(StoreError) -> Int64 { rows.last?.number ?? 0 }

    func artifacts(
        of session: SessionID, after: Int64, limit: Int
    ) throws(StoreError) -> [(digest: SHA256Digest, firstNumber: Int64)] {
        var seen: Set<SHA256Digest> = []
        var result: [(digest: SHA256Digest, firstNumber: Int64)] = []
        for row in rows where row.category == .artifact {
            if let digest = row.digest, seen.insert(digest).inserted, row.number > after {
                result.append((digest, row.number))
            }
        }
        return try page(result, limit)
    }

    func unconcluded(of session: SessionID, limit: Int) throws(StoreError) -> [ExchangeRow] {
        try page(rows.filter { $0.category == .artifact && $0.result == nil }, limit)
    }

    func totals(of session: SessionID) throws(StoreError) -> SessionTotals {
        SessionTotals(
            lastNumber: rows.last?.number ?? 0, exchanges: Int64(rows.count),
            delivered: rows.reduce(0) { $0 + $1.delivered })
    }

    func apply(_ changes: [RecordChange]) throws(StoreError) {}
    func sessions() throws(StoreError) -> [SessionRow] { [] }
    func session(_ id: SessionID) throws(StoreError) -> SessionRow? { nil }
    func usedIDKeys() throws(StoreError) -> [UsedIDKey] { [] }
    func usedIDs(_ key: UsedIDKey, after: Int64?, limit: Int) throws(StoreError) -> [Int64] { [] }
    func wasUsed(_ id: SessionID) throws(StoreError) -> Bool { false }
    func remove(_ session: SessionID) throws(StoreError) {}
    func checkWritable() throws(StoreError) {}
}
