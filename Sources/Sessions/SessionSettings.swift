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
    /// What whoever opens the session calls it; empty without a name.
    package var name: String
    /// What whoever opens the session says about it, as a JSON object; empty without any.
    package var labels: [UInt8]

    /// Makes a request.
    package init(
        policy: SessionPolicy, timeout: UInt64 = 0, configuration: [UInt8] = [], secrets: SessionSecrets? = nil,
        id: SessionID? = nil, token: String? = nil, name: String = "", labels: [UInt8] = []
    ) {
        self.policy = policy
        self.timeout = timeout
        self.configuration = configuration
        self.secrets = secrets
        self.id = id
        self.token = token
        self.name = name
        self.labels = labels
    }
}

/// A session just opened, with the only copy of its token.
package struct OpenedSession: Sendable {
    package let session: Session
    package let token: String
}

/// A live session as `/status` and `/sessions` show it.
package struct SessionSummary: Sendable, Hashable {
    package var id: SessionID
    package var policy: SessionPolicy
    /// What whoever opened it calls it, and says about it as a JSON object; empty without.
    package var name: String
    package var labels: [UInt8]
    package var created: WallTime
    /// Lifetime in seconds.
    package var timeout: Int64
    /// Whole seconds since it was opened.
    package var age: Int64
    /// When its token was revoked, if it was.
    package var revoked: WallTime?
}
