/// Why a request over the local socket did not do what it was asked.
struct LocalError: Error, Sendable, CustomStringConvertible {
    /// What callers branch on.
    enum Kind: Hashable, Sendable {
        /// Nobody listens there.
        case unreachable
        /// The service did not take the request or answer it in time.
        case timedOut
        /// The reply is not what a service would send.
        case malformed
        /// The service says that it did not do it.
        case refused
    }

    var kind: Kind
    /// The cause, made safe for a terminal; the service's own words when it refused.
    var reason: String

    var description: String {
        switch kind {
        case .unreachable:
            "no service can be reached on this machine (\(reason)); start fetch-service, or name its socket with "
                + "--control-socket"
        case .timedOut: "the service did not answer in time: \(reason)"
        case .malformed: "the service's reply cannot be read: \(reason)"
        case .refused: reason
        }
    }
}
