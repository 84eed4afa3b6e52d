/// The limits of the relay; each has its own setting.
package struct RelaySettings: Sendable, Hashable {
    /// Name resolution and connecting, over all addresses of a name together; also the answer to a CONNECT of ours.
    package var connectTimeout: Duration = .seconds(10)
    /// The TLS handshake with an origin.
    package var tlsTimeout: Duration = .seconds(10)
    /// From the end of a request, or an interim answer, to the complete head of the answer.
    package var headTimeout: Duration = .seconds(60)
    /// Between two pieces of a body, in either direction.
    package var idleTimeout: Duration = .seconds(60)
    /// How long an unused connection is kept.
    package var pooledIdleTimeout: Duration = .seconds(30)
    /// How long one address has before the next one is tried beside it (RFC 8305, section 5).
    package var attemptDelay: Duration = .milliseconds(250)
    /// Unused connections kept per key on one loop.
    package var idlePerKey = 16
    /// Unused connections kept on one loop.
    package var idleTotal = 256
    /// Bytes of one response head.
    package var headLimit = 65536
    /// Fields in one response head.
    package var fieldLimit = 200
    /// Interim (1xx) answers before the final one.
    package var interimLimit = 10

    /// Makes the default settings.
    package init() {}
}
