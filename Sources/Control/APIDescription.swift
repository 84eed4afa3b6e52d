internal import Core
internal import HTTPTypes
internal import Hummingbird

/// The description of the API (OpenAPI 3.1), made from the list of routes.
struct APIDescription {
    let routes: [Route]

    /// The whole document.
    var json: JSONValue {
        var paths: [String: [String: JSONValue]] = [:]
        for route in routes {
            paths[route.path, default: [:]][route.method.rawValue.lowercased()] = operation(of: route)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "fetch-service control API", "version": "1", "description": .string(Self.text),
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "paths": .object(paths.mapValues { .object($0) }),
            "components": [
                "schemas": .object(APISchemas.all),
                "securitySchemes": [
                    "administrator": [
                        "type": "http", "scheme": "basic",
                        "description":
                            "The administrator's user and password (FETCH_SERVICE_AUTH, or the file admin.auth).",
                    ]
                ],
            ],
        ]
    }

    private static let text = """
        Opens, watches and ends the sessions of builds, and gives their records.

        Errors are bare text that says what is wrong and what would be right. GET may be asked as HEAD, but for live \
        streams. A slash at the end of a path is redirected (301); an unknown path is 404 and a wrong method 405 before \
        credentials are asked for. A request body of more than 1 MiB is 413, a request that takes longer than 30 s is cut \
        off. An unknown Host and a foreign Origin are 403. Unknown keys of requests are ignored, with a warning.
        """

    private func operation(of route: Route) -> JSONValue {
        let operation = route.operation
        var replies = Dictionary(uniqueKeysWithValues: operation.replies.map { (String($0.status), $0.json) })
        for reply in Self.usualReplies(route.access) {
            replies[String(reply.status)] = replies[String(reply.status)] ?? reply.json
        }
        var members: [String: JSONValue] = [
            "operationId": .string(operation.id), "summary": .string(operation.summary),
            "responses": .object(replies), "security": route.access == .administrator ? [["administrator": []]] : [],
        ]
        if !operation.text.isEmpty { members["description"] = .string(operation.text) }
        if !operation.parameters.isEmpty { members["parameters"] = .list(operation.parameters.map(\.json)) }
        if let body = operation.body { members["requestBody"] = body.json }
        return .object(members)
    }

    /// What every endpoint of a kind may answer.
    private static func usualReplies(_ access: Route.Access) -> [APIReply] {
        let foreign = APIReply.error(
            403, "An unknown Host, a foreign Origin, or an address from which administration is not allowed.",
            example: "requests from other sites are refused")
        guard access == .administrator else { return [foreign, .failed, .unavailable] }
        return [
            foreign, .failed, .unavailable,
            .error(
                401, "The credentials are absent or wrong.", example: "401 Unauthorized",
                fields: ["WWW-Authenticate": "Basic"]),
            .error(
                429, "Too many logins from this address have failed.",
                example: "too many failed logins from this address"),
        ]
    }
}

extension ControlAPI {
    static let descriptionRoutes: [Route] = [
        Route(.get, "/openapi.json", .open, isUse: false, .description) { _, _, _ in ControlReply.json(describedAPI) }
    ]

    private static let describedAPI = APIDescription(routes: routes).json
}
