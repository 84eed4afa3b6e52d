import Core
import Platform
import Relay
import Sessions
import Wire

/// Whose connection it is: the credentials of its requests, and what counts for whom.
extension ClientConnection {
    static let challenge = ("Proxy-Authenticate", "Basic realm=\"fetch-service\"")

    /// The live session that the request belongs to.
    func authenticate(_ head: RequestHead) -> Session? {
        guard head.fields.count(of: "Proxy-Authorization") == 1 else { return nil }
        // Most clients say the same with every request.
        if let accepted, accepted.session.isOpen, loop.session(accepted.session.id) === accepted.session,
            head.fields.firstIs("Proxy-Authorization", accepted.credentials)
        {
            return accepted.session
        }
        guard
            let value = head.fields.first("Proxy-Authorization"), let pair = BasicCredentials(fieldValue: value),
            let id = SessionID(pair.user), let session = loop.session(id), session.accepts(token: pair.password),
            session.isOpen
        else { return nil }
        accepted = (Array(value.utf8), session)
        return session
    }

    /// Counts the connection for its session from the first request on.
    func admit(_ session: Session) -> Bool {
        guard !isCounted || self.session !== session else { return true }
        if let before = self.session, isCounted { loop.left(self, before) }
        untally()
        isCounted = true
        self.session = session
        stream.lane = session.lane
        guard let refusal = loop.joined(self, session) else { return true }
        answer(429, refusal, fields: [("Retry-After", "10")], close: true)
        return false
    }

    /// 407; the connection stays for the retry unless the client does not want that, or a large body is in the way.
    func refuseAuthentication(_ framing: BodyFraming, mayStay wantsPersistence: Bool) {
        let isSmall: Bool =
            switch framing {
            case .none: true
            case .length(let length): length <= Held.wholeUpTo
            case .chunked, .untilClose: false
            }
        let stays = isSmall && wantsPersistence
        loop.counters.challenges.add()
        answer(407, "407 Proxy Authentication Required", fields: [Self.challenge], close: !stays)
        if stays { state = .skipping }
    }

    /// Takes it out of the tally of what has not been authenticated.
    func untally() {
        guard isTallied else { return }
        isTallied = false
        loop.counters.unauthenticatedConnections.add(-1)
        loop.context.unauthenticated.remove(stream.peer.ipAddress)
    }

    /// Too many connections of one address have not said whose they are.
    func refuseForAddress() {
        answer(
            429,
            "this address has \(counted(loop.settings.mostUnauthenticatedPerAddress, "unauthenticated connection"))",
            fields: [("Retry-After", "10")], close: true)
    }
}
