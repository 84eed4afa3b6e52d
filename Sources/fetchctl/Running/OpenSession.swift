import Core
import Platform

/// A session that this program opened and has to close.
struct OpenSession: Sendable {
    let service: Service
    let proxy: ProxyAddress
    let id: SessionID
    let token: String

    /// Opens one at the service that there is, or at a new one.
    ///
    /// - Throws: ``PolicyRefused``, ``ControlError``, ``ServiceError``.
    static func open(with locator: ServiceLocator, policy: SessionPolicy, timeout: Int?) throws -> OpenSession {
        let service = try locator.findOrStart()
        do {
            return try open(at: service, policy: policy, timeout: timeout)
        } catch let error as ControlError where error.kind == .unreachable && !locator.isNamed {
            // It was about to stop because nobody used it.
            return try open(at: try locator.findOrStart(), policy: policy, timeout: timeout)
        }
    }

    private static func open(at service: Service, policy: SessionPolicy, timeout: Int?) throws -> OpenSession {
        let proxy = try service.proxy ?? ProxyAddress(of: service.control)
        do {
            let opened = try service.control.openSession(policy: policy, timeout: timeout)
            return OpenSession(service: service, proxy: proxy, id: opened.id, token: opened.token)
        } catch {
            // The contract's words for a permissive session at a service without --permissive-mode.
            if error.kind == .answered(400), error.reason.contains("Invalid session policy") { throw PolicyRefused() }
            throw error
        }
    }

    /// How a program uses it.
    func access(bypass: String) -> SessionAccess {
        SessionAccess(proxy: proxy, id: id, token: token, bypass: bypass)
    }

    /// Takes the token away, so that nothing is added to the record any more.
    func revoke() throws(ControlError) { try service.control.revoke(id, token: token) }

    /// Lets the service forget the session and delete its files.
    func end() throws(ControlError) {
        try service.control.end(id)
        try service.control.deleteResources(id)
    }

    /// Ends it without a report, as far as that is possible, and removes its folder.
    func abandon(environment: ProcessEnvironment) {
        SessionFolder(of: id, environment: environment).remove()
        try? revoke()
        try? end()
    }
}
