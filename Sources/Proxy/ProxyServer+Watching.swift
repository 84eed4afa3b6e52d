package import Core
import Platform
import Relay

/// What an operator sees of the proxy; everything here may be called from any thread.
extension ProxyServer {
    /// What has been done since the start, and how the queues stand.
    package var counters: ProxyTotals {
        var totals = ProxyTotals()
        for loop in loops {
            loop.counters.add(to: &totals)
            let relay = loop.loop.counters
            totals.originsOpened += relay.originsOpened.current
            totals.originsReused += relay.originsReused.current
            totals.originsFailed += relay.originsFailed.current
            totals.originsActive += relay.originsActive.current
            totals.originsIdle += relay.originsIdle.current
            totals.acceptFailures += relay.acceptFailures.current
        }
        totals.handshakes = RelayCounters.Side.allCases.flatMap { side in
            RelayCounters.Handshake.allCases.map { result in
                ProxyTotals.Handshakes(
                    side: "\(side)", result: "\(result)",
                    count: loops.reduce(0) { $0 + $1.loop.counters.handshakes(result, side) })
            }
        }
        let mail = loops.reduce(0) { $0 + $1.loop.queuedTasks }
        totals.queues =
            [storagePool.gauge, inspectionPool.gauge, context.mintingPool.gauge, resolver.gauge]
            + [QueueGauge(name: "loops", waiting: mail, capacity: loops.reduce(0) { $0 + $1.loop.mailboxCapacity })]
        return totals
    }

    /// Changes with every request; for noticing that nothing happens.
    package var activity: Int { loops.reduce(0) { $0 + $1.counters.startedExchanges.current } }

    /// How many requests are being answered.
    var openExchanges: Int { loops.reduce(0) { $0 + $1.counters.openExchanges.current } }

    /// Why no further work should be given to this proxy, one reason each; nothing when all is well.
    ///
    /// The reasons name no session, no URL and no path.
    package func problems(now: MonotonicTime = .now()) -> [String] {
        var problems: [String] = []
        if let problem = context.health.problem(now: now) { problems.append("record: \(problem)") }
        let lastFailure = loops.map { $0.loop.counters.lastAcceptFailure.current }.max() ?? 0
        if lastFailure > 0, now < MonotonicTime(nanoseconds: UInt64(lastFailure)) + Self.acceptMemory {
            problems.append("connections: the system gives no more, mostly for want of descriptors")
        }
        let open = loops.reduce(0) { $0 + $1.counters.openConnections.current }
        if open >= context.settings.mostConnections {
            problems.append("connections: there are \(open), the most that are accepted")
        }
        return problems
    }

    /// How long a failure to accept is told.
    private static let acceptMemory = Duration.seconds(2)
}
