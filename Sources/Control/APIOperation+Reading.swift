internal import Core

/// The operations that tell what a session did or does, as the API's description tells them.
extension APIOperation {
    static let report = APIOperation(
        id: "getReport", summary: "Gives a session's record.",
        text: """
            Only after the token was revoked. Waits up to 20 s for inspections; what is not examined then stands under \
            `incomplete`. Streamed: a report that ends without its last chunk is torn.
            """,
        parameters: [.session],
        replies: [
            .json("Report", "The report."),
            .error(400, "The token was not revoked yet.", example: "session token is active"), .unknownSession,
        ])

    static let artifact = APIOperation(
        id: "getArtifact", summary: "Gives the bytes of an artifact of a session.",
        text: """
            As long as the session is alive and the cache has them: the session's own first, then the shared ones. They are \
            compared with their digest before any is sent, once since the service started. Several ranges are answered \
            with the whole.
            """,
        parameters: [
            .session,
            APIParameter(
                place: .path, name: "sha256", text: "The digest of the whole, in hex.",
                schema: ["type": "string", "pattern": "^[0-9a-f]{64}$"]),
            APIParameter(
                place: .header, name: "Range", text: "The part that is wanted.",
                schema: ["type": "string", "pattern": "^bytes=[0-9]{1,9}-$"]),
        ],
        replies: [
            APIReply(status: 200, text: "The whole.", content: bytes, fields: artifactFields),
            APIReply(
                status: 206, text: "The range.", content: bytes,
                fields: artifactFields.merging(["Content-Range": "Which part it is."]) { $1 }),
            .error(
                404, "There is no such session, or it has recorded no download of that digest.",
                example: "404 Not Found"),
            .error(
                410, "The session has recorded it, but its bytes are gone.",
                example: "the bytes are not in the cache any more; the record of them stays"),
            .error(
                416, "The range lies behind the end.", example: "the artifact has 10 bytes",
                fields: ["Content-Range": "`bytes */` and the size."]),
        ])

    static let live = APIOperation(
        id: "watchSession", summary: "Tells what happens in a session, while it happens.",
        text: """
            Server-sent events: `state` at the beginning and at revocation, `exchange` (an exchange as in the report, with its \
            list as `category`, its `result` and what the inspectors said of it; the event's id is its number) as soon as it \
            is recorded, `transfers` (as in /transfers, of this session) when they change, and `end` when the session is \
            gone. A comment comes every 15 s of silence. Who takes nothing for 30 s is cut off; 64 may listen at a time.
            """,
        parameters: [
            .session,
            APIParameter(
                place: .query, name: "after", text: "The number of the last exchange that need not be told; 0 for all.",
                schema: ["type": "integer", "minimum": 0, "maximum": 4_611_686_018_427_387_904]),
            APIParameter(
                place: .header, name: "Last-Event-ID",
                text: "The same, said by clients that come back; it counts before `after`.",
                schema: ["type": "string", "pattern": "^[0-9]{1,18}$"]),
        ],
        replies: [
            APIReply(
                status: 200, text: "The stream.", content: ["text/event-stream": ["schema": event]]),
            .error(
                400, "The number is none.", example: "'after' must be the number of an exchange, or 0 for all"),
            .unknownSession,
            .error(
                503, "There are enough listeners, or the service is stopping.",
                example: "64 live streams are listened to, the most that there may be: close one"),
        ])

    static let transfers = APIOperation(
        id: "listTransfers", summary: "Lists the transfers that are under way now, of all sessions.",
        replies: [.json("Transfers", "At most 1,000 of them.")])

    static let description = APIOperation(
        id: "describe", summary: "This description.",
        replies: [
            APIReply(
                status: 200, text: "An OpenAPI document.",
                content: ["application/json": ["schema": ["type": "object", "required": ["openapi", "paths"]]]])
        ])

    /// One event of a live stream.
    private static let event: JSONValue = [
        "type": "object", "required": ["event", "data"],
        "properties": [
            "event": ["enum": ["state", "exchange", "transfers", "end"]],
            "data": ["type": "string", "contentMediaType": "application/json"],
            "id": ["type": "string", "description": "Of an `exchange`: its number."],
        ],
    ]

    private static let bytes: [String: JSONValue] = ["application/octet-stream": ["schema": [:]]]

    private static let artifactFields = [
        "Content-Disposition": "A file to save.", "Repr-Digest": "The digest of the whole.",
        "X-Content-Type-Options": "`nosniff`.", "Content-Security-Policy": "`sandbox`.",
    ]
}
