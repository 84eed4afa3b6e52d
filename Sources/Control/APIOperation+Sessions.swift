internal import Core

/// The operations of sessions, as the API's description tells them.
extension APIOperation {
    static let status = APIOperation(
        id: "status", summary: "How the service does, and which sessions are alive.",
        replies: [.json("Status", "The service's state.")])

    static let create = APIOperation(
        id: "openSession", summary: "Opens a session.",
        text: """
            The token is told only here. What is not known (other keys, another policy) or too much (the timeout) is \
            accepted, told under `warnings` and logged; with `strict-api: true` it is 400. Unknown keys within \
            `inspectors-configuration` are only logged.
            """,
        body: APIBody(
            text: "What the session is to be like.", schema: ["$ref": "#/components/schemas/SessionRequest"],
            isRequired: true, example: ["policy": "permissive", "timeout": 3600, "name": "nightly build"]),
        replies: [
            .json("OpenedSession", "The session, which the proxy accepts from now on.", links: afterOpening),
            .error(
                400, "The body is no JSON object, or a value in it is not what it must be; the text says which.",
                example: "Invalid session policy"),
            tooLarge,
        ])

    static let revoke = APIOperation(
        id: "revokeToken", summary: "Revokes a session's token.",
        text: """
            Answers when the session has no open transfer any more and its record is durable. Without a body the token may \
            stand in `Authorization`: `Basic <token>`, or a Basic pair with the session's id or nothing as user.
            """,
        parameters: [.session],
        body: APIBody(
            text: "The session's token.",
            schema: ["type": "object", "properties": ["token": ["type": "string"]], "required": ["token"]],
            isRequired: false, example: ["token": "0123456789abcdefghijkl"]),
        replies: [
            .json("Revocation", "The session has ended; a second call tells the same."),
            .error(
                400, "The token is not the session's (which is told later each time), or there is none.",
                example: "invalid session token"),
            .unknownSession, tooLarge,
            .error(
                429, "Too many answers to wrong tokens from this address wait already.",
                example: "too many wrong tokens from this address"),
        ])

    static let finish = APIOperation(
        id: "finishSession", summary: "Ends a session for good.",
        text: "Its files are written to its folder in the spool, and everything else of it is removed.",
        parameters: [.session],
        replies: [
            APIReply(status: 200, text: "The session is gone."), .unknownSession,
            .error(
                500, "The session's files cannot be written; it stays, revoked.", example: "500 Internal Server Error"),
        ])

    static let deleteResources = APIOperation(
        id: "deleteResources", summary: "Deletes the folder of a session that has ended.",
        parameters: [.session],
        replies: [
            APIReply(status: 200, text: "There is no such folder, now or from the beginning."),
            .error(
                400, "What is given cannot be the id of a session.",
                example: "the id of a session has letters a-z and digits only"),
            .error(
                409, "The session is alive.",
                example: "session not finished: end it with DELETE /session/<id> first"),
        ])

    static let sessions = APIOperation(
        id: "listSessions", summary: "Lists the sessions that are alive.",
        text: "The oldest first. A session that ends between two pages is left out; none is told twice.",
        parameters: [
            APIParameter(
                place: .query, name: "limit", text: "How many sessions a page has at most; 100 unless told.",
                schema: ["type": "integer", "minimum": 1, "maximum": 500]),
            APIParameter(
                place: .query, name: "after",
                text: "Where the page begins: `next` of the page before, or the id of a session that is alive.",
                schema: ["type": "string", "pattern": "^-?[0-9]{1,18}-[0-9a-z]{1,64}$"]),
        ],
        replies: [
            .json("SessionPage", "A page."),
            .error(
                400, "A parameter is not what it must be.", example: "'limit' must be a whole number from 1 to 500"),
        ])

    private static let tooLarge = APIReply.error(
        413, "The body has more than 1 MiB.", example: "the request body is too large")

    /// What a client can do with the id and the token of a session.
    private static let afterOpening: [String: JSONValue] = [
        "revoke": [
            "operationId": "revokeToken", "parameters": ["id": "$response.body#/id"],
            "requestBody": ["token": "$response.body#/token"],
        ],
        "report": ["operationId": "getReport", "parameters": ["id": "$response.body#/id"]],
        "finish": ["operationId": "finishSession", "parameters": ["id": "$response.body#/id"]],
        "delete": ["operationId": "deleteResources", "parameters": ["id": "$response.body#/id"]],
        "artifact": ["operationId": "getArtifact", "parameters": ["id": "$response.body#/id"]],
    ]
}
