import Core
import Sessions

extension Session {
    /// The session's turn in pools that serve sessions round robin.
    var lane: Int { id.hashValue }
}
