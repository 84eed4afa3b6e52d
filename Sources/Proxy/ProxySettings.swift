package import Relay

/// The limits of the proxy; each has its own setting, and crossing one has an answer that names it.
package struct ProxySettings: Sendable {
    /// Event loops; one per core is right.
    package var loops = 1
    /// What concerns connections to origins.
    package var relay = RelaySettings()
    /// From the first byte of a request head to its end, and from accepting to the first request.
    package var headTimeout: Duration = .seconds(30)
    /// How long a connection may be open without a request.
    package var idleTimeout: Duration = .seconds(120)
    /// From CONNECT to the end of the TLS handshake.
    package var handshakeTimeout: Duration = .seconds(15)
    /// How long a client may neither send nor take anything in the middle of an exchange.
    package var stallTimeout: Duration = .seconds(60)
    /// What a client must take at least.
    package var slowReaders = SlowReaders()
    /// How long a commit of the record may wait before new requests are refused.
    package var recordWait: Duration = .seconds(2)
    /// How long an answer is held for its record before it ends truncated.
    package var mostRecordWait: Duration = .seconds(10)
    /// Between single bytes of what is held, while a large body waits for its verdict.
    package var trickleInterval: Duration = .seconds(5)
    /// How long a permissive session's answer waits for its inspection.
    package var inspectionWait: Duration = .seconds(5)
    /// How long an origin may keep a client waiting that asked whether to go on with its body (`Expect: 100-continue`).
    package var continueWait: Duration = .seconds(1)
    /// Client connections in all; beyond it nothing is accepted until one closes.
    package var mostConnections = 16_384
    /// Client connections of one address that have not been authenticated.
    package var mostUnauthenticatedPerAddress = 512
    /// Client connections of one session.
    package var mostConnectionsPerSession = 1_024
    /// Hosts per minute for which a session has a certificate minted.
    package var mostNewHostsPerMinute = 600
    /// Exchanges in one session, counted from the start of the process.
    package var mostExchangesPerSession: Int64 = 2_000_000
    /// Downloads that one session has begun and that are under way, with or without readers.
    package var mostFillsPerSession = 256
    /// Bytes of all downloads that one session has begun and that are under way; one alone may be larger.
    package var mostStagedPerSession: Int64 = 32 << 30
    /// Time that extraction and judging of one session's artifacts may take in all.
    package var mostInspectionTimePerSession: Duration = .seconds(7_200)
    /// Bytes of a request head.
    package var headLimit = 64 << 10
    /// Bytes of a body.
    package var largestBody: Int64 = 256 << 30
    /// Bytes of a request's body into which a secret is put; larger ones go as they came.
    package var largestBodyForSecret = 64 << 10
    /// Bytes of a body after undoing gzip, per byte before, once it is over 1 MiB.
    package var largestExpansion: Int64 = 200
    /// Bytes of a body that one range of it may have fetched whole; beyond it permissive sessions get the range alone.
    package var largestFillForRange: Int64 = 1 << 30
    /// How often a download may go on after its connection to the origin broke.
    package var mostResumptions = 3
    /// What a download may cost that nobody reads any more.
    package var orphans = Orphans()

    /// The limits of downloads without readers.
    package struct Orphans: Sendable {
        /// Bytes after the last reader has gone.
        package var mostBytes: Int64 = 4 << 30
        /// Time after that.
        package var longest: Duration = .seconds(600)
        /// Bytes per second that it must make, after the trial time.
        package var leastRate: Int64 = 64 << 10
        package var trial: Duration = .seconds(20)
    }

    /// The least that a client must take while there is something to take and its socket is full.
    package struct SlowReaders: Sendable {
        /// Bytes per second.
        package var leastRate: Int64 = 1 << 10
        /// Over so much time with a full socket.
        package var window: Duration = .seconds(60)
    }

    /// Whether bodies in strict sessions wait for their verdict even where the client compares them with a digest itself.
    package var holdsStrictBodies = false
    /// Whether names of origins behind an upstream proxy are left to that proxy; only literal addresses are checked then.
    package var resolvesThroughProxy = false

    /// Minted leaf certificates kept.
    package var leafCapacity = 1_000

    package init() {}
}
