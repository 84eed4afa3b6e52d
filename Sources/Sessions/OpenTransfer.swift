package import Core

/// A transfer that is under way, as those who watch are told of it.
package struct OpenTransfer: Sendable, Hashable {
    /// How far it has come.
    package enum Stage: String, Sendable, Hashable {
        /// The request is being looked at.
        case starting
        /// The cache is asked.
        case lookingUp = "looking-up"
        /// The origin, or a download that others began, has not answered yet.
        case waiting
        /// Bytes go to the client.
        case delivering
        /// The body is all there and is being judged.
        case examining
        /// The record is being made durable.
        case recording
        /// What was held goes to the client.
        case releasing
    }

    package var session: SessionID
    package var method: String
    /// As it stands in the record.
    package var url: String
    package var started: WallTime
    package var stage: Stage
    /// Where the answer comes from, in the words of the record; `none` while that is not known.
    package var source: String
    /// Body bytes given to the client so far.
    package var delivered: Int64
    /// Body bytes that the client gets in all, where that is known.
    package var size: Int64?

    /// Describes a transfer.
    package init(
        session: SessionID, method: String, url: String, started: WallTime, stage: Stage, source: String,
        delivered: Int64, size: Int64?
    ) {
        self.session = session
        self.method = method
        self.url = url
        self.started = started
        self.stage = stage
        self.source = source
        self.delivered = delivered
        self.size = size
    }
}

/// The transfers that were under way at one moment, the oldest first.
package struct OpenTransfers: Sendable, Hashable {
    package var transfers: [OpenTransfer]
    /// Whether there were more than these.
    package var isTruncated: Bool

    /// Puts transfers in order and leaves out what is too much.
    package init(_ transfers: [OpenTransfer], atMost limit: Int) {
        let ordered = transfers.sorted {
            ($0.started, $0.session, $0.url) < ($1.started, $1.session, $1.url)
        }
        self.transfers = Array(ordered.prefix(limit))
        isTruncated = ordered.count > limit
    }
}
