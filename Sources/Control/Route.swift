internal import HTTPTypes
internal import Hummingbird

/// One endpoint: where it is, who may call it, what the API's description says of it, and what answers.
struct Route: Sendable {
    typealias Handler = @Sendable (ControlAPI, Request, ControlContext) async throws -> Response

    /// Who may call it.
    enum Access: Sendable {
        /// Everybody.
        case open
        /// Whoever has the session's token.
        case token
        /// The administrator, from where administration is allowed.
        case administrator
    }

    let method: HTTPRequest.Method
    /// With its parameters in braces: `/session/{id}`.
    let path: String
    let access: Access
    /// Whether GET may be asked as HEAD too; not where the length of the answer is known to nobody.
    let answersHead: Bool
    /// Whether a request counts as use of the service, which keeps it from ending when idle; not where one only watches.
    let isUse: Bool
    let operation: APIOperation
    let handler: Handler

    init(
        _ method: HTTPRequest.Method, _ path: String, _ access: Access, answersHead: Bool = true, isUse: Bool = true,
        _ operation: APIOperation, _ handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.answersHead = method == .get && answersHead
        self.isUse = isUse
        self.operation = operation
        self.handler = handler
    }
}

/// Which methods a path has; a segment in braces stands for any text.
struct RouteTable: Sendable {
    private var routes: [(segments: [Substring], methods: [HTTPRequest.Method])] = []

    init(_ routes: [Route]) {
        for route in routes {
            add(route.method, route.path)
            if route.answersHead { add(.head, route.path) }
        }
    }

    private mutating func add(_ method: HTTPRequest.Method, _ path: String) {
        // That of the root is one segment without text.
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        if let index = routes.firstIndex(where: { $0.segments == segments }) {
            routes[index].methods.append(method)
        } else {
            routes.append((segments, [method]))
        }
    }

    /// The methods of a path, or `nil` when nothing is there.
    func methods(for path: String) -> [HTTPRequest.Method]? {
        let given = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        return routes.first { route in
            route.segments.count == given.count
                && zip(route.segments, given).allSatisfy { pattern, text in
                    pattern.hasPrefix("{") ? !text.isEmpty : pattern == text
                }
        }?.methods
    }
}
