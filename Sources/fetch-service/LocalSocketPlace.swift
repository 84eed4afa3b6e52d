import Control
import Glibc
import Logging

/// Where the local socket may be.
enum LocalSocketPlace {
    static let name = "fetchctl.socket"

    /// The paths to try, the best first; one that was named is the only one.
    ///
    /// It needs no environment: craft tools start the service with an empty one.
    static func candidates(
        named: String?, environment: [String: String], user: uid_t, stateFolder: String
    ) -> [String] {
        if let named { return [named] }
        func folder(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        var paths: [String] = []
        // systemd.exec(5): a list with colons between when the unit names several.
        if let first = folder("RUNTIME_DIRECTORY")?.split(separator: ":").first { paths.append("\(first)/\(name)") }
        if user != 0, let own = folder("XDG_RUNTIME_DIR") { paths.append("\(own)/fetch-service/\(name)") }
        if user == 0, access("/run", W_OK) == 0 { paths.append("/run/fetch-service/\(name)") }
        return paths + ["\(stateFolder)/\(name)"]
    }

    /// Listens at the first of the places where that can be.
    ///
    /// - Returns: `nil` when it cannot be anywhere and none was named; the log says so.
    /// - Throws: ``StartFailure`` when it cannot be at the place that was named.
    static func listen(named: String?, candidates: [String], log: Logger) throws(StartFailure) -> LocalListener? {
        for path in candidates {
            do throws(LocalSocketError) {
                return try LocalListener(path: path)
            } catch {
                guard named == nil else { throw .service("cannot start service: \(error)") }
                log.debug("\(error)")
            }
        }
        log.warning("fetchctl cannot reach this service: no local socket at \(candidates.joined(separator: " or "))")
        return nil
    }
}
