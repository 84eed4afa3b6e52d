import Core
import MemoryStorage
import Storage
import Platform

/// The record in memory, which a test can hold up, let fail, and wait for.
final class ControlledRecords: Records {
    private struct Control {
        var isHeld = false
        var failure: StoreError?
        /// Groups that came so far, held ones included.
        var groups = 0
        /// Whether what comes next may be recorded at once, when nothing is held.
        var isTurnOfAtOnce = false
    }

    private let inner = MemoryRecords()
    private let control = Monitor(Control())

    /// Nothing is committed until ``release()``.
    func hold() { control.change { $0.isHeld = true } }

    func release() { control.change { $0.isHeld = false } }

    /// Every change fails from now on; `nil` ends that.
    func fail(_ failure: StoreError?) { control.change { $0.failure = failure } }

    private func pass() throws(StoreError) {
        control.change { $0.groups += 1 }
        let outcome: Result<Void, StoreError>? = control.wait(until: .now() + .seconds(20)) { control in
            guard !control.isHeld else { return nil }
            return control.failure.map { .failure($0) } ?? .success(())
        }
        try outcome?.get()
    }

    func apply(_ changes: [RecordChange]) throws(StoreError) {
        try pass()
        try inner.apply(changes)
        control.change { _ in }
    }

    /// Every other time, so that both ways are gone.
    func recordAtOnce(_ rows: [ExchangeRow]) -> Bool {
        let isAllowed = control.withLock { control in
            control.isTurnOfAtOnce.toggle()
            return control.isTurnOfAtOnce && !control.isHeld && control.failure == nil
        }
        guard isAllowed, (try? inner.apply(rows.map { .exchange($0) })) != nil else { return false }
        control.change { $0.groups += 1 }
        return true
    }

    func checkWritable() throws(StoreError) { try pass() }

    /// Waits until somebody wants to commit although nothing may be.
    func waitForCommit(beyond groups: Int) -> Bool {
        control.wait(until: .now() + .seconds(20)) { $0.groups > groups ? true : nil } ?? false
    }

    var groups: Int { control.withLock(\.groups) }

    /// The rows of a session that fit, once there are so many; what there is when that takes too long.
    func rows(
        of session: SessionID, atLeast count: Int = 0, where fits: @Sendable (ExchangeRow) -> Bool = { _ in true }
    ) throws -> [ExchangeRow] {
        let deadline = MonotonicTime.now() + .seconds(20)
        let found = control.wait(until: deadline) { _ in
            let rows = (try? inner.exchanges(of: session, category: nil, after: 0, limit: .max)) ?? []
            let fitting = rows.filter(fits)
            return fitting.count >= count ? fitting : nil
        }
        return try found ?? inner.exchanges(of: session, category: nil, after: 0, limit: .max).filter(fits)
    }

    func sessions() throws(StoreError) -> [SessionRow] { try inner.sessions() }
    func session(_ id: SessionID) throws(StoreError) -> SessionRow? { try inner.session(id) }
    func wasUsed(_ id: SessionID) throws(StoreError) -> Bool { try inner.wasUsed(id) }
    func usedIDKeys() throws(StoreError) -> [UsedIDKey] { try inner.usedIDKeys() }
    func usedIDs(_ key: UsedIDKey, after: Int64?, limit: Int) throws(StoreError) -> [Int64] {
        try inner.usedIDs(key, after: after, limit: limit)
    }
    func totals(of session: SessionID) throws(StoreError) -> SessionTotals { try inner.totals(of: session) }
    func exchanges(
        of session: SessionID, category: ExchangeRow.Category?, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        try inner.exchanges(of: session, category: category, after: after, limit: limit)
    }
    func exchanges(
        of session: SessionID, digest: SHA256Digest, after: Int64, limit: Int
    ) throws(StoreError) -> [ExchangeRow] {
        try inner.exchanges(of: session, digest: digest, after: after, limit: limit)
    }
    func lastNumber(of session: SessionID) throws(StoreError) -> Int64 { try inner.lastNumber(of: session) }
    func artifacts(
        of session: SessionID, after: Int64, limit: Int
    ) throws(StoreError) -> [(digest: SHA256Digest, firstNumber: Int64)] {
        try inner.artifacts(of: session, after: after, limit: limit)
    }
    func unconcluded(of session: SessionID, limit: Int) throws(StoreError) -> [ExchangeRow] {
        try inner.unconcluded(of: session, limit: limit)
    }
    func remove(_ session: SessionID) throws(StoreError) { try inner.remove(session) }
}
