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
    /// `GET /status`.
    func status() async throws -> Response {
        let uptime = Int64((parts.clock.monotonic() - startedAt).inSeconds)
        let count = await parts.registry.openedCount
        let summaries = await parts.registry.summaries()
        let records = parts.records
        let totals = try await parts.pool.run { try summaries.map { try records.totals(of: $0.id) } }
        let sessions = zip(summaries, totals).map { session, totals in
            """
            {"session-id":"\(session.id.text)","start-time":"\(session.created.rfc3339)",\
            "policy":"\(session.policy.rawValue)","age":\(session.age),"timeout":\(session.timeout),\
            "exchanges":\(totals.exchanges),"delivered":\(totals.delivered)}
            """
        }
        return ControlReply.json(
            """
            {"uptime":\(uptime),"start-time":"\(started.rfc3339)","session-count":\(count),\
            "active-sessions":[\(sessions.joined(separator: ","))]}
            """)
    }

    /// `POST /session`.
    func create(_ request: Request) async throws -> Response {
        let creation = try Self.creation(try await body(of: request))
        if !creation.unknownMembers.isEmpty {
            let names = creation.unknownMembers.prefix(16).map { escapedForDisplay($0, limit: 64) }
            log.warning("POST /session: unknown keys ignored: \(names.joined(separator: ", "))")
        }
        let configuration: [UInt8]
        do {
            configuration = try parts.configuration(creation.configuration)
        } catch {
            throw ControlRefusal.badRequest("'inspectors-configuration': \(error)")
        }
        let opened = try await parts.registry.open(
            SessionRequest(
                policy: creation.policy, timeout: creation.timeout, configuration: configuration,
                secrets: creation.secrets))
        return ControlReply.json(
            """
            {"id":\(JSONText.quoted(opened.session.id.text)),"token":\(JSONText.quoted(opened.token)),\
            "policy":"\(opened.session.policy.rawValue)","timeout":\(opened.session.row.timeout)}
            """)
    }

    /// Reads a body that may hold secrets, and wipes it.
    private static func creation(_ body: consuming [UInt8]) throws -> SessionCreation {
        var text = body
        defer { SecretBytes.wipe(&text) }
        return try SessionCreation(text)
    }

    /// `DELETE /session/{id}/token`.
    func revoke(_ request: Request, _ id: SessionID) async throws -> Response {
        let token = try Self.token(body: try await body(of: request), request.headers[.authorization], of: id)
        let row = try await parts.registry.revoke(id, token: token)
        return ControlReply.json(
            """
            {"session-id":"\(row.id.text)","start-time":"\(row.created.rfc3339)",\
            "end-time":"\((row.revoked ?? row.created).rfc3339)","spool-path":\(JSONText.quoted(settings.spoolPath))}
            """)
    }

    /// `DELETE /session/{id}`.
    func finish(_ id: SessionID) async throws -> Response {
        try await parts.registry.finish(id)
        return ControlReply.empty
    }

    /// `DELETE /resources/{id}`.
    func deleteResources(_ id: SessionID) async throws -> Response {
        try await parts.registry.deleteResources(of: id)
        return ControlReply.empty
    }

    private func body(of request: Request) async throws -> [UInt8] {
        let buffer = try await request.body.collect(upTo: settings.largestBody)
        return Array(buffer.readableBytesView)
    }

    /// The token of a revocation.
    ///
    /// Newer builders send `{"token": "…"}`; older ones `Authorization: Basic <token>`, bare or as `id:token`, and no body.
    private static func token(body: [UInt8], _ authorization: String?, of id: SessionID) throws -> String {
        if body.isEmpty, let authorization {
            if let pair = BasicCredentials(fieldValue: authorization), pair.user == id.text { return pair.password }
            let parts = authorization.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "basic" { return String(parts[1]) }
        }
        let value: JSONValue
        do {
            value = try JSONValue(firstIn: body)
        } catch {
            throw ControlRefusal.badRequest(error.description)
        }
        guard case .object(let members) = value else {
            throw ControlRefusal.badRequest("the request body is \(value.kind): expected {\"token\": \"…\"}")
        }
        guard let member = members["token"] else { return "" }
        guard let token = member.text else {
            throw ControlRefusal.badRequest("'token' must be a string, not \(member.kind)")
        }
        return token
    }
}
