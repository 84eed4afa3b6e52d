import Relay

extension ProxySettings {
    /// Lowers what costs descriptors so that all of it fits into what the process may have.
    ///
    /// A client may cost four: its connection, its origin's, an unused one to an origin, and a file. The rest is kept for the
    /// record, the control API, the log and the program itself, so that they work when clients use up all of theirs.
    ///
    /// - Parameter descriptors: How many the process may have.
    /// - Returns: How many are kept.
    @discardableResult
    package mutating func fit(descriptors: Int) -> Int {
        let kept = min(256, descriptors / 2)
        mostConnections = max(16, min(mostConnections, (descriptors - kept) / 4))
        mostFillsPerSession = min(mostFillsPerSession, mostConnections)
        relay.idleTotal = min(relay.idleTotal, max(1, mostConnections / max(1, loops)))
        return kept
    }
}
