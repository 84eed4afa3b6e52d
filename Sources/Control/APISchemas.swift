internal import Core

/// The schemas that the API's description shares (JSON Schema 2020-12).
enum APISchemas {
    static let all = ofSessions.merging(ofCache) { $1 }

    private static let ofSessions: [String: JSONValue] = [
        "Status": object(
            [
                "uptime": count("Whole seconds since the start."), "start-time": time("The start of the service."),
                "proxy-port": count("The port at which the proxy listens."),
                "session-count": count("Sessions opened by this process."),
                "active-session-count": count("Sessions that are alive."),
                "active-sessions": list(
                    object(
                        [
                            "session-id": session, "start-time": time("When it was opened."), "policy": policy,
                            "age": count("Whole seconds since then."), "timeout": count("Lifetime in seconds."),
                            "exchanges": count("Exchanges recorded so far."),
                            "delivered": count("Body bytes given to the client."),
                        ]), "The sessions that are alive; empty with control.status: counts."),
            ]),
        "SessionRequest": [
            "type": ["object", "null"],
            "description": "What the session is to be like; null is the same as absent.",
            "properties": [
                "policy": [
                    "type": ["string", "null"], "description": "`permissive`; anything else, also nothing, is strict.",
                ],
                "timeout": [
                    "type": ["integer", "null"], "minimum": 0,
                    "description": "Lifetime in seconds; 0 for the default. Cut to the longest that is allowed.",
                ],
                "name": label("What to call the session; it is in the report.", types: ["string", "null"]),
                "labels": [
                    "type": ["object", "null"], "maxProperties": .integer(Int64(SessionCreation.mostLabels)),
                    "propertyNames": label("A label."), "additionalProperties": label("Its value."),
                    "description": "What else to say of the session; it is in the report.",
                ],
                "secrets": [
                    "type": ["array", "null"], "items": ["$ref": "#/components/schemas/Secret"],
                    "description": "Credentials for the session's requests.",
                ],
                "inspectors-configuration": [
                    "type": ["object", "null"],
                    "description": "Replaces whole sections of the service's inspectors.yaml for this session.",
                ],
            ],
        ],
        "Secret": [
            "description": "Credentials for requests whose URL matches; the first entry that matches counts.",
            "oneOf": [
                secret("basic-auth", "basic-credentials", "`user:password`"),
                secret("macaroon", "macaroon-credentials", "the value as it is sent"),
                secret("keystone-v3", "keystone-v3-credentials", "`user:password`"),
            ],
        ],
        "OpenedSession": object(
            [
                "id": session, "token": text("The session's token, which is told only here."),
                "policy": [
                    "enum": ["strict", "permissive"],
                    "description": "As it is in effect, where the request's was none.",
                ],
                "timeout": count("Lifetime in seconds as it is in effect, where the request had one."),
                "warnings": list(text("One."), "What of the request was ignored or changed."),
            ], optional: ["policy", "timeout", "warnings"]),
        "Revocation": object([
            "session-id": session, "start-time": time("When the session was opened."),
            "end-time": time("When its token was revoked for the first time."),
            "spool-path": text("The state folder."),
        ]),
        "SessionPage": object(
            [
                "sessions": list(["$ref": "#/components/schemas/ListedSession"], "The oldest first."),
                "next": text("`after` of the next page, when there are more."),
            ], optional: ["next"]),
        "ListedSession": object(
            [
                "session-id": session, "name": text("Empty without a name."),
                "labels": ["type": "object", "additionalProperties": ["type": "string"]], "policy": policy,
                "state": state, "start-time": time("When it was opened."),
                "end-time": time("When its token was revoked."), "age": count("Whole seconds since it was opened."),
                "timeout": count("Lifetime in seconds."),
                "totals": object([
                    "exchanges": count("Everything recorded."), "delivered": count("Body bytes given to the client."),
                    "refused-requests": count("Requests that were not forwarded."),
                    "failed-transfers": count("Transfers that did not come to their end."),
                ]),
            ], optional: ["end-time"]),
        "Transfers": object([
            "transfers": list(["$ref": "#/components/schemas/Transfer"], "The oldest first."),
            "truncated": ["type": "boolean", "description": "Whether there are more."],
        ]),
        "Transfer": object(
            [
                "session-id": session, "method": text("The request's method."),
                "url": text("As in the record, without secrets."), "start-time": time("When the request came."),
                "stage": [
                    "enum": [
                        "starting", "looking-up", "waiting", "delivering", "examining", "recording", "releasing",
                    ]
                ],
                "source": ["enum": ["network", "cache", "revalidated", "joined", "none"]],
                "delivered": count("Body bytes given to the client so far."),
                "size": count("Body bytes that it gets in all, where that is known."),
            ], optional: ["size"]),
        "Report": object(
            [
                "generator": text("Program and version."), "comment": text("On the format."), "session-id": session,
                "start-time": time("When the session was opened."), "end-time": time("When its token was revoked."),
                "inspectors": list(text("An id."), "In the order in which they run."),
                "spool-path": text("The session's folder."), "policy": policy,
                "artifacts": list(["$ref": "#/components/schemas/Artifact"], "One for each digest."),
                "name": text("What whoever opened the session calls it."),
                "labels": ["type": "object", "additionalProperties": ["type": "string"]], "state": state,
                "secrets": list(["type": "object"], "What the session had been given, and how often each was used."),
                "record-complete": ["type": "boolean", "description": "Whether nothing is missing."],
                "incomplete": list(["type": "object"], "What is missing or was not examined, and why."),
                "responses": list(download, "Answers that are no artifacts."),
                "refused-requests": list(download, "Requests that were not forwarded."),
                "failed-transfers": list(download, "Transfers that did not come to their end."),
                "totals": ["type": "object", "additionalProperties": ["type": "integer"]],
            ], optional: ["name", "labels", "secrets"]),
        "Artifact": object([
            "artifact-metadata-version": text("Of this object."), "request-inspection": inspections,
            "response-inspection": inspections, "result": ["enum": ["Approved", "Rejected", "Unknown"]],
            "metadata": object(
                [
                    "type": text("What it is."), "sha1": text("In hex; empty when it is not known."),
                    "sha256": text("In hex."), "size": count("Bytes."), "name": text(""), "version": text(""),
                    "vendor": text(""), "description": text(""), "author": text(""), "license": text(""),
                ]),
            "downloads": list(download, "Each time that it was downloaded."),
            "judgements": list(["type": "object"], "What was thought of each use."),
        ]),
        "Download": object(
            [
                "number": count("Without gaps in the session."), "start-time": time("When the request came."),
                "end-time": time("When the body was there."), "method": text(""), "url": text("Without secrets."),
                "address": text("The client's."), "user-agent": text(""), "request-header": fields,
                "status-code": ["type": "integer"], "status": text(""), "content-type": text(""),
                "response-header": fields, "source": text("Where the answer came from."),
                "size": count("Bytes of the whole body."), "delivered": count("Body bytes given to the client."),
            ], optional: ["size", "delivered", "source"]),
    ]

