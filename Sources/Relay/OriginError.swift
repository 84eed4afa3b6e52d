package import Core

/// Why an origin could not be asked, or did not answer in full.
package struct OriginError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What callers branch on.
    package enum Kind: Sendable, Hashable {
        /// The destination policy forbids the address or port.
        case refusedDestination
        /// The name has no address.
        case resolution
        /// No address could be connected to.
        case connectFailed
        /// None could be in time.
        case connectTimeout
        /// The handshake failed or the certificate is not valid for the host.
        case tls
        /// The answer is no HTTP/1.1 that two parsers would read alike.
        case malformed
        /// The connection ended before the answer was complete.
        case closedEarly
        /// The origin was silent for too long.
        case timeout
        /// The upstream proxy did not let us through.
        case proxyRefused
        /// The request came back to us.
        case loopDetected
    }

    /// The sort of failure.
    package var kind: Kind
    /// The status for the client, where its answer has not begun.
    package var status: Int
    /// What happened, for the client and the log; without credentials.
    package var reason: String

    /// Makes an error; the status follows from the kind unless given.
    package init(_ kind: Kind, _ reason: String, status: Int? = nil) {
        self.kind = kind
        self.status = status ?? Self.status(of: kind)
        self.reason = reason
    }

    /// A destination that the policy refuses.
    package init(_ refusal: DestinationPolicy.Refusal) { self.init(.refusedDestination, refusal.description) }

    /// The reason.
    package var description: String { reason }

    private static func status(of kind: Kind) -> Int {
        switch kind {
        case .refusedDestination: 403
        case .connectTimeout, .timeout: 504
        case .loopDetected: 508
        case .resolution, .connectFailed, .tls, .malformed, .closedEarly, .proxyRefused: 502
        }
    }
}
