import Core
import Glibc
import Logging
import Platform

/// Tells the service manager what the service does (sd_notify(3)), when one wants to hear it (`NOTIFY_SOCKET`).
struct ServiceManager: Sendable {
    private let socket: NotifySocket?
    /// How often the manager wants a sign of life; `nil` when it does not.
    let watchdogInterval: Duration?

    private init(socket: NotifySocket?, watchdogInterval: Duration?) {
        self.socket = socket
        self.watchdogInterval = watchdogInterval
    }

    /// Reads what the manager says in the environment; an address that cannot be used is told in the log.
    init(environment: [String: String], process: pid_t = getpid(), log: Logger) {
        var socket: NotifySocket?
        if let name = environment["NOTIFY_SOCKET"], !name.isEmpty {
            do throws(SystemError) {
                socket = try NotifySocket(name)
            } catch {
                log.warning("the service manager hears nothing: NOTIFY_SOCKET: \(error)")
            }
        }
        let isForUs = environment["WATCHDOG_PID"].map { pid_t($0) == process } ?? true
        let wanted = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        self.init(
            socket: socket, watchdogInterval: socket != nil && isForUs && wanted > 0 ? .microseconds(wanted) : nil)
    }

    /// The service serves.
    func ready(_ status: String) { tell("READY=1\nSTATUS=\(Self.line(status))") }

    /// The configuration is being read again; ``ready(_:)`` follows.
    func reloading() {
        let now = (MonotonicTime.now() - MonotonicTime(nanoseconds: 0)).components
        let microseconds = now.seconds * 1_000_000 + now.attoseconds / 1_000_000_000_000
        tell("RELOADING=1\nMONOTONIC_USEC=\(microseconds)")
    }

    /// The service is ending.
    func stopping(_ status: String) { tell("STOPPING=1\nSTATUS=\(Self.line(status))") }

    /// What is going on, for people.
    func status(_ text: String) { tell("STATUS=\(Self.line(text))") }

    /// The service is alive.
    func alive() { tell("WATCHDOG=1") }

    /// Gives the manager a file to keep for the next process (`FileDescriptorStoreMax=`), when there is a manager.
    func keep(_ name: String, _ make: () throws(SystemError) -> SecretFile) throws(SystemError) {
        guard let socket else { return }
        try socket.send("FDSTORE=1\nFDNAME=\(name)", passing: try make().descriptor)
    }

    /// What the manager kept is not needed any more.
    func forget(_ name: String) { tell("FDSTOREREMOVE=1\nFDNAME=\(name)") }

    /// Gives a sign of life twice as often as one is wanted, while the service answers.
    ///
    /// - Parameter answers: Whether it does; asked each time.
    func watch(_ answers: @escaping @Sendable () async -> Bool) async {
        guard let watchdogInterval else { return }
        while !Task.isCancelled {
            if await answers() { alive() }
            try? await Task.sleep(for: watchdogInterval / 2)
        }
    }

    /// What the manager does not take is lost: there is nobody else to tell, and the service goes on.
    private func tell(_ text: String) { _ = try? socket?.send(text) }

    /// A text that cannot begin another assignment.
    private static func line(_ text: String) -> String { escapedForDisplay(text, limit: 200) }
}
