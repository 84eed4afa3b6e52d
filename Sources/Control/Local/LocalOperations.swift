internal import Core
package import Logging
internal import Platform
internal import Sessions
package import Storage

/// What the local socket works on beside what the control API does.
package struct LocalParts: Sendable {
    /// What the control API works on.
    package var control: ControlParts
    /// What `version` answers.
    package var version: String
    /// Makes the list of a session's artifacts, as indented JSON; blocks.
    package var artifacts: @Sendable (SessionRow) throws -> any ReportPieces
    /// Reads an `inspectors.yaml` and gives it as JSON, with the paths of the keys that nothing reads; what it throws is shown.
    package var inspectorsJSON: @Sendable ([UInt8]) throws -> (json: [UInt8], unknownKeys: [String])
    /// Whether unknown keys and too long lifetimes are errors and no mere warnings (`strict-api`).
    package var isStrict: Bool
    /// Changes the running service; without it `update-config` and `update-cert` are unsupported operations.
    package var updates: (any ServiceUpdates)?
    /// Backs the record up and restores it; without it `backup` and `restore` are unsupported operations.
    package var archive: (any RecordArchive)?

    /// Names the parts.
    package init(
        control: ControlParts, version: String, artifacts: @escaping @Sendable (SessionRow) throws -> any ReportPieces,
        inspectorsJSON: @escaping @Sendable ([UInt8]) throws -> (json: [UInt8], unknownKeys: [String]),
        isStrict: Bool, updates: (any ServiceUpdates)? = nil, archive: (any RecordArchive)? = nil
    ) {
        self.control = control
        self.version = version
        self.artifacts = artifacts
        self.inspectorsJSON = inspectorsJSON
        self.isStrict = isStrict
        self.updates = updates
        self.archive = archive
    }
}

