internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import Sessions

extension ControlAPI {
    static let transferRoutes: [Route] = [
        Route(.get, "/transfers", .administrator, isUse: false, .transfers) { api, _, _ in await api.transfers() }
    ]

    /// `GET /transfers`: what is under way now, of all sessions.
    private func transfers() async -> Response {
        ControlReply.json(Self.json(await parts.transfers(nil, settings.mostTransfers)))
    }

    /// Transfers as `/transfers` and live streams tell them.
    static func json(_ open: OpenTransfers) -> JSONValue {
        [
            "transfers": .list(
                open.transfers.map { transfer in
                    var entry: [String: JSONValue] = [
                        "session-id": .string(transfer.session.text), "method": .string(transfer.method),
                        "url": .string(transfer.url), "start-time": .string(transfer.started.rfc3339),
                        "stage": .string(transfer.stage.rawValue), "source": .string(transfer.source),
                        "delivered": .integer(transfer.delivered),
                    ]
                    if let size = transfer.size { entry["size"] = .integer(size) }
                    return .object(entry)
                }), "truncated": .bool(open.isTruncated),
        ]
    }
}
