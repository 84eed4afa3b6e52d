import Core
import FoundationEssentials
import Glibc
import Platform
import Wire

/// Speaks to the control API, one connection per call.
struct ControlClient: Sendable {
    /// How long to wait in the different calls.
    struct Patience: Sendable {
        /// For a call that only looks something up.
        var usual = Duration.seconds(10)
        /// For one that waits for transfers (revocation, 5 s) or inspections (report, 20 s) to end.
        var settling = Duration.seconds(60)
    }

    let endpoint: ControlEndpoint
    /// `user:password`; `nil` where none is known, which leaves the calls that need none.
    let credentials: String?
    var patience = Patience()

    /// What `POST /session` gives.
    struct OpenedSession: Sendable, Equatable {
        var id: SessionID
        /// Letters and digits only, so that it needs no quoting in URLs.
        var token: String
    }

    /// What `GET /status` tells, as far as we care; keys of newer services are ignored.
    struct Status: Decodable, Sendable {
        struct ActiveSession: Decodable, Sendable {
            var id: String
            /// Exchanges recorded so far, where the service tells.
            var exchanges: Int?

            enum CodingKeys: String, CodingKey {
                case id = "session-id"
                case exchanges
            }
        }

        var uptime: Int64
        /// Absent where the service is older.
        var proxyPort: UInt16?
        /// Absent where the service hides the sessions.
        var activeSessions: [ActiveSession]?

        enum CodingKeys: String, CodingKey {
            case uptime
            case proxyPort = "proxy-port"
            case activeSessions = "active-sessions"
        }
    }

    /// Asks whether it is alive and what goes on there.
    func status(patience: Duration? = nil) throws(ControlError) -> Status {
        let answer = try ask("GET", "/status", patience: patience ?? self.patience.usual)
        return try decode(Status.self, from: answer, call: "GET /status")
    }

    /// Opens a session that lives for `timeout` seconds, or as long as the service sees fit.
    func openSession(policy: SessionPolicy, timeout: Int?) throws(ControlError) -> OpenedSession {
        struct Answer: Decodable {
            var id: String
            var token: String
        }
        let lifetime = timeout.map { ",\"timeout\":\($0)" } ?? ""
        let body = "{\"policy\":\(JSONText.quoted(policy.rawValue))\(lifetime)}"
        let call = "POST /session"
        let text = try ask("POST", "/session", body: body, patience: patience.usual)
        let answer = try decode(Answer.self, from: text, call: call)
        let isPlain = answer.token.utf8.allSatisfy { isalnum(CInt($0)) != 0 && $0 < 0x80 }
        guard let id = SessionID(answer.id), isPlain, !answer.token.isEmpty else {
            throw ControlError(kind: .malformed, call: call, reason: "not an id and a token")
        }
        return OpenedSession(id: id, token: answer.token)
    }

    /// Takes the session's token away; returns when all its transfers have ended and are recorded.
    ///
    /// - Returns: What the service says of the session.
    @discardableResult
    func revoke(_ id: SessionID, token: String) throws(ControlError) -> [UInt8] {
        let body = "{\"token\":\(JSONText.quoted(token))}"
        return try ask("DELETE", "/session/\(id)/token", body: body, patience: patience.settling)
    }

    /// Writes a session's report to a file as it comes.
    ///
    /// - Parameters:
    ///   - id: The session; its token is revoked.
    ///   - file: An open file.
    /// - Returns: The report's size.
    /// - Throws: ``ControlError``; the file holds a part of the report then.
    @discardableResult
    func copyReport(of id: SessionID, to file: CInt) throws(ControlError) -> Int64 {
        let call = "GET /session/\(id)"
        var size: Int64 = 0
        try exchange("GET", "/session/\(id)", body: "", patience: patience.settling) { (piece) throws(ControlError) in
            do {
                try Kernel.writeAll(file, piece)
            } catch {
                throw ControlError(kind: .local, call: call, reason: "the report cannot be written: \(error)")
            }
            size += Int64(piece.count)
        }
        return size
    }

    /// Ends the session: the service writes its files and forgets it.
    func end(_ id: SessionID) throws(ControlError) {
        _ = try ask("DELETE", "/session/\(id)", patience: patience.settling)
    }

    /// Deletes the files of an ended session.
    func deleteResources(_ id: SessionID) throws(ControlError) {
        _ = try ask("DELETE", "/resources/\(id)", patience: patience.settling)
    }

    /// Makes a call whose answer is small JSON.
    func json(
        _ method: String, _ path: String, body: JSONValue? = nil, patience: Duration? = nil
    ) throws(ControlError) -> JSONValue {
        let body = body.map { String(decoding: $0.json, as: UTF8.self) } ?? ""
        let answer = try ask(method, path, body: body, patience: patience ?? self.patience.usual)
        do {
            return try JSONValue(parsing: answer)
        } catch {
            throw ControlError(
                kind: .malformed, call: "\(method) \(path)", reason: "not the expected JSON; is this a fetch-service?")
        }
    }

    /// Makes a call whose answer is small, and gives its body.
    private func ask(
        _ method: String, _ path: String, body: String = "", patience: Duration
    ) throws(ControlError) -> [UInt8] {
        var answer: [UInt8] = []
        let limit = 4 << 20
        try exchange(method, path, body: body, patience: patience) { (piece) throws(ControlError) in
            guard answer.count + piece.count <= limit else {
                throw ControlError(kind: .malformed, call: "\(method) \(path)", reason: "more than \(limit) bytes")
            }
            answer += piece
        }
        return answer
    }

    private func exchange(
        _ method: String, _ path: String, body: String, patience: Duration,
        _ sink: (UnsafeRawBufferPointer) throws(ControlError) -> Void
    ) throws(ControlError) {
        let call = "\(method) \(path)"
        var fields = Fields()
        fields.append("Host", endpoint.authority.hostHeader(for: .http))
        fields.append("User-Agent", "fetchctl/\(ProgramVersion.text)")
        fields.append("Accept", "application/json")
        fields.append("Connection", "close")
        if let credentials { fields.append("Authorization", "Basic \(Base64.encode(Array(credentials.utf8)))") }
        if !body.isEmpty { fields.append("Content-Type", "application/json") }
        if !body.isEmpty || method == "POST" { fields.append("Content-Length", String(body.utf8.count)) }
        var connection = try ControlConnection(to: endpoint, patience: patience, call: call)
        try connection.send(RequestHead(method: method, target: path, fields: fields), body: Array(body.utf8))
        let head = try connection.receiveHead()
        guard head.status == 200 || head.status == 202 else {
            var text: [UInt8] = []
            try connection.receiveBody(of: head, method: method) { (piece) throws(ControlError) in
                text += piece.prefix(1000 - min(1000, text.count))
            }
            let reason = Shown.text(Shown.trimmed(String(decoding: text, as: UTF8.self)), limit: 400)
            throw ControlError(kind: .answered(head.status), call: call, reason: reason)
        }
        try connection.receiveBody(of: head, method: method, to: sink)
    }

    private func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], call: String
    ) throws(ControlError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw ControlError(kind: .malformed, call: call, reason: "not the expected JSON; is this a fetch-service?")
        }
    }
}
