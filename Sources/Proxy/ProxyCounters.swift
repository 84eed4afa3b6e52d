import Synchronization

/// What the proxy has done since its start; each number only grows.
package final class ProxyCounters: Sendable {
    let requests = Atomic<Int>(0)
    let hits = Atomic<Int>(0)
    /// Hits that were known byte by byte; see ``RepeatedSection``.
    let repeats = Atomic<Int>(0)
    let revalidations = Atomic<Int>(0)
    let joins = Atomic<Int>(0)
    let misses = Atomic<Int>(0)
    let refusals = Atomic<Int>(0)
    let failures = Atomic<Int>(0)
    let openConnections = Atomic<Int>(0)
    let openExchanges = Atomic<Int>(0)

    init() {}

    /// Hits whose request was answered without being parsed.
    package var repeatedHits: Int { repeats.load(ordering: .relaxed) }

    func add(_ counter: borrowing Atomic<Int>, _ amount: Int = 1) {
        counter.wrappingAdd(amount, ordering: .relaxed)
    }
}
