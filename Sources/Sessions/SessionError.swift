package import Core
package import Storage

/// Why the registry did not do what it was asked.
package enum SessionError: Error, Sendable, CustomStringConvertible {
    /// There is no live session with this id.
    case unknown
    /// The token is not that of the session.
    case wrongToken
    /// The session is alive, and must not be for this.
    case notFinished
    /// Permissive sessions need a daemon that was started with `--permissive-mode`.
    case permissiveRefused
    /// A session had the wanted id before, and ids are never used again.
    case usedID(SessionID)
    /// The record could not be written or read.
    case storage(StoreError)
    /// A file in the spool could not be written or removed.
    case spool(SessionID, reason: String)
    /// The daemon is stopping.
    case stopping

    /// One line for the log.
    package var description: String {
        switch self {
        case .unknown: "there is no such session"
        case .wrongToken: "invalid session token"
        case .notFinished: "session not finished"
        case .permissiveRefused: "Invalid session policy"
        case .usedID(let id): "the session id \(id) was used before, and ids are never used again; choose another"
        case .storage(let error): error.description
        case .spool(let id, let reason): "cannot use the spool folder of session \(id): \(reason)"
        case .stopping: "the service is stopping"
        }
    }
}
