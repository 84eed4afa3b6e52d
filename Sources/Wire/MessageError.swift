/// Why a message cannot be taken, with the status that the client is answered.
///
/// The connection on which the message came must be closed: where the next message begins is unknown.
package struct MessageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// 400, 414, 421, 431, 501, 505 for what a client sent; 502 for what an origin sent.
    package var status: Int
    /// A text for the client; it holds none of the message's bytes.
    package var reason: String

    package init(status: Int, reason: String) {
        self.status = status
        self.reason = reason
    }

    package var description: String { "\(status): \(reason)" }

    static func bad(_ reason: String) -> MessageError { MessageError(status: 400, reason: reason) }
}
