import FoundationEssentials
import Glibc

/// What a running service says about itself in `service.json`.
struct ServiceFile: Decodable, Sendable, Equatable {
    var processID: Int32
    var controlURL: String
    var proxyURL: String
    /// The certificate that signs what the proxy shows to its clients, in PEM.
    var authorityPath: String
    /// A file with the `user:password` of the control API; absent when the person who started the service chose it.
    var credentialsPath: String?
    var version: String
    /// Whether it takes permissive sessions.
    var isPermissive: Bool
    /// Its local socket, where it has one.
    var controlSocket: String?

    enum CodingKeys: String, CodingKey {
        case processID = "pid"
        case controlURL = "control-url"
        case proxyURL = "proxy-url"
        case authorityPath = "ca-path"
        case credentialsPath = "auth-path"
        case version
        case isPermissive = "permissive"
        case controlSocket = "control-socket"
    }

    /// Reads the file of a state folder.
    ///
    /// - Returns: `nil` when there is none.
    /// - Throws: ``ServiceError`` when it is not this user's alone, or not what a service writes.
    static func read(_ folder: StateFolder, owner: uid_t) throws(ServiceError) -> ServiceFile? {
        guard let bytes = try PrivateFile.contents(of: folder.serviceFile, owner: owner) else { return nil }
        do {
            return try JSONDecoder().decode(ServiceFile.self, from: Data(bytes))
        } catch {
            let name = Shown.text(folder.serviceFile)
            throw ServiceError("\(name) is not what a service writes; stop the service and remove the file")
        }
    }

    /// The credentials: those of the file that it names, else those of the environment.
    func credentials(owner: uid_t, environment: ProcessEnvironment) throws(ServiceError) -> String? {
        guard let path = credentialsPath, !path.isEmpty else { return environment["FETCH_SERVICE_AUTH"] }
        guard let bytes = try PrivateFile.contents(of: path, owner: owner) else {
            throw ServiceError("the service's credentials are missing at \(Shown.text(path)); restart the service")
        }
        return Shown.trimmed(String(decoding: bytes, as: UTF8.self))
    }

    /// Whether the process that wrote the file still runs.
    var hasLivingProcess: Bool { processID > 0 && (kill(processID, 0) == 0 || errno == EPERM) }
}
