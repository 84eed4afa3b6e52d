package import Core

/// What a report says beside the record.
package struct ReportContext: Sendable {
    /// Of this program.
    package var version: String
    /// Of the session's engine, in the order in which they run.
    package var inspectors: [String]
    /// The session's folder.
    package var spoolPath: String
    /// When the session was finished; the end time of one that was never revoked.
    package var finished: WallTime?
    /// Finds the SHA-1 of a session's artifact by its SHA-256; blocks while it is computed.
    package var sha1: @Sendable (SessionID, SHA256Digest) -> ReportedSHA1

    package init(
        version: String, inspectors: [String], spoolPath: String, finished: WallTime? = nil,
        sha1: @escaping @Sendable (SessionID, SHA256Digest) -> ReportedSHA1
    ) {
        self.version = version
        self.inspectors = inspectors
        self.spoolPath = spoolPath
        self.finished = finished
        self.sha1 = sha1
    }
}

/// What a report can say of an artifact's SHA-1.
package enum ReportedSHA1: Hashable, Sendable {
    /// 40 hex digits, and how many bytes of the artifact were read for them now.
    case known(String, read: Int64)
    /// It stays empty; the report names the artifact and the reason under `incomplete`.
    case unknown(reason: String)
}
