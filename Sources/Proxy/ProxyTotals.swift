package import Platform

/// What the proxy has done since its start, all loops together.
package struct ProxyTotals: Sendable {
    /// Requests that were answered in one way.
    package struct Exchanges: Sendable {
        package var outcome: ExchangeOutcome
        package var ended = 0
        /// From the request to the first byte of its answer.
        package var firstByte = DurationCounts()
        /// From the request to the end of its answer.
        package var duration = DurationCounts()
    }

    package var acceptedConnections = 0
    package var openConnections = 0
    /// Open connections that have not said whose they are.
    package var unauthenticatedConnections = 0
    /// Answers that asked for credentials.
    package var challenges = 0
    /// Tunnels that were opened.
    package var tunnels = 0
    package var startedExchanges = 0
    package var openExchanges = 0
    /// By outcome, in the order of the cases.
    package var exchanges = ExchangeOutcome.allCases.map { Exchanges(outcome: $0) }
    /// Hits whose request was answered without being parsed.
    package var repeatedHits = 0
    /// Bytes of answers that went to clients, by where they came from.
    package var sentBytes: [String: Int] = [:]
    /// Bytes of bodies as they came from origins.
    package var receivedBytes = 0
    /// Bytes of bodies of requests, as they came from clients.
    package var uploadedBytes = 0
    package var openFills = 0
    /// Downloads that have ended, by how.
    package var fills: [String: Int] = [:]
    /// Downloads that went on after their connection broke, each time counted.
    package var resumedFills = 0
    /// By the names of `Proxy-Status`.
    package var errors: [String: Int] = [:]
    package var damagedBodies = 0
    /// TLS handshakes, by whose they were and what became of them.
    package var handshakes: [Handshakes] = []
    package var originsOpened = 0
    package var originsReused = 0
    package var originsFailed = 0
    package var originsActive = 0
    package var originsIdle = 0
    package var acceptFailures = 0
    /// The queues between the proxy's threads.
    package var queues: [QueueGauge] = []

    /// TLS handshakes of one side that ended in one way.
    package struct Handshakes: Sendable {
        package var side: String
        package var result: String
        package var count: Int
    }
}
