package import Storage

/// Who must know of sessions before a change to them is announced: the proxy with its loops.
///
/// For one session the calls come in this order, each after the one before has returned.
package protocol SessionObserver: AnyObject, Sendable {
    /// A session was opened, or restored after a restart (then it may be closed already); returns when every loop knows.
    func sessionOpened(_ session: Session) async

    /// A session was revoked, has expired or is being ended; may come again after a failure.
    ///
    /// Returns when every loop has ended the session's transfers, recorded as truncated, and their rows are committed;
    /// after 5 s at most.
    func sessionClosed(_ session: Session) async

    /// The session's rows are gone: forget what memory holds of it.
    func sessionRemoved(_ session: Session) async
}

/// What is left of a session in the spool when it has been finished.
package protocol SessionMetadata: Sendable {
    /// Writes the session's files; called on a thread that may block.
    ///
    /// - Parameters:
    ///   - row: The session, with its end time.
    ///   - folder: Where to write.
    /// - Throws: Whatever prevents it; the session then stays.
    func write(_ row: SessionRow, into folder: SessionFolder) throws
}
