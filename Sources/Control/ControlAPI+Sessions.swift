internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Platform
internal import Sessions
internal import Storage
internal import Wire

extension ControlAPI {
    static let sessionRoutes: [Route] = [
        Route(.get, "/status", .open, .status) { api, _, _ in try await api.status() },
        Route(.post, "/session", .administrator, .create) { api, request, _ in try await api.create(request) },
        Route(.delete, "/session/{id}/token", .token, .revoke) { api, request, context in
            try await api.revoke(request, try session(of: context), from: context.address)
        },
        Route(.delete, "/session/{id}", .administrator, .finish) { api, _, context in
            try await api.finish(try session(of: context))
        },
        Route(.delete, "/resources/{id}", .administrator, .deleteResources) { api, _, context in
            try await api.deleteResources(context.parameters.get("id") ?? "")
        },
    ]

    /// `GET /status`.
    private func status() async throws -> Response {
        let uptime = Int64((parts.clock.monotonic() - startedAt).inSeconds)
        let count = await parts.registry.openedCount
        let summaries = await parts.registry.summaries()
        var sessions: [String] = []
        if settings.statusDetail == .sessions {
            let records = parts.records
            let totals = try await parts.pool.run { try summaries.map { try records.totals(of: $0.id) } }
            sessions = zip(summaries, totals).map { session, totals in
                """
                {"session-id":"\(session.id.text)","start-time":"\(session.created.rfc3339)",\
                "policy":"\(session.policy.rawValue)","age":\(session.age),"timeout":\(session.timeout),\
                "exchanges":\(totals.exchanges),"delivered":\(totals.delivered)}
                """
            }
        }
        return ControlReply.json(
            """
            {"uptime":\(uptime),"start-time":"\(started.rfc3339)","proxy-port":\(settings.proxyPort),\
            "session-count":\(count),"active-session-count":\(summaries.count),"active-sessions":[\(sessions.joined(separator: ","))]}
            """)
    }

    /// `POST /session`.
    private func create(_ request: Request) async throws -> Response {
        let creation = try Self.creation(try await body(of: request))
        let configuration: [UInt8]
        let unknownKeys: [String]
        do {
            configuration = try parts.configuration(creation.configuration)
            unknownKeys = try creation.configuration.map(parts.unknownKeys) ?? []
        } catch {
            throw ControlRefusal.badRequest("'inspectors-configuration': \(error)")
        }
        let oddities = creation.oddities(
            longest: parts.registry.settings.maximumTimeout, unknownKeys: unknownKeys)
        if settings.isStrict, let first = oddities.first { throw ControlRefusal.badRequest(first.refusal) }
        for oddity in oddities { log.warning("POST /session: \(oddity.warning)") }
        let warnings = oddities.filter(\.isTold).map(\.warning)
        let opened = try await parts.registry.open(
            SessionRequest(
                policy: creation.policy, timeout: creation.timeout, configuration: configuration,
                secrets: creation.secrets, name: creation.name, labels: creation.labels))
        // The craft tools' model of this reply has `id` and `token` and forbids anything else; so more is told only to who
        // asked for what the tools do not ask for.
        var reply: [String: JSONValue] = ["id": .string(opened.session.id.text), "token": .string(opened.token)]
        if creation.timeout > 0 { reply["timeout"] = .integer(opened.session.row.timeout) }
        if creation.unknownPolicy != nil { reply["policy"] = .string(opened.session.policy.rawValue) }
        if !warnings.isEmpty { reply["warnings"] = .texts(warnings) }
        return ControlReply.json(.object(reply))
    }

    /// Reads a body that may hold secrets, and wipes it.
    private static func creation(_ body: consuming [UInt8]) throws -> SessionCreation {
        var text = body
        defer { SecretBytes.wipe(&text) }
        return try SessionCreation(text)
    }

    /// `DELETE /session/{id}/token`.
    private func revoke(_ request: Request, _ id: SessionID, from address: String) async throws -> Response {
        let token = try RevocationToken(try await body(of: request), request.headers[.authorization], of: id)
        guard let session = await parts.registry.session(id) else { throw SessionError.unknown }
        guard let accepted = token.candidates.first(where: { session.accepts(token: $0) }) else {
            guard try await gate.holdBack(from: address) else {
                throw ControlRefusal(status: .tooManyRequests, text: "too many wrong tokens from this address")
            }
            throw SessionError.wrongToken
        }
        let row = try await parts.registry.revoke(id, token: accepted)
        return ControlReply.json(
            """
            {"session-id":"\(row.id.text)","start-time":"\(row.created.rfc3339)",\
            "end-time":"\((row.revoked ?? row.created).rfc3339)","spool-path":\(JSONText.quoted(settings.spoolPath))}
            """)
    }

    /// `DELETE /session/{id}`.
    private func finish(_ id: SessionID) async throws -> Response {
        try await parts.registry.finish(id)
        return ControlReply.empty
    }

    /// `DELETE /resources/{id}`.
    private func deleteResources(_ text: String) async throws -> Response {
        guard SessionID.isPlain(text) else {
            throw ControlRefusal.badRequest("the id of a session has letters a-z and digits only")
        }
        // What is too long for an id has no folder.
        if let id = SessionID(text) { try await parts.registry.deleteResources(of: id) }
        return ControlReply.empty
    }

    private func body(of request: Request) async throws -> [UInt8] {
        try await request.wholeBody(upTo: settings.largestBody)
    }
}
