import Core
import Glibc
import Platform
import Wire

/// Finds the service to work with: the one that was named, the one of this user, or a new one.
struct ServiceLocator {
    /// What the person said about the service, by options or environment; all optional.
    struct Wishes: Sendable {
        var url: String?
        var proxy: String?
        var authority: String?
    }

    var environment: ProcessEnvironment
    var user: uid_t
    var wishes: Wishes
    /// The state folder; `nil` chooses that of the user.
    var stateFolder: String?

    /// The URL that the person gave.
    private var namedURL: String? {
        (wishes.url ?? environment["FETCH_SERVICE_URL"]).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Whether the person said which service to use.
    var isNamed: Bool { namedURL != nil }

    /// What was named, or what runs already; `nil` when nothing was named and nothing runs.
    func find() throws -> Service? {
        if let url = namedURL { return try named(url) }
        return try running(in: folder())
    }

    /// As ``find()``, but starts a service when there is none.
    func findOrStart() throws -> Service {
        if let service = try find() { return service }
        let folder = try folder()
        let owner = folder.owner(trustedBy: user)
        guard owner == user else {
            throw ServiceError(
                "\(Shown.text(folder.path)) belongs to user \(owner), whose service does not run; start it "
                    + "(systemctl start fetch-service), or name another one with --url")
        }
        return try ServiceLauncher(folder: folder, environment: environment).start { try running(in: folder) }
    }

    /// As ``find()``, but without a service there is nothing to do.
    func findRunning() throws -> Service {
        guard let service = try find() else {
            throw ServiceError(
                "no service is running for this user; name one with --url, or start one with fetch-service")
        }
        return service
    }

    private func folder() throws(ServiceError) -> StateFolder {
        if let stateFolder { return StateFolder(path: stateFolder) }
        return try StateFolder(user: user, environment: environment)
    }

    private func named(_ url: String) throws -> Service {
        let endpoint = try ControlEndpoint(url)
        // The same service may have left its file here: then it knows best.
        let folder = try? folder()
        let owner = folder?.owner(trustedBy: user) ?? user
        let local = folder.flatMap { try? ServiceFile.read($0, owner: owner) }.flatMap { file in
            (try? ControlEndpoint(file.controlURL)) == endpoint ? file : nil
        }
        var credentials = environment["FETCH_SERVICE_AUTH"]
        if credentials == nil, let local {
            credentials = try local.credentials(owner: owner, environment: environment)
        }
        let proxy = try (wishes.proxy ?? environment["FETCH_SERVICE_PROXY"] ?? local?.proxyURL).map(ProxyAddress.init)
        return Service(
            proxy: proxy,
            authorityPath: wishes.authority ?? environment["FETCH_SERVICE_CA"] ?? local?.authorityPath ?? "",
            control: ControlClient(endpoint: endpoint, credentials: credentials))
    }

    private func running(in folder: StateFolder) throws -> Service? {
        let owner = folder.owner(trustedBy: user)
        guard let file = try ServiceFile.read(folder, owner: owner), file.hasLivingProcess else { return nil }
        let control = ControlClient(
            endpoint: try ControlEndpoint(file.controlURL),
            credentials: try file.credentials(owner: owner, environment: environment))
        do {
            _ = try control.status(patience: .seconds(3))
        } catch {
            // A process that took over the number of one that died: its port is closed, or somebody else's.
            if error.kind == .unreachable || error.kind == .malformed { return nil }
            throw error
        }
        return Service(proxy: try ProxyAddress(file.proxyURL), authorityPath: file.authorityPath, control: control)
    }
}
