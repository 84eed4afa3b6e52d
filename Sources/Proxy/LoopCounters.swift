import Platform
import Wire

/// What one loop has done since its start; the loop alone writes, anybody may read (``OwnedCounts``).
///
/// Times are those of the loop's clock, which it reads once in a turn.
final class LoopCounters: Sendable {
    /// How a download ended.
    enum FillEnding: Int, CaseIterable { case complete, notModified, failed }

    let acceptedConnections = OwnedCount()
    let openConnections = OwnedCount()
    let unauthenticatedConnections = OwnedCount()
    /// Answers 407.
    let challenges = OwnedCount()
    let tunnels = OwnedCount()
    let startedExchanges = OwnedCount()
    let openExchanges = OwnedCount()
    /// Hits that were known byte by byte; see ``RepeatedSection``.
    let repeats = OwnedCount()
    /// Bytes of bodies as they came from origins.
    let received = OwnedCount()
    /// Bytes of bodies of requests, as they came from clients.
    let uploaded = OwnedCount()
    let openFills = OwnedCount()
    let resumedFills = OwnedCount()
    /// Stored bodies that were found to be others than their digests say.
    let damagedBodies = OwnedCount()

    /// By ``ExchangeOutcome``.
    private let outcomes = OwnedCounts(ExchangeOutcome.allCases.count)
    /// By ``ExchangeLog/Source``.
    private let sentBytes = OwnedCounts(ExchangeLog.Source.allCases.count)
    /// By ``FillEnding``.
    private let fills = OwnedCounts(FillEnding.allCases.count)
    /// By their places in the list of `Proxy-Status` errors.
    private let errors = OwnedCounts(ProxyStatus.Failure.names.count)
    private let firstBytes = ExchangeOutcome.allCases.map { _ in DurationHistogram() }
    private let durations = ExchangeOutcome.allCases.map { _ in DurationHistogram() }

    init() {}

    // MARK: - Counting

    func exchangeStarted() {
        startedExchanges.add()
        openExchanges.add()
    }

    /// The first byte of an answer has gone to the client.
    func answerBegan(_ outcome: ExchangeOutcome, after nanoseconds: Int) {
        firstBytes[outcome.rawValue].add(nanoseconds: nanoseconds)
    }

    func exchangeEnded(_ outcome: ExchangeOutcome, after nanoseconds: Int) {
        openExchanges.add(-1)
        outcomes.add(outcome.rawValue)
        durations[outcome.rawValue].add(nanoseconds: nanoseconds)
    }

    /// Bytes of an answer went to the client, those of its head included.
    func sent(_ bytes: Int, of source: ExchangeLog.Source) { sentBytes.add(source.index, bytes) }

    func note(_ error: ProxyStatus.Failure) { errors.add(error.index) }

    func fillEnded(_ ending: FillEnding) {
        openFills.add(-1)
        fills.add(ending.rawValue)
    }

    // MARK: - Reading

    /// Adds the numbers to those of other loops.
    func add(to totals: inout ProxyTotals) {
        totals.acceptedConnections += acceptedConnections.current
        totals.openConnections += openConnections.current
        totals.unauthenticatedConnections += unauthenticatedConnections.current
        totals.challenges += challenges.current
        totals.tunnels += tunnels.current
        totals.startedExchanges += startedExchanges.current
        totals.openExchanges += openExchanges.current
        totals.repeatedHits += repeats.current
        totals.receivedBytes += received.current
        totals.uploadedBytes += uploaded.current
        totals.openFills += openFills.current
        totals.resumedFills += resumedFills.current
        totals.damagedBodies += damagedBodies.current
        for outcome in ExchangeOutcome.allCases {
            let index = outcome.rawValue
            totals.exchanges[index].ended += outcomes[index]
            totals.exchanges[index].firstByte = totals.exchanges[index].firstByte + firstBytes[index].current
            totals.exchanges[index].duration = totals.exchanges[index].duration + durations[index].current
        }
        for source in ExchangeLog.Source.allCases {
            totals.sentBytes[source.name, default: 0] += sentBytes[source.index]
        }
        for ending in FillEnding.allCases { totals.fills[ending.name, default: 0] += fills[ending.rawValue] }
        for (name, count) in zip(ProxyStatus.Failure.names, errors.all) { totals.errors[name, default: 0] += count }
    }
}

extension LoopCounters.FillEnding {
    fileprivate var name: String {
        switch self {
        case .complete: "complete"
        case .notModified: "not-modified"
        case .failed: "failed"
        }
    }
}

extension ExchangeLog.Source {
    fileprivate var index: Int {
        switch self {
        case .network: 0
        case .cache: 1
        case .revalidated: 2
        case .joined: 3
        case .none: 4
        }
    }

    fileprivate var name: String { self == .none ? "own" : rawValue }
}
