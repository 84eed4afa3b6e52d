package import Core
package import Platform

/// Backs the record up and restores it while the service serves.
package protocol RecordArchive: Sendable {
    /// Copies the record, as it is at one moment, into a file without a name.
    ///
    /// - Returns: The file and what is in it.
    /// - Throws: ``ArchiveFailure``; also while another backup is made, or one is restored.
    func backUp() async throws(ArchiveFailure) -> RecordBackup

    /// Adds the sessions of a backup that were never here.
    ///
    /// - Parameters:
    ///   - file: A regular file that can be read; it may change or be cut meanwhile.
    ///   - validateOnly: Whether to say only what would be done.
    /// - Returns: What came of it.
    /// - Throws: ``ArchiveFailure`` when the file is no backup that can be read; nothing has changed then. Otherwise each
    ///   session is there as a whole or not at all.
    func restore(_ file: SharedDescriptor, validateOnly: Bool) async throws(ArchiveFailure) -> RestoredRecord
}

/// A backup that was made.
package struct RecordBackup: Sendable {
    /// The open file, for reading.
    package var file: SharedDescriptor
    package var sessions: Int64
    package var exchanges: Int64
    package var bytes: Int64
    /// What happened before this is all there.
    package var time: WallTime

    /// Describes a backup.
    package init(file: SharedDescriptor, sessions: Int64, exchanges: Int64, bytes: Int64, time: WallTime) {
        self.file = file
        self.sessions = sessions
        self.exchanges = exchanges
        self.bytes = bytes
        self.time = time
    }
}

/// What came of a restore, or would.
package struct RestoredRecord: Sendable, Equatable {
    /// Sessions that are there again.
    package var restored: [SessionID] = []
    /// How many exchanges these have.
    package var exchanges: Int64 = 0
    /// Sessions whose ids had been used here.
    package var known: [SessionID] = []
    /// Sessions whose lifetime is over.
    package var expired: [SessionID] = []
    /// Sessions that are not there, and why.
    package var failed: [SessionID: String] = [:]
    /// The time of the backup.
    package var time: WallTime

    /// Nothing yet.
    package init(time: WallTime) { self.time = time }
}

/// Why a backup was not made or not restored; one line for the user.
package struct ArchiveFailure: Error, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether it is a matter of the file that was given, and no error of ours.
    package let isOfTheFile: Bool
    /// What else the log is told; may be empty.
    package let detail: String

    /// Makes a failure.
    package init(_ description: String, isOfTheFile: Bool = false, detail: String = "") {
        self.description = description
        self.isOfTheFile = isOfTheFile
        self.detail = detail
    }

    /// One line for the log.
    var logged: String { detail.isEmpty ? description : "\(description) (\(detail))" }
}
