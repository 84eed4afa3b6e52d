package import Platform

/// What the recorder has done since the start.
package struct RecorderActivity: Sendable {
    /// What was recorded in one way.
    package struct Share: Sendable, Equatable {
        /// Groups of rows and other changes, each all or nothing.
        package var groups = 0
        /// Exchanges.
        package var rows = 0
    }

    /// Exchanges that were recorded on the loop that had them; see ``Recorder/recordAtOnce(_:)``.
    package var atOnce: Share
    /// Changes that the recorder's thread committed.
    package var committed: Share
    /// Commits that failed; what can be is tried again piece by piece.
    package var failures: Int
    /// How long the commits of the recorder's thread took.
    package var durations: DurationCounts
}
