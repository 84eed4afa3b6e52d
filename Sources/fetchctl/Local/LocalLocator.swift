import Glibc

/// Finds the local socket: the one that was named, that of the service of this user, or where a service of this machine has
/// it.
struct LocalLocator {
    static let name = "fetchctl.socket"

    var environment: ProcessEnvironment
    var user: uid_t
    /// What the person named.
    var named: String?
    /// The state folder; `nil` chooses that of the user.
    var stateFolder: String?

    /// Where to look, the best first.
    ///
    /// - Throws: ``ServiceError`` when `service.json` is not to be trusted.
    func paths() throws(ServiceError) -> [String] {
        if let named = named ?? environment["FETCH_SERVICE_SOCKET"], !named.isEmpty { return [named] }
        var paths: [String] = []
        let folder =
            stateFolder.map(StateFolder.init(path:)) ?? (try? StateFolder(user: user, environment: environment))
        if let folder {
            let file = try ServiceFile.read(folder, owner: folder.owner(trustedBy: user))
            if let file, file.hasLivingProcess, let own = file.controlSocket { paths.append(own) }
        }
        if let runtime = environment["XDG_RUNTIME_DIR"], runtime.hasPrefix("/") {
            paths.append("\(runtime)/fetch-service/\(Self.name)")
        }
        paths.append("/run/fetch-service/\(Self.name)")
        if let folder { paths.append("\(folder.path)/\(Self.name)") }
        return paths.enumerated().filter { !paths[..<$0.offset].contains($0.element) }.map(\.element)
    }

    /// A client for what was found.
    func client() throws(ServiceError) -> LocalClient { LocalClient(paths: try paths()) }
}
