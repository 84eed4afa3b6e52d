import Core
import Cryptography
import RelayTesting
import Wire

@testable import fetchctl

/// A connection to the proxy that sends a session's credentials.
struct SessionConnection {
    struct Ended: Error {}
    struct TunnelRefused: Error { var answer: SeenResponse? }

    let connection: BlockingConnection
    private let authorization: String
    /// Inside of a tunnel targets are paths, and credentials are not repeated.
    private var tunnelTo: String?

    init(
        _ service: LiveService, _ session: ControlClient.OpenedSession, patience: Duration = .seconds(20)
    ) throws {
        try self.init(port: service.proxyPort, session, patience: patience)
    }

    init(port: UInt16, _ session: ControlClient.OpenedSession, patience: Duration = .seconds(20)) throws {
        connection = try BlockingConnection(port: port, patience: patience)
        let pair = Base64.encode(Array("\(session.id):\(session.token)".utf8))
        authorization = "Proxy-Authorization: Basic \(pair)\r\n"
    }

    /// Opens a tunnel to an origin and begins TLS in it.
    mutating func openTunnel(to origin: ScriptedOrigin, trust: TLSClientContext) throws {
        let authority = "127.0.0.1:\(origin.port)"
        try connection.send("CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\(authorization)\r\n")
        let answer = try connection.readResponse(to: "CONNECT")
        guard answer?.head.status == 200 else { throw TunnelRefused(answer: answer) }
        try connection.startTLS(trust, host: "127.0.0.1")
        tunnelTo = authority
    }

    /// Sends a request for a path of an origin.
    func send(_ method: String = "GET", _ path: String, of origin: ScriptedOrigin, fields: String = "") throws {
        if let tunnelTo {
            try connection.send("\(method) \(path) HTTP/1.1\r\nHost: \(tunnelTo)\r\n\(fields)\r\n")
        } else {
            try connection.send(
                "\(method) \(origin.url(path)) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(authorization)\(fields)\r\n")
        }
    }

    func answer(to method: String = "GET") throws -> SeenResponse {
        guard let answer = try connection.readResponse(to: method) else { throw Ended() }
        return answer
    }

    func get(_ path: String, of origin: ScriptedOrigin, fields: String = "") throws -> SeenResponse {
        try send("GET", path, of: origin, fields: fields)
        return try answer()
    }
}
