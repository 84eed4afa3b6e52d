internal import Core

/// What the API's description says of one endpoint (OpenAPI 3.1, "Operation Object").
///
/// What every endpoint of its kind answers besides (401, 403, 429) is added by ``APIDescription``.
struct APIOperation: Sendable {
    /// Its name in clients that are made from the description.
    let id: String
    /// One line.
    let summary: String
    /// More lines, if there is more to say.
    var text = ""
    var parameters: [APIParameter] = []
    var body: APIBody?
    var replies: [APIReply]
}

/// A parameter in the path, the query or a field.
struct APIParameter: Sendable {
    enum Place: String, Sendable { case path, query, header }

    let place: Place
    let name: String
    let text: String
    let schema: JSONValue

    var json: JSONValue {
        [
            "in": .string(place.rawValue), "name": .string(name), "description": .string(text), "schema": schema,
            "required": .bool(place == .path),
        ]
    }

    /// The session in the path.
    static let session = APIParameter(
        place: .path, name: "id", text: "The session's id.", schema: ["type": "string", "pattern": "^[0-9a-z]{1,64}$"])
}

/// A request's JSON.
struct APIBody: Sendable {
    let text: String
    let schema: JSONValue
    let isRequired: Bool
    let example: JSONValue

    var json: JSONValue {
        [
            "description": .string(text), "required": .bool(isRequired),
            "content": ["application/json": ["schema": schema, "example": example]],
        ]
    }
}

/// An answer of one status.
struct APIReply: Sendable {
    let status: Int
    let text: String
    /// By media type; none for an answer without a body.
    var content: [String: JSONValue] = [:]
    /// Fields of the answer, each with what it says.
    var fields: [String: String] = [:]
    /// What can be asked with what the answer says, by name.
    var links: [String: JSONValue] = [:]

    /// An answer in JSON, described by one of the shared schemas.
    static func json(
        _ schema: String, _ text: String, status: Int = 200, links: [String: JSONValue] = [:]
    ) -> APIReply {
        APIReply(
            status: status, text: text,
            content: ["application/json": ["schema": ["$ref": .string("#/components/schemas/\(schema)")]]],
            links: links)
    }

    /// An error, which is bare text, with one such text.
    static func error(_ status: Int, _ text: String, example: String, fields: [String: String] = [:]) -> APIReply {
        APIReply(
            status: status, text: text,
            content: ["text/plain": ["schema": ["type": "string"], "example": .string(example)]], fields: fields)
    }

    /// There is no such session.
    static let unknownSession = error(
        404, "There is no live session with this id: it never was, was finished, or has expired.",
        example: "404 Not Found")

    /// The storage cannot be used.
    static let unavailable = error(
        503, "The storage cannot be used now, or the service is stopping.", example: "the service is stopping")

    /// Something went wrong here; the log says what.
    static let failed = error(500, "The service failed; its log says how.", example: "500 Internal Server Error")

    var json: JSONValue {
        var reply: [String: JSONValue] = ["description": .string(text)]
        if !content.isEmpty { reply["content"] = .object(content) }
        if !links.isEmpty { reply["links"] = .object(links) }
        if !fields.isEmpty {
            reply["headers"] = .object(
                fields.mapValues { ["description": .string($0), "schema": ["type": "string"]] })
        }
        return .object(reply)
    }
}
