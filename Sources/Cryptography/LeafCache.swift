package import Core

/// The server contexts of the hosts that clients spoke to last; bounded.
package final class LeafCache: Sendable {
    private struct State {
        var authority: CertificateAuthority
        var contexts: RecencyTable<String, TLSServerContext>
    }

    private let state: Guarded<State>
    private let now: @Sendable () -> WallTime

    package init(
        authority: CertificateAuthority, capacity: Int = 1000, now: @escaping @Sendable () -> WallTime = { .now() }
    ) {
        state = Guarded(State(authority: authority, contexts: RecencyTable(capacity: capacity)))
        self.now = now
    }

    /// The authority in force.
    package var authority: CertificateAuthority { state.withLock(\.authority) }

    /// How many contexts are kept; a gauge.
    package var count: Int { state.withLock(\.contexts.count) }

    /// The context for a host when there is one that need not be renewed; never mints.
    package func cached(_ host: String) -> TLSServerContext? {
        let now = now()
        return state.withLock { state in
            guard let context = state.contexts.value(for: host) else { return nil }
            guard now < context.renewal else {
                _ = state.contexts.remove(host)
                return nil
            }
            return context
        }
    }

    /// The context for a host, made now when there is none; see ``CertificateAuthority/signsSlowly`` for its cost.
    package func context(for host: String) throws(CertificateError) -> TLSServerContext {
        while true {
            if let context = cached(host) { return context }
            let authority = self.authority
            let made = try authority.makeServerContext(host: host, now: now())
            let kept: TLSServerContext? = state.withLock { state in
                // A leaf of an authority that was replaced meanwhile must not come back.
                guard state.authority === authority else { return nil }
                // Two may have made one at the same time: the first stays, so that its tickets go on working.
                if let other = state.contexts.value(for: host) { return other }
                _ = state.contexts.insert(made, for: host)
                return made
            }
            if let kept { return kept }
        }
    }

    /// Changes the authority: new handshakes see leaves of the new one, and tickets of the old contexts end.
    package func replace(authority: CertificateAuthority) {
        state.withLock { state in
            state.authority = authority
            _ = state.contexts.removeAll()
        }
    }
}
