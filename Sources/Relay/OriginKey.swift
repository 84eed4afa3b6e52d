package import Wire

/// What two requests must have in common to use one connection after the other.
package struct OriginKey: Hashable, Sendable {
    /// Plain or TLS.
    package var scheme: Scheme
    /// The origin; with TLS its certificate was verified for this host.
    package var authority: Authority
    /// The proxy on the way, if any.
    package var upstreamProxy: UpstreamProxy?
    /// Whose credentials the connection may have carried: a session, or nil for none.
    package var credentialScope: String?

    /// Makes a key.
    package init(
        scheme: Scheme, authority: Authority, upstreamProxy: UpstreamProxy? = nil, credentialScope: String? = nil
    ) {
        self.scheme = scheme
        self.authority = authority
        self.upstreamProxy = upstreamProxy
        self.credentialScope = credentialScope
    }
}
