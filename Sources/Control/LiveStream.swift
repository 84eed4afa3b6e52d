internal import Core
internal import Reports
internal import Sessions
internal import Storage

/// What a listener hears of one session: server-sent events (WHATWG HTML, section 9.2), made when they are asked for.
///
/// | Event | Data | When |
/// |---|---|---|
/// | `state` | the session's state | at the beginning, and when its token is revoked |
/// | `exchange` | an exchange as in the report; its number is the event's id | as soon as it is recorded |
/// | `transfers` | what is under way, as in `/transfers` | when that changes, once a second at most |
/// | `end` | the last number that was told | when the session is finished or has expired; nothing follows |
///
/// The record and the loops are asked; nobody but the listener pays for it. A session's removal waits until all is told, but
/// not for long: what a slow listener misses is in the report.
struct LiveStream {
    private static let pageLength = 100

    private let id: SessionID
    private let parts: ControlParts
    private let settings: ControlSettings
    /// The last number that was told.
    private var number: Int64
    private var isRevokedTold: Bool?
    private var told = ControlAPI.json(OpenTransfers([], atMost: 0))
    private var nextTransfers: MonotonicTime
    private var hasEnded = false

    /// Begins behind an exchange's number.
    init(_ id: SessionID, after number: Int64, parts: ControlParts, settings: ControlSettings) {
        self.id = id
        self.number = number
        self.parts = parts
        self.settings = settings
        nextTransfers = parts.clock.monotonic()
    }

    /// The news of one kind; empty when there are none, `nil` behind the end.
    ///
    /// - Throws: ``StoreError`` when the record cannot be read, `PoolRefusal`.
    mutating func next() async throws -> [UInt8]? {
        guard !hasEnded else { return nil }
        // Asked for before the exchanges, so that all that came before a change of state are told before it.
        let row = await parts.registry.row(of: id)
        let exchanges = try await exchanges()
        if !exchanges.isEmpty { return exchanges }
        guard let row else {
            hasEnded = true
            return Self.event("end", ["number": .integer(number)])
        }
        if isRevokedTold != (row.revoked != nil) {
            isRevokedTold = row.revoked != nil
            return Self.event("state", Self.state(of: row))
        }
        return await transfers()
    }

    private mutating func exchanges() async throws -> [UInt8] {
        let (records, id, last) = (parts.records, id, number)
        let page = try await parts.pool.run {
            try records.exchanges(of: id, category: nil, after: last, limit: Self.pageLength)
        }
        number = page.last?.number ?? number
        var bytes: [UInt8] = []
        for row in page {
            bytes += "event: exchange\nid: \(row.number)\ndata: ".utf8
            bytes += row.liveEntry
            bytes += "\n\n".utf8
        }
        return bytes
    }

    private mutating func transfers() async -> [UInt8] {
        let now = parts.clock.monotonic()
        guard now >= nextTransfers else { return [] }
        nextTransfers = now + settings.liveTransfers
        let open = ControlAPI.json(await parts.transfers(id, settings.mostTransfers))
        guard open != told else { return [] }
        told = open
        return Self.event("transfers", open)
    }

    private static func state(of row: SessionRow) -> JSONValue {
        guard let end = row.revoked else { return ["state": "active"] }
        return ["state": "revoked", "end-time": .string(end.rfc3339)]
    }

    private static func event(_ name: String, _ data: JSONValue) -> [UInt8] {
        var bytes = Array("event: \(name)\ndata: ".utf8)
        data.append(to: &bytes)
        bytes += "\n\n".utf8
        return bytes
    }
}
