import Core

/// A session as `GET /sessions` shows it; what an older service does not say is absent.
struct ListedSession: Sendable, Equatable {
    var id: String
    var name: String
    var labels: [String: String]
    var policy: String
    /// Such as `active` or `revoked`.
    var state: String
    var startTime: String
    /// Whole seconds since it was opened.
    var age: Int64
    /// Lifetime in seconds.
    var timeout: Int64
    var exchanges: Int64
    /// Body bytes given to clients.
    var delivered: Int64
    var refused: Int64
    var failed: Int64

    /// Reads an element of the list; `nil` when it has no id.
    init?(_ value: JSONValue) {
        guard let id = value["session-id"]?.text else { return nil }
        self.id = id
        name = value["name"]?.text ?? ""
        labels = [:]
        if case .object(let members)? = value["labels"] { labels = members.compactMapValues(\.text) }
        policy = value["policy"]?.text ?? ""
        state = value["state"]?.text ?? "active"
        startTime = value["start-time"]?.text ?? ""
        age = value["age"]?.integer ?? 0
        timeout = value["timeout"]?.integer ?? 0
        let totals = value["totals"]
        exchanges = totals?["exchanges"]?.integer ?? 0
        delivered = totals?["delivered"]?.integer ?? 0
        refused = totals?["refused-requests"]?.integer ?? 0
        failed = totals?["failed-transfers"]?.integer ?? 0
    }

    /// Seconds until it expires.
    var left: Int64 { max(0, timeout - age) }
}

/// A transfer under way as `GET /transfers` shows it.
struct ListedTransfer: Sendable, Equatable {
    var session: String
    var method: String
    var url: String
    /// How far it has come, in one word.
    var stage: String
    /// Where the bytes come from: `network`, `cache` and so on.
    var source: String
    /// When it began (RFC 3339).
    var started: String
    /// Body bytes given to the client so far.
    var delivered: Int64
    /// Bytes of the whole body; `nil` when nobody knows yet.
    var size: Int64?

    /// Reads an element of the list; `nil` when it has no URL.
    init?(_ value: JSONValue) {
        guard let url = value["url"]?.text else { return nil }
        self.url = url
        session = value["session-id"]?.text ?? ""
        method = value["method"]?.text ?? ""
        stage = value["stage"]?.text ?? ""
        source = value["source"]?.text ?? ""
        started = value["start-time"]?.text ?? ""
        delivered = value["delivered"]?.integer ?? 0
        size = value["size"]?.integer
    }
}

extension ControlClient {
    /// Pages of a list are asked for up to so many times.
    private static let mostPages = 1000

    /// All live sessions, as the service lists them.
    func sessions() throws(ControlError) -> [JSONValue] { try list("/sessions", "sessions") }

    /// The transfers under way, as the service lists them.
    func transfers() throws(ControlError) -> [JSONValue] { try list("/transfers", "transfers") }

    /// Reads a list with all its pages.
    private func list(_ path: String, _ member: String) throws(ControlError) -> [JSONValue] {
        var elements: [JSONValue] = []
        var cursor: String?
        for _ in 0..<Self.mostPages {
            let page = try json("GET", cursor.map { "\(path)?after=\($0)" } ?? path)
            guard let own = page[member]?.list else {
                throw ControlError(
                    kind: .malformed, call: "GET \(path)", reason: "no \(member) in it; is this a fetch-service?")
            }
            elements += own
            guard let next = page["next"]?.text, !own.isEmpty, next != cursor, Self.isPlain(next) else { break }
            cursor = next
        }
        return elements
    }

    /// Whether a cursor can stand in a URL as it is.
    static func isPlain(_ cursor: String) -> Bool {
        !cursor.isEmpty
            && cursor.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                    UInt8(ascii: "~"):
                    true
                default: false
                }
            }
    }
}
