import Glibc
import Platform

/// The folder in which a service of this user keeps its state, and where `fetchctl` looks for it.
struct StateFolder: Sendable, Equatable {
    let path: String

    /// What `fetch-service` writes there when it is ready.
    var serviceFile: String { path + "/service.json" }
    /// Held by the one `fetchctl` that is starting a service.
    var startLock: String { path + "/start.lock" }
    /// Where a service that `fetchctl` started writes its log.
    var log: String { path + "/fetch-service.log" }

    init(path: String) { self.path = path }

    /// Chooses the folder as `fetch-service` does: `/var/lib/fetch` for root, else below `XDG_STATE_HOME`, else below
    /// `~/.local/state`.
    ///
    /// - Throws: ``ServiceError`` when the user has no home folder.
    init(user: uid_t, environment: ProcessEnvironment) throws(ServiceError) {
        func absolute(_ name: String) -> String? {
            // The XDG base directory specification: a relative path is invalid and ignored.
            environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        if user == 0 {
            path = "/var/lib/fetch"
        } else if let state = absolute("XDG_STATE_HOME") {
            path = state + "/fetch-service"
        } else if let home = absolute("HOME") {
            path = home + "/.local/state/fetch-service"
        } else {
            throw ServiceError("no folder for the service's state: set HOME or XDG_STATE_HOME to an absolute path")
        }
    }

    /// Who must own what the service keeps there, if `user` is to trust it.
    ///
    /// That is the user, but root also trusts the owner of the folder, as whom a service manager runs the service: nothing is
    /// read then but what this owner has written, and shown to nobody else.
    func owner(trustedBy user: uid_t) -> uid_t {
        guard user == 0, let status = try? Kernel.stat(path) else { return user }
        return status.owner
    }

    /// Makes the folder and those above it that are missing, for this user alone.
    func make() throws(SystemError) {
        var end = path.index(after: path.startIndex)
        while end < path.endIndex {
            end = path[end...].firstIndex(of: "/") ?? path.endIndex
            try Kernel.mkdir(String(path[..<end]), mode: 0o700)
            if end < path.endIndex { end = path.index(after: end) }
        }
    }
}