    static let session: JSONValue = ["type": "string", "pattern": "^[0-9a-z]{1,64}$"]
    private static let policy: JSONValue = ["enum": ["strict", "permissive"]]
    private static let state: JSONValue = ["enum": ["active", "revoked"]]
    private static let download: JSONValue = ["$ref": "#/components/schemas/Download"]
    private static let fields: JSONValue = [
        "type": "object", "additionalProperties": ["type": "array", "items": ["type": "string"]],
    ]
    private static let inspections: JSONValue = [
        "type": "object",
        "additionalProperties": [
            "type": "object",
            "properties": ["opinion": ["enum": ["Unknown", "Rejected", "Approved", "Pending"]], "reason": text("")],
            "required": ["opinion", "reason"],
        ],
    ]

    /// An object with all these members, but for the optional ones; there may be others.
    static func object(_ members: [String: JSONValue], optional: Set<String> = []) -> JSONValue {
        [
            "type": "object", "properties": .object(members),
            "required": .texts(members.keys.filter { !optional.contains($0) }.sorted()),
        ]
    }

    static func list(_ items: JSONValue, _ description: String) -> JSONValue {
        ["type": "array", "items": items, "description": .string(description)]
    }

    static func text(_ description: String) -> JSONValue {
        description.isEmpty ? ["type": "string"] : ["type": "string", "description": .string(description)]
    }

    static func count(_ description: String) -> JSONValue {
        ["type": "integer", "minimum": 0, "description": .string(description)]
    }

    static func time(_ description: String) -> JSONValue {
        ["type": "string", "format": "date-time", "description": .string(description)]
    }

    /// A short text without control characters.
    private static func label(_ description: String, types: JSONValue = "string") -> JSONValue {
        [
            "type": types, "maxLength": .integer(Int64(SessionCreation.longestText)),
            "pattern": "^[^\\x00-\\x1f\\x7f]*$", "description": .string(description),
        ]
    }

    private static func secret(_ type: String, _ credentials: String, _ what: String) -> JSONValue {
        [
            "type": "object", "required": ["type", "url", .string(credentials)],
            "properties": [
                "type": ["const": .string(type)],
                "url": text(
                    "Scheme, host (literal, or `*.` and a literal rest), port, and a glob over the rest of the URL, such as "
                        + "`https://a.example/**`."),
                credentials: ["type": "string", "minLength": 1, "description": .string(what)],
                "allow-http": [
                    "type": ["boolean", "null"], "description": "Whether they go over plain http as well.",
                ],
            ],
        ]
    }
}
