import Core
import Cryptography
import RelayTesting
import Sessions
import Wire

/// What a client of a session sends to the proxy, and reads.
struct ProxyClient {
    let connection: BlockingConnection
    let session: Session
    /// Inside of a tunnel targets are paths and credentials are not repeated.
    private(set) var tunnelTo: String?

    init(_ connection: BlockingConnection, _ session: Session) {
        self.connection = connection
        self.session = session
    }

    static func credentials(_ session: Session) -> String {
        let pair = "\(session.id):\(ProxyFixture.token(of: session.id.text))"
        return "Basic " + Base64.encode(Array(pair.utf8))
    }

    /// The line that authenticates, with its end.
    var authorization: String { "Proxy-Authorization: \(Self.credentials(session))\r\n" }

    mutating func openTunnel(to authority: String) throws {
        try connection.send("CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\(authorization)\r\n")
        let answer = try connection.readResponse(to: "CONNECT")
        guard answer?.head.status == 200 else { throw TunnelRefused(answer: answer) }
        tunnelTo = authority
    }

    struct TunnelRefused: Error {
        let answer: SeenResponse?
    }

    /// Sends the head of a request: the target as the origin's own URL, fields as they are.
    func send(
        _ method: String = "GET", _ url: String, version: String = "HTTP/1.1",
        fields: KeyValuePairs<String, String> = [:], body: [UInt8] = []
    ) throws {
        var head = ""
        if let tunnelTo {
            let path =
                url.contains("://") ? String(url.split(separator: "/", maxSplits: 3).dropFirst(2).last ?? "") : url
            head = "\(method) \(path.hasPrefix("/") ? path : "/" + path) \(version)\r\nHost: \(tunnelTo)\r\n"
        } else {
            head = "\(method) \(url) \(version)\r\nHost: other.example\r\n\(authorization)"
        }
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        try connection.send(Array((head + "\r\n").utf8) + body)
    }

    /// Sends a request and reads its answer.
    func ask(
        _ method: String = "GET", _ url: String, version: String = "HTTP/1.1",
        fields: KeyValuePairs<String, String> = [:], body: [UInt8] = []
    ) throws -> SeenResponse {
        try send(method, url, version: version, fields: fields, body: body)
        return try answer(to: method)
    }

    func get(_ url: String, fields: KeyValuePairs<String, String> = [:]) throws -> SeenResponse {
        try ask("GET", url, fields: fields)
    }

    /// Reads the next answer.
    func answer(to method: String = "GET") throws -> SeenResponse {
        guard let answer = try connection.readResponse(to: method) else { throw Ended() }
        return answer
    }

    struct Ended: Error {}

    /// How reading the next answer fails; `nil` when it does not.
    func failure(of method: String = "GET") -> ConnectionFault.Kind? {
        do {
            _ = try answer(to: method)
            return nil
        } catch let fault as ConnectionFault {
            return fault.kind
        } catch {
            return .ended
        }
    }
}

extension BlockingConnection {
    /// Whether the proxy has ended the connection, in order or with a reset, without a further byte.
    var isClosedByPeer: Bool {
        do {
            return try readSome().isEmpty
        } catch let fault as ConnectionFault {
            return fault.kind == .reset
        } catch {
            return false
        }
    }
}
