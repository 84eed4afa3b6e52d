import Glibc
import Platform

/// What a service manager started us with (sd_listen_fds(3)): listening sockets, and what our predecessor gave it to keep.
///
/// The sockets outlive the process: while one service has ended and the next has not begun, connections wait in their
/// backlog.
struct ManagerDescriptors {
    private(set) var proxy: Listener?
    private(set) var control: Listener?
    /// The credentials of the sessions that were open when the last process was told to end.
    private var secrets: SecretFile?

    /// What the file with the credentials is called.
    static let secretsName = "secrets"

    /// The number of the first descriptor that is passed.
    private static let first: CInt = 3

    /// Nothing.
    init() {}

    /// Takes over what the environment speaks of; the sockets are named `proxy` and `control` (`FileDescriptorName=`), or
    /// come in that order without names.
    ///
    /// - Throws: ``StartFailure`` when there is anything else among them.
    init(environment: [String: String], process: pid_t = getpid()) throws(StartFailure) {
        // Variables for another process, which we have inherited from it.
        guard let text = environment["LISTEN_FDS"], environment["LISTEN_PID"].flatMap({ pid_t($0) }) == process else {
            return
        }
        guard let count = CInt(text), (0...64).contains(count) else {
            throw .service("cannot start service: LISTEN_FDS is '\(text)', which is no number of descriptors")
        }
        let given = environment["LISTEN_FDNAMES"].map { $0.split(separator: ":", omittingEmptySubsequences: false) }
        guard given.map({ $0.count == Int(count) }) ?? true else {
            throw .service("cannot start service: LISTEN_FDNAMES does not name each of the \(count) descriptors")
        }
        let names = given ?? ["proxy", "control"]
        for index in 0..<Int(count) {
            if names.indices.contains(index), names[index] == Self.secretsName, secrets == nil {
                guard let file = SecretFile(adopting: Self.first + CInt(index)) else {
                    throw .service(
                        "cannot start service: what was passed as '\(Self.secretsName)' is no file in memory of ours; "
                            + "stop the service, which makes the manager forget it, and start it again")
                }
                secrets = file
                continue
            }
            guard names.indices.contains(index), ["proxy", "control"].contains(names[index]) else {
                let name = names.indices.contains(index) ? "named '\(names[index])'" : "number \(index + 1)"
                throw .service(
                    "cannot start service: a socket \(name) was passed; give each socket unit FileDescriptorName=proxy or "
                        + "FileDescriptorName=control")
            }
            guard let listener = Listener.inherited(Self.first + CInt(index)) else {
                throw .service(
                    "cannot start service: the socket '\(names[index])' that was passed does not listen for TCP; use "
                        + "ListenStream= and Accept=no")
            }
            guard (names[index] == "proxy" ? proxy : control) == nil else {
                throw .service("cannot start service: two sockets named '\(names[index])' were passed; give one")
            }
            if names[index] == "proxy" { proxy = listener } else { control = listener }
        }
    }

    /// The credentials that were handed over; they are with the caller alone then, and closed when it lets go.
    mutating func takeSecrets() -> SecretFile? {
        defer { secrets = nil }
        return secrets
    }

    /// Whether there are sockets.
    var haveSockets: Bool { proxy != nil || control != nil }
}
