package import Core
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
    /// Opens the stored bytes of an artifact of a session, which are right; `nil` when they are gone; blocks.
    package var artifact: @Sendable (SessionID, SHA256Digest) throws -> (any BlobReader)?
    /// The transfers that are under way, of one session or of all, so many at most.
    package var transfers: @Sendable (SessionID?, Int) async -> OpenTransfers
    /// Checks a session's own `inspectors-configuration` (JSON; `nil` when it has none) and merges it into the service's.
    package var configuration: @Sendable ([UInt8]?) throws -> [UInt8]
    /// The paths of the keys in a session's own `inspectors-configuration` that nothing reads.
    package var unknownKeys: @Sendable ([UInt8]) throws -> [String]
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
        artifact: @escaping @Sendable (SessionID, SHA256Digest) throws -> (any BlobReader)?,
        transfers: @escaping @Sendable (SessionID?, Int) async -> OpenTransfers,
        configuration: @escaping @Sendable ([UInt8]?) throws -> [UInt8],
        unknownKeys: @escaping @Sendable ([UInt8]) throws -> [String],
        cache: (any CacheAdministration)? = nil, clock: SessionClock = .system,
        observations: Observations = Observations(metrics: { MetricsSnapshot() }, problems: { [] }),
        onRequest: @escaping @Sendable () -> Void = {}
    ) {
        self.registry = registry
        self.records = records
        self.pool = pool
        self.report = report
        self.artifact = artifact
        self.transfers = transfers
        self.configuration = configuration
        self.unknownKeys = unknownKeys
        self.cache = cache
        self.clock = clock
        self.observations = observations
        self.onRequest = onRequest
    }
}

/// The endpoints of the control API; ``routes`` lists them.
package final class ControlAPI: Sendable {
    let settings: ControlSettings
    let parts: ControlParts
    let gate: AdminGate
    let tallies: SessionTallies
    let listeners: LiveListeners
    let log: Logger
    let started: WallTime
    let startedAt: MonotonicTime

    /// Makes the endpoints.
    package init(settings: ControlSettings, parts: ControlParts, log: Logger) {
        self.settings = settings
        self.parts = parts
        self.log = log
        gate = AdminGate(settings: settings)
        tallies = SessionTallies(records: parts.records)
        listeners = LiveListeners(most: settings.mostListeners)
        parts.registry.beforeRemoval { [listeners, clock = parts.clock, settings] id in
            await listeners.finishTelling(id, atMost: settings.lastNews, clock)
        }
        started = parts.clock.wall()
        startedAt = parts.clock.monotonic()
    }

    /// Every endpoint there is.
    static let routes: [Route] =
        sessionRoutes + sessionListRoutes + reportRoutes + liveRoutes + transferRoutes + cacheRoutes + watchingRoutes
        + descriptionRoutes

    /// Makes what answers requests.
    func makeResponder() -> RouterResponder<ControlContext> {
        let router = Router(context: ControlContext.self)
        router.add(middleware: ErrorReplies(log: log))
        router.add(middleware: RequestGuard(table: RouteTable(Self.routes), names: settings.names))
        for route in Self.routes {
            let handler = route.access == .administrator ? administrator(route.handler) : route.handler
            router.on(RouterPath(route.path), method: route.method) { [self] request, context in
                if route.isUse { parts.onRequest() }
                return try await handler(self, request, context)
            }
            guard route.answersHead else { continue }
            router.on(RouterPath(route.path), method: .head) { [self] request, context in
                if route.isUse { parts.onRequest() }
                return try await ControlReply.head(of: try await handler(self, request, context))
            }
        }
        return router.buildResponder()
    }

    /// A handler for the administrator only.
    private func administrator(_ handler: @escaping Route.Handler) -> Route.Handler {
        { api, request, context in
            guard api.settings.mayAdminister(from: context.address) else {
                return ControlReply.text(
                    .forbidden,
                    "administration from \(escapedForDisplay(context.address)) is not allowed: "
                        + "control.admin-from lists the networks that may")
            }
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
    static func session(of context: ControlContext) throws -> SessionID {
        guard let text = context.parameters.get("id"), let id = SessionID(text) else { throw SessionError.unknown }
        return id
    }
}
