import Core
import Sessions

extension Session {
    /// The session's lane in pools and loops, whose time sessions share.
    var lane: Int { id.lane }
}

extension SessionID {
    /// The lane of the session.
    var lane: Int { hashValue }
}
