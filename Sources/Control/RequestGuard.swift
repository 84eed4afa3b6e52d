internal import Core
internal import HTTPTypes
internal import Hummingbird

/// Sorts out requests before anything else looks at them: foreign pages, unknown paths, wrong methods.
///
/// A page of another site must not reach the API through somebody's browser: neither with a foreign `Origin`, nor under
/// a name of its own that it has pointed at our address. Programs may use whatever name leads to us.
struct RequestGuard: RouterMiddleware {
    typealias Context = ControlContext

    let table: RouteTable
    let names: Set<String>

    @concurrent
    func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        // The first is the authority, and not among the fields.
        guard let host = request.head.authority, !request.headers.contains(where: { $0.name.canonicalName == "host" })
        else {
            throw ControlRefusal.badRequest("a request needs one Host field")
        }
        if !host.isEmpty, !isOwn(host), mayBeBrowsers(request) {
            throw ControlRefusal(
                status: .forbidden,
                text:
                    "unknown host \(escapedForDisplay(host, limit: 256)): use an address, or name it with --control-name"
            )
        }
        if let origin = request.headers[.origin], !isSameSite(origin, host: host) {
            throw ControlRefusal(status: .forbidden, text: "requests from other sites are refused")
        }
        let path = request.uri.path
        if path.count > 1, path.hasSuffix("/"), table.methods(for: String(path.dropLast())) != nil {
            let query = request.uri.query.map { "?\($0)" } ?? ""
            return Response(status: .movedPermanently, headers: [.location: path.dropLast() + query])
        }
        guard let methods = table.methods(for: path) else { return ControlReply.status(.notFound) }
        guard methods.contains(request.method) else {
            let allowed = methods.map(\.rawValue).sorted().joined(separator: ", ")
            return ControlReply.status(.methodNotAllowed, headers: [.allow: allowed])
        }
        return try await next(request, context)
    }

    /// Whether a browser may have sent it for a page: for ours, or with a field that tells of one.
    ///
    /// What else a page of another site could read, under a name of its own, needs no credentials, and a browser has none
    /// for that name.
    private func mayBeBrowsers(_ request: Request) -> Bool {
        request.uri.path == "/" || request.uri.path.hasPrefix("/page/") || request.headers[.origin] != nil
            || request.headers.contains { $0.name.canonicalName == "sec-fetch-mode" }
    }

    /// Whether a `Host` names this machine in a way that no other site can: an address, `localhost`, a configured name.
    private func isOwn(_ host: String) -> Bool {
        let name = Self.withoutPort(host).lowercased()
        let plain = name.hasSuffix(".") ? String(name.dropLast()) : name
        return plain == "localhost" || plain.hasSuffix(".localhost") || names.contains(plain) || IPAddress(plain) != nil
    }

    private func isSameSite(_ origin: String, host: String) -> Bool {
        guard origin.lowercased().hasPrefix("http://") else { return false }
        return origin.dropFirst("http://".count).lowercased() == host.lowercased()
    }

    /// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
    static func withoutPort(_ host: String) -> String {
        if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }) }
        return String(host.prefix { $0 != ":" })
    }
}
