import Core

/// How a program reaches the proxy within one session.
struct SessionAccess: Sendable, Equatable {
    var proxy: ProxyAddress
    var id: SessionID
    var token: String
    /// Hosts that are reached directly, as `no_proxy` lists them.
    var bypass: String

    /// What `no_proxy` is without a wish: a build that talks to itself must not ask the service, which refuses loopback
    /// destinations.
    static let usualBypass = "localhost,127.0.0.1,::1"

    /// The proxy's URL with the session's credentials.
    var proxyURL: String { proxy.url(id: id.text, token: token) }
}
