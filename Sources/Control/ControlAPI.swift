internal import Core
internal import HTTPTypes
internal import Hummingbird
package import Logging
package import Sessions
package import Storage
package import Platform

/// A report that is made piece by piece.
package protocol ReportPieces: AnyObject, Sendable {
    /// The next piece; `nil` behind the last. Blocks; called by one thread at a time.
    func next() throws -> [UInt8]?
}

/// What the control API works on.
package struct ControlParts: Sendable {
    /// The sessions.
    package var registry: SessionRegistry
    /// Where reports are read from.
    package var records: any Records
    /// Where blocking calls run.
    package var pool: WorkerPool
    /// Makes the report of a session; blocks.
    package var report: @Sendable (SessionRow) throws -> any ReportPieces
    /// Checks a session's own `inspectors-configuration` (JSON; `nil` when it has none) and merges it into the service's.
    package var configuration: @Sendable ([UInt8]?) throws -> [UInt8]
    /// The cache; without it there are no endpoints for it.
    package var cache: (any CacheAdministration)?
    /// Measures ages and waits.
    package var clock: SessionClock
    /// What an operator may ask.
    package var observations: Observations
    /// Called at every request but those that only watch, for idle shutdown.
    package var onRequest: @Sendable () -> Void

    /// Names the parts.
    package init(
        registry: SessionRegistry, records: any Records, pool: WorkerPool,
        report: @escaping @Sendable (SessionRow) throws -> any ReportPieces,
        configuration: @escaping @Sendable ([UInt8]?) throws -> [UInt8],
        cache: (any CacheAdministration)? = nil, clock: SessionClock = .system,
        observations: Observations = Observations(metrics: { MetricsSnapshot() }, problems: { [] }),
        onRequest: @escaping @Sendable () -> Void = {}
    ) {
        self.registry = registry
        self.records = records
        self.pool = pool
        self.report = report
        self.configuration = configuration
        self.cache = cache
        self.clock = clock
        self.observations = observations
        self.onRequest = onRequest
    }
}

/// The endpoints of the control API.
///
/// | Method and path | Credentials | Function |
/// |---|---|---|
/// | `GET /status` | none | `status` |
/// | `POST /session` | administrator | `create` |
/// | `DELETE /session/{id}/token` | the session's token | `revoke` |
/// | `GET /session/{id}` | administrator | `report` |
/// | `DELETE /session/{id}` | administrator | `finish` |
/// | `DELETE /resources/{id}` | administrator | `deleteResources` |
/// | `GET /metrics` | administrator | `metrics` |
/// | `GET /healthz`, `GET /readyz` | none | `health`, `readiness` |
/// | `GET /`, `GET /page/…` | administrator | `page` |
/// | `GET /cache` and below it | administrator | see `cacheRoutes` |
package final class ControlAPI: Sendable {
    let settings: ControlSettings
    let parts: ControlParts
    let gate: AdminGate
    let log: Logger
    let started: WallTime
    let startedAt: MonotonicTime

    /// Makes the endpoints.
    package init(settings: ControlSettings, parts: ControlParts, log: Logger) {
        self.settings = settings
        self.parts = parts
        self.log = log
        gate = AdminGate(settings: settings)
        started = parts.clock.wall()
        startedAt = parts.clock.monotonic()
    }

    typealias Handler = @Sendable (ControlAPI, Request, ControlContext) async throws -> Response

    /// Makes what answers requests.
    func makeResponder() -> RouterResponder<ControlContext> {
        var routes: [(method: HTTPRequest.Method, path: String, handler: Handler)] = [
            (.get, "/status", { api, _, _ in try await api.status() }),
            (.post, "/session", administrator { api, request, _ in try await api.create(request) }),
            (
                .delete, "/session/:id/token",
                { api, request, context in try await api.revoke(request, try Self.session(of: context)) }
            ),
            (
                .get, "/session/:id",
                administrator { api, _, context in try await api.report(try Self.session(of: context)) }
            ),
            (
                .delete, "/session/:id",
                administrator { api, _, context in try await api.finish(try Self.session(of: context)) }
            ),
            (
                .delete, "/resources/:id",
                administrator { api, _, context in try await api.deleteResources(try Self.session(of: context)) }
            ),
        ]
        // A scraper or a page that is open must not keep a service alive that nobody uses.
        var watching: [(method: HTTPRequest.Method, path: String, handler: Handler)] = [
            (.get, "/metrics", administrator { api, _, _ in try await api.metrics() }),
            (.get, "/healthz", { api, _, _ in api.health() }),
            (.get, "/readyz", { api, _, _ in await api.readiness() }),
        ]
        for asset in PageAsset.all {
            watching.append((.get, asset.path, administrator { api, _, _ in api.page(asset) }))
        }
        for route in cacheRoutes { routes.append((route.method, route.path, administrator(route.handler))) }
        var table = RouteTable()
        for route in routes + watching {
            table.add(route.method, route.path)
            if route.method == .get { table.add(.head, route.path) }
        }
        let router = Router(context: ControlContext.self, options: [.autoGenerateHeadEndpoints])
        router.add(middleware: ErrorReplies(log: log))
        router.add(middleware: RequestGuard(table: table, names: settings.names))
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) { [self] request, context in
                parts.onRequest()
                return try await route.handler(self, request, context)
            }
        }
        for route in watching {
            router.on(RouterPath(route.path), method: route.method) { [self] request, context in
                try await route.handler(self, request, context)
            }
        }
        return router.buildResponder()
    }

    /// A handler for the administrator only.
    private func administrator(_ handler: @escaping Handler) -> Handler {
        { api, request, context in
            switch try await api.gate.verdict(on: request.headers[.authorization], from: context.address) {
            case .admitted: return try await handler(api, request, context)
            case .unauthorized:
                let challenge: HTTPFields = [.wwwAuthenticate: "Basic realm=\"fetch-service\""]
                return ControlReply.status(.unauthorized, headers: challenge)
            case .refused:
                return ControlReply.text(.tooManyRequests, "too many failed logins from this address")
            }
        }
    }

    /// The session id in the path; what cannot be one names no session.
    private static func session(of context: ControlContext) throws -> SessionID {
        guard let text = context.parameters.get("id"), let id = SessionID(text) else { throw SessionError.unknown }
        return id
    }
}
