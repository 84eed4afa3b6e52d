package import Core

/// What sessions may be like.
package struct SessionSettings: Sendable, Hashable {
    /// Whether permissive sessions may be opened (`--permissive-mode`).
    package var allowsPermissive: Bool
    /// Lifetime in seconds of a session that asks for none.
    package var defaultTimeout: Int64
    /// The longest lifetime in seconds; longer wishes are cut to it.
    package var maximumTimeout: Int64
    /// How long the files of a finished session stay when nobody deletes them; `nil` for ever.
    package var filesLast: Duration?

    /// Makes settings: 6 hours by default, 7 days at most.
    package init(allowsPermissive: Bool = false, defaultTimeout: Int64 = 21_600, maximumTimeout: Int64 = 604_800) {
        self.allowsPermissive = allowsPermissive
        self.defaultTimeout = defaultTimeout
        self.maximumTimeout = maximumTimeout
    }

    /// The lifetime in seconds that a session gets when it asks for `wish` seconds; 0 asks for none.
    package func timeout(for wish: UInt64) -> Int64 {
        wish == 0 ? defaultTimeout : Int64(min(wish, UInt64(maximumTimeout)))
    }
}

/// What a new session is to be like.
package struct SessionRequest: Sendable {
    package var policy: SessionPolicy
    /// Lifetime in seconds; 0 for the default.
    package var timeout: UInt64
    /// The inspectors' configuration of this session, as JSON.
    package var configuration: [UInt8]
    /// What is to be added to its requests; `nil` without any.
    package var secrets: SessionSecrets?
    /// The wanted id; `nil`, or that of a session that is alive, has a fresh one made.
    package var id: SessionID?
    /// The wanted token; `nil` has one made.
    package var token: String?

    /// Makes a request.
    package init(
        policy: SessionPolicy, timeout: UInt64 = 0, configuration: [UInt8] = [], secrets: SessionSecrets? = nil,
        id: SessionID? = nil, token: String? = nil
    ) {
        self.policy = policy
        self.timeout = timeout
        self.configuration = configuration
        self.secrets = secrets
        self.id = id
        self.token = token
    }
}

/// A session just opened, with the only copy of its token.
package struct OpenedSession: Sendable {
    package let session: Session
    package let token: String
}

/// A live session as `/status` shows it.
package struct SessionSummary: Sendable, Hashable {
    package var id: SessionID
    package var policy: SessionPolicy
    package var created: WallTime
    /// Lifetime in seconds.
    package var timeout: Int64
    /// Whole seconds since it was opened.
    package var age: Int64
    /// Whether its token is revoked.
    package var isRevoked: Bool
}
