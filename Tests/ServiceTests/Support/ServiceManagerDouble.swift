import Core
import Foundation
import Glibc
import Platform
import PlatformTesting

@testable import fetchctl

/// Plays the service manager: listening sockets that outlive the service, a socket on which the service reports, and what
/// it gives to keep.
final class ServiceManagerDouble {
    static let credentials = "farm:pass:word"

    let folder: TemporaryFolder
    /// The sockets that are passed, in their order, with their names.
    var sockets: [(name: String, descriptor: SharedDescriptor)]
    let proxy: Listener
    let control: Listener
    /// What services gave to keep and did not want forgotten, for those started later.
    private(set) var kept: [(name: String, descriptor: SharedDescriptor)] = []
    private let reports: ReportSocket

    init(in folder: TemporaryFolder, abstract: Bool = false) throws {
        self.folder = folder
        proxy = try Listener(.loopback4(port: 0))
        control = try Listener(.loopback4(port: 0))
        sockets = [("proxy", proxy.descriptor), ("control", control.descriptor)]
        reports = try ReportSocket(abstract ? "@fetch-service-test-\(UUID().uuidString)" : folder.file("notify"))
    }

    var controlClient: ControlClient {
        get throws {
            ControlClient(
                endpoint: try ControlEndpoint("http://\(control.address)"), credentials: Self.credentials)
        }
    }

    /// Starts the service with the sockets.
    ///
    /// - Parameters:
    ///   - name: What the files with its output are named after.
    ///   - arguments: Beside state and configuration folder.
    ///   - environment: Beside what the manager says.
    ///   - names: What is said of the sockets' names; their own unless told.
    /// - Returns: Its process.
    /// - Throws: When it cannot be started.
    func start(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:], names: String? = nil
    ) throws -> ManagedProcess {
        while let report = try reports.next() { heed(report) }
        let passed = sockets + kept
        var all = [
            "NOTIFY_SOCKET": reports.name, "LISTEN_FDS": "\(passed.count)",
            "LISTEN_FDNAMES": names ?? passed.map(\.name).joined(separator: ":"),
            "FETCH_SERVICE_AUTH": Self.credentials,
        ]
        all.merge(environment) { $1 }
        return try ManagedProcess(
            [
                ServiceProcess.program, "--spool", folder.file("state"), "--config", folder.file("conf"),
                "--log-file", folder.file("\(name).log"),
            ] + arguments,
            environment: all, passing: passed.map(\.descriptor), output: folder.file("\(name).out"))
    }

    /// Waits for a report that has a line.
    ///
    /// - Returns: The report; `nil` when none came.
    func waitForReport(_ line: String, atMost limit: Duration = .seconds(20)) throws -> String? {
        let deadline = MonotonicTime.now() + limit
        while MonotonicTime.now() < deadline {
            guard let report = try reports.next() else { continue }
            heed(report)
            if report.lines.contains(where: { $0 == line || $0.hasPrefix(line + "=") }) { return report.text }
        }
        return nil
    }

    /// Keeps and forgets what a report wants kept or forgotten, as the store of descriptors does.
    private func heed(_ report: ReportSocket.Report) {
        guard let name = report.lines.first(where: { $0.hasPrefix("FDNAME=") })?.dropFirst("FDNAME=".count) else {
            return
        }
        if report.lines.contains("FDSTOREREMOVE=1") { kept.removeAll { $0.name == name } }
        if report.lines.contains("FDSTORE=1"), let descriptor = report.descriptor {
            kept.append((String(name), descriptor))
        }
    }

    /// Waits until a text is in a service's log.
    func waitForLog(_ text: String, of name: String) -> Bool {
        eventually { folder.text("\(name).log").contains(text) }
    }
}

/// A socket for datagrams at a path, or at an abstract name.
final class ReportSocket {
    let name: String
    private let socket: SharedDescriptor

    init(_ name: String) throws {
        self.name = name
        socket = SharedDescriptor(
            adopting: Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        var patience = timeval(tv_sec: 0, tv_usec: 50_000)
        setsockopt(socket.raw, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var path = Array(name.utf8)
        if path.first == UInt8(ascii: "@") { path[0] = 0 } else { path.append(0) }
        let address = withUnsafeBytes(of: sa_family_t(AF_UNIX)) { Array($0) } + path
        let code = address.withUnsafeBytes { bytes in
            Glibc.bind(
                socket.raw, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
        guard code == 0 else { throw SystemError(call: "bind \(name)", code: errno) }
    }

    /// One datagram, and the descriptor that came with it.
    struct Report {
        var text: String
        var descriptor: SharedDescriptor?

        var lines: [Substring] { text.split(separator: "\n") }
    }

    /// The next datagram; `nil` when none has come for a moment.
    func next() throws -> Report? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var descriptors: [SharedDescriptor] = []
        let result = buffer.withUnsafeMutableBytes { Kernel.recv(socket.raw, into: $0, descriptors: &descriptors) }
        guard case .count(let count) = result else { return nil }
        return Report(text: String(decoding: buffer.prefix(count), as: UTF8.self), descriptor: descriptors.first)
    }
}

/// A process that was given descriptors from 3 on; it is ended with this object.
final class ManagedProcess {
    let id: pid_t
    private var status: Int32?

    /// Starts a program by a shell, which says in `LISTEN_PID` what the program's number is.
    init(
        _ words: [String], environment: [String: String], passing descriptors: [SharedDescriptor], output: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        // Out of the way first: one of them may be number 3 here.
        let copies = descriptors.map { SharedDescriptor(adopting: fcntl($0.raw, F_DUPFD_CLOEXEC, 100)) }
        for (index, copy) in copies.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, copy.raw, 3 + CInt(index))
        }
        let script = "LISTEN_PID=${LISTEN_PID:-$$}; export LISTEN_PID; exec \"$0\" \"$@\""
        var arguments: [UnsafeMutablePointer<CChar>?] = (["/bin/sh", "-c", script] + words).map { strdup($0) }
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
        arguments.append(nil)
        variables.append(nil)
        defer { for text in arguments + variables { free(text) } }
        var id = pid_t()
        let code = posix_spawn(&id, "/bin/sh", &actions, nil, arguments, variables)
        guard code == 0 else { throw SystemError(call: "posix_spawn", code: code) }
        self.id = id
        withExtendedLifetime(copies) {}
    }

    deinit {
        if end(atMost: .zero) == nil {
            kill(id, SIGKILL)
            _ = end()
        }
    }

    func signal(_ signal: CInt) { kill(id, signal) }

    /// Waits until it has gone.
    ///
    /// - Returns: Its exit status, or 1000 and a signal's number; `nil` when it still runs.
    func end(atMost limit: Duration = .seconds(40)) -> Int32? {
        let deadline = MonotonicTime.now() + limit
        while status == nil {
            var raw: CInt = 0
            if waitpid(id, &raw, WNOHANG) == id {
                status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 1000 + (raw & 0x7f)
            } else if MonotonicTime.now() >= deadline {
                return nil
            } else {
                usleep(2000)
            }
        }
        return status
    }
}