/// The operations of the local socket (contract `cli.md`, section 2).
///
/// | Operation | Function |
/// |---|---|
/// | `version` | answers the version |
/// | `update-config` | `updateConfiguration` |
/// | `update-cert` | `updateCertificate` |
/// | `create-session` | `createSession` |
/// | `list-artifacts` | `listArtifacts` |
/// | `backup` | `backUp` (ours) |
/// | `restore` | `restore` (ours) |
package struct LocalOperations: Sendable {
    /// The longest request that carries no configuration file, as over HTTP.
    static let longestPlainRequest = 1 << 20

    let parts: LocalParts
    let log: Logger

    /// Makes the operations.
    package init(parts: LocalParts, log: Logger) {
        self.parts = parts
        self.log = log
    }

    /// Answers a request.
    ///
    /// - Parameters:
    ///   - bytes: Its text.
    ///   - file: The descriptor that came with it; open for as long as it is held.
    /// - Returns: What goes back.
    func answer(_ bytes: [UInt8], file: SharedDescriptor? = nil) async -> LocalReply {
        parts.control.onRequest()
        let request: LocalRequest
        do {
            request = try LocalRequest(bytes)
        } catch {
            return .error(error.description)
        }
        if bytes.count > Self.longestPlainRequest, request.operation != "update-config" {
            return .error("the request is longer than \(Self.longestPlainRequest) bytes")
        }
        if file != nil, request.operation != "restore" { return .error("this operation takes no file") }
        switch request.operation {
        case "version": return .ok(parts.version)
        case "update-config":
            if let updates = parts.updates { return await updateConfiguration(request, updates) }
        case "update-cert":
            if let updates = parts.updates { return await updateCertificate(request, updates) }
        case "create-session": return await createSession(request)
        case "list-artifacts": return await listArtifacts(request)
        case "backup":
            if let archive = parts.archive { return await backUp(archive) }
        case "restore":
            if let archive = parts.archive { return await restore(request, file, archive) }
        default: break
        }
        return .error("unsupported operation")
    }

    private func updateConfiguration(
        _ request: LocalRequest, _ updates: any ServiceUpdates
    ) async -> LocalReply {
        guard let kind = ConfigurationKind(rawValue: request.type) else {
            let kinds = ConfigurationKind.allCases.map(\.rawValue).joined(separator: ", ")
            return .error(
                "configuration update error: unknown type '\(escapedForDisplay(request.type, limit: 64))'; "
                    + "there are \(kinds)")
        }
        guard !request.payload.isEmpty else {
            return .error(
                "\(kind.rawValue) configuration update error: the payload, the content of the file, is missing or empty"
            )
        }
        do {
            try await updates.updateConfiguration(
                kind, to: Array(request.payload.utf8), validateOnly: request.validateOnly)
        } catch {
            return refusal("\(kind.rawValue) configuration update error", error)
        }
        if request.validateOnly { return .ok("configuration validated") }
        log.info("local socket: \(kind.rawValue) configuration updated")
        return .ok("configuration updated")
    }

    /// Tells why nothing was changed; what is wrong with a file that somebody gave is no error of ours.
    private func refusal(_ what: String, _ failure: UpdateFailure) -> LocalReply {
        log.log(level: failure.cause == .content ? .warning : .error, "local socket: \(what): \(failure)")
        return .error("\(what): \(failure)")
    }

    private func updateCertificate(
        _ request: LocalRequest, _ updates: any ServiceUpdates
    ) async -> LocalReply {
        do {
            try await updates.updateCertificate(Array(request.payload.utf8), validateOnly: request.validateOnly)
        } catch {
            return refusal("certificate update error", error)
        }
        if request.validateOnly { return .ok("certificate validated") }
        log.info("local socket: proxy certificate updated")
        return .ok("proxy certificate updated")
    }

    private func createSession(_ request: LocalRequest) async -> LocalReply {
        let payload: LocalSessionPayload
        let configuration: [UInt8]
        let unknownKeys: [String]
        do {
            payload = try LocalSessionPayload(request.payload)
            do {
                let own = try payload.configuration.map(parts.inspectorsJSON)
                unknownKeys = own?.unknownKeys ?? []
                configuration = try parts.control.configuration(own?.json)
            } catch {
                return .error("malformed payload: 'inspectors-configuration': \(error)")
            }
        } catch {
            return .error("malformed payload: \(error)")
        }
        let oddities = payload.oddities(
            longest: parts.control.registry.settings.maximumTimeout, unknownKeys: unknownKeys)
        if parts.isStrict, let first = oddities.first { return .error("malformed payload: \(first.refusal)") }
        for oddity in oddities { log.warning("local socket: create-session: \(oddity.warning)") }
        var wish = SessionRequest(
            policy: payload.policy, timeout: payload.timeout, configuration: configuration, id: payload.id,
            token: payload.token)
        do throws(SessionError) {
            let opened: OpenedSession
            do throws(SessionError) {
                opened = try await parts.control.registry.open(wish)
            } catch .permissiveRefused {
                // In silence, as the contract has it; the reply says what it has become.
                wish.policy = .strict
                opened = try await parts.control.registry.open(wish)
            }
            return .ok("session \(opened.session.id):\(opened.token) created (\(opened.session.policy.rawValue))")
        } catch {
            if case .storage = error { log.error("local socket: \(error)") }
            return .error("session creation error: \(error)")
        }
    }

    private func listArtifacts(_ request: LocalRequest) async -> LocalReply {
        guard let id = SessionID(request.payload), let row = await parts.control.registry.row(of: id) else {
            return .error("session does not exist")
        }
        let artifacts = parts.artifacts
        do {
            // The first piece is made now, so that what fails at once is an error and not a torn reply.
            let (pieces, first) = try await parts.control.pool.run { () throws -> (any ReportPieces, [UInt8]?) in
                let pieces = try artifacts(row)
                return (pieces, try pieces.next())
            }
            return .pieces(first: first, pieces)
        } catch {
            log.error("local socket: list-artifacts: \(error)", metadata: ["session": "\(id)"])
            return .error("the artifacts cannot be listed: \(error)")
        }
    }
}
