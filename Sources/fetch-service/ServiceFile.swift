import Core
import Platform

/// `service.json` in the state folder: where the running service is; `fetchctl` finds it there.
struct ServiceFile {
    var controlURL: String
    var proxyURL: String
    var authorityPath: String
    /// `nil` when whoever started the service chose the credentials and knows them.
    var credentialsPath: String?
    var isPermissive: Bool
    /// Path of the local socket; `nil` when there is none.
    var controlSocket: String?

    /// Writes the file for us alone (0600), in one step.
    func write(to path: String) throws(SystemError) {
        var members: [String: JSONValue] = [
            "pid": .integer(Int64(Kernel.processID)), "control-url": .string(controlURL),
            "proxy-url": .string(proxyURL), "ca-path": .string(authorityPath),
            "version": .string(ServiceVersion.text), "permissive": .bool(isPermissive),
        ]
        if let credentialsPath { members["auth-path"] = .string(credentialsPath) }
        if let controlSocket { members["control-socket"] = .string(controlSocket) }
        try Kernel.replaceFile(path, with: JSONValue.object(members).json + [UInt8(ascii: "\n")], mode: 0o600)
    }

    /// The URL under which this machine reaches a listener.
    static func url(of address: SocketAddress) -> String {
        let isEverywhere = address.bytes.allSatisfy { $0 == 0 }
        return "http://\(isEverywhere ? SocketAddress.loopback4(port: address.port) : address)"
    }
}
