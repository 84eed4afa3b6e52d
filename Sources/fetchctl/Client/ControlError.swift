/// Why a call to the control API did not do what it was asked.
struct ControlError: Error, Sendable, CustomStringConvertible {
    /// What callers branch on.
    enum Kind: Hashable, Sendable {
        /// Nobody answers there.
        case unreachable
        /// It did not answer in time, or stopped in the middle.
        case timedOut
        /// The answer is not what the service would send, or it ended early.
        case malformed
        /// It answered with this status instead of 200.
        case answered(Int)
        /// The answer could not be written down here.
        case local
    }

    var kind: Kind
    /// What was asked, such as "POST /session"; never with a token.
    var call: String
    /// The cause, made safe for a terminal.
    var reason: String

    var description: String {
        switch kind {
        case .unreachable:
            "cannot reach the service: \(reason); start fetch-service, or name another with --url"
        case .timedOut: "the service did not answer \(call) in time: \(reason)"
        case .malformed: "the service's answer to \(call) cannot be read: \(reason)"
        case .answered(401):
            "the service refused the credentials; set FETCH_SERVICE_AUTH to the service's user:password"
        case .answered(let status): "the service answered \(call) with \(status): \(reason)"
        case .local: reason
        }
    }
}
