package import Core
package import Sessions
import Platform
import Wire

extension ProxyServer {
    /// The transfers that are under way now; every loop is asked, so requests cost nothing more for it.
    ///
    /// - Parameters:
    ///   - session: Whose; `nil` for those of all sessions.
    ///   - limit: How many at most. A loop that has more names some of them.
    /// - Returns: The oldest first; those of a loop that does not answer within 5 s are not among them.
    package func transfers(of session: SessionID? = nil, atMost limit: Int) async -> OpenTransfers {
        let found = Lock<[(Session, OpenTransfer)]>([])
        await onEveryLoop(atMost: .seconds(5)) { loop, done in
            let own = loop.openExchanges(of: session, atMost: limit + 1).map { ($0.session, $0.transfer) }
            found.withLock { $0 += own }
            done()
        }
        // What must not be shown is taken out here and not on the loops: it takes longer than looking.
        let transfers = found.withLock { $0 }.map { session, transfer in
            var transfer = transfer
            transfer.url = RecordText.url(transfer.url, session: session)
            return transfer
        }
        return OpenTransfers(transfers, atMost: limit)
    }
}

extension Exchange {
    /// How it stands now, with the URL before redaction.
    fileprivate var transfer: OpenTransfer {
        OpenTransfer(
            session: session.id, method: request.method, url: recordedURL, started: started, stage: stage,
            source: source.rawValue, delivered: delivery?.delivered ?? 0,
            size: responseHead.map { $0.fields.first("Content-Length").flatMap { Int64($0) } } ?? whole?.size)
    }

    private var stage: OpenTransfer.Stage {
        switch phase {
        case .starting: .starting
        case .lookingUp: .lookingUp
        case .waiting: .waiting
        case .delivering: .delivering
        case .concluding: .examining
        case .recording: .recording
        case .released, .ended: .releasing
        }
    }
}
