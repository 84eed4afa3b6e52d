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

    package init(version: String, inspectors: [String], spoolPath: String, finished: WallTime? = nil) {
        self.version = version
        self.inspectors = inspectors
        self.spoolPath = spoolPath
        self.finished = finished
    }
}
