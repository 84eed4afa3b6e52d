internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import Platform
internal import Sessions
internal import Storage

extension ControlAPI {
    static let sessionListRoutes: [Route] = [
        Route(.get, "/sessions", .administrator, isUse: false, .sessions) { api, request, _ in
            try await api.sessions(request)
        }
    ]

    private static let usualPage = 100

    /// `GET /sessions`: the live sessions, the oldest first, page by page.
    private func sessions(_ request: Request) async throws -> Response {
        let limit = try request.query("limit").map { text in
            guard let limit = Int(text), (1...settings.longestPage).contains(limit) else {
                throw ControlRefusal.badRequest("'limit' must be a whole number from 1 to \(settings.longestPage)")
            }
            return limit
        }
        let live = await parts.registry.summaries()
        let rest: ArraySlice<SessionSummary>
        if let after = request.query("after") {
            guard let cursor = SessionCursor(after, among: live) else {
                throw ControlRefusal.badRequest(
                    "'after' must be the 'next' of a page of /sessions, or the id of a session that is alive")
            }
            rest = live.drop { SessionCursor($0) <= cursor }
        } else {
            rest = live[...]
        }
        let page = rest.prefix(limit ?? min(Self.usualPage, settings.longestPage))
        tallies.keep(Set(live.map(\.id)))
        let (records, tallies) = (parts.records, tallies)
        let sums = try await parts.pool.run {
            try page.map { (totals: try records.totals(of: $0.id), tally: try tallies.tally(of: $0.id)) }
        }
        var answer: [String: JSONValue] = [
            "sessions": .list(zip(page, sums).map { Self.entry($0, $1.totals, $1.tally) })
        ]
        if page.count < rest.count, let last = page.last { answer["next"] = .string(SessionCursor(last).text) }
        return ControlReply.json(.object(answer))
    }

    private static func entry(
        _ session: SessionSummary, _ totals: SessionTotals, _ tally: SessionTallies.Tally
    ) -> JSONValue {
        var entry: [String: JSONValue] = [
            "session-id": .string(session.id.text), "name": .string(session.name),
            "labels": (try? JSONValue(parsing: session.labels)) ?? [:], "policy": .string(session.policy.rawValue),
            "state": session.revoked == nil ? "active" : "revoked", "start-time": .string(session.created.rfc3339),
            "age": .integer(session.age), "timeout": .integer(session.timeout),
            "totals": [
                "exchanges": .integer(totals.exchanges), "delivered": .integer(totals.delivered),
                "refused-requests": .integer(tally.refused), "failed-transfers": .integer(tally.failed),
            ],
        ]
        if let end = session.revoked { entry["end-time"] = .string(end.rfc3339) }
        return .object(entry)
    }
}

/// A place in the list of sessions, which stays when the session that it was made from is gone.
struct SessionCursor: Comparable {
    private let created: Int64
    private let id: SessionID

    private init(created: Int64, id: SessionID) { (self.created, self.id) = (created, id) }

    init(_ session: SessionSummary) { self.init(created: session.created.nanoseconds, id: session.id) }

    /// Reads ``text``, or the id of one of these sessions.
    init?(_ text: String, among sessions: [SessionSummary]) {
        if let session = sessions.first(where: { $0.id.text == text }) {
            self.init(session)
            return
        }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let created = Int64(parts[0]), let id = SessionID(parts[1]) else { return nil }
        self.init(created: created, id: id)
    }

    /// As it stands in URLs.
    var text: String { "\(created)-\(id)" }

    static func < (left: Self, right: Self) -> Bool { (left.created, left.id) < (right.created, right.id) }
}

extension Request {
    /// The first value of a parameter in the query.
    func query(_ name: String) -> String? { uri.queryParameters.get(name) }
}
