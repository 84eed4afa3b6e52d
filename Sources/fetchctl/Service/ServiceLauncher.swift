import Core
import Glibc
import Platform

/// Starts a `fetch-service` for this user and waits until it answers.
struct ServiceLauncher {
    let folder: StateFolder
    let environment: ProcessEnvironment
    /// How long the service may take.
    var patience = Duration.seconds(10)
    /// The program; `nil` looks for it.
    var program: String?

    /// A longer log is put aside at a start; the one put aside before goes.
    private static let longestLog: Int64 = 8 << 20

    /// What the service is told: only this machine reaches it, and it goes when nobody has used it for a minute.
    func arguments() -> [String] {
        [
            "--bind", "127.0.0.1", "--proxy-port", "0", "--control-port", "0", "--idle-shutdown", "60",
            "--permissive-mode", "--log-file", folder.log,
        ]
    }

    /// Starts the service unless another `fetchctl` is just doing so, and waits until it answers.
    ///
    /// - Parameter find: Looks whether a service answers; asked again and again.
    /// - Returns: The service that answered.
    /// - Throws: ``ServiceError`` with the end of the log when none answers in time.
    func start(_ find: () throws -> Service?) throws -> Service {
        do {
            try folder.make()
        } catch {
            throw ServiceError("cannot make the service's state folder: \(Shown.text("\(error)"))")
        }
        let deadline = MonotonicTime.now() + patience
        while MonotonicTime.now() < deadline {
            // Another one that holds the lock is starting a service, which will be ours too.
            if let lock = try FileLock.tryLock(folder.startLock) {
                defer { withExtendedLifetime(lock) {} }
                if let service = try find() { return service }
                return try startAlone(until: deadline, find)
            }
            if let service = try find() { return service }
            Self.pause()
        }
        throw failure("another fetchctl has been starting the service for \(patience) and is not done", logStart: 0)
    }

    private func startAlone(until deadline: MonotonicTime, _ find: () throws -> Service?) throws -> Service {
        let program = try program ?? Self.program(environment: environment)
        let log: OwnedDescriptor
        do {
            if let size = try Kernel.stat(folder.log)?.size, size > Self.longestLog {
                try Kernel.rename(folder.log, to: folder.log + ".old")
            }
            log = try Kernel.open(folder.log, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
        } catch {
            throw ServiceError("cannot write the service's log: \(Shown.text("\(error)"))")
        }
        let logStart = try Kernel.fstat(log.number).size
        // It makes credentials of its own: those in our environment are another service's.
        var inherited = environment
        inherited.apply([EnvironmentChange("FETCH_SERVICE_AUTH", nil)])
        let process: pid_t
        do {
            process = try ChildProcess.startDetached(
                program, arguments: arguments(), environment: inherited, output: log.number)
        } catch {
            throw ServiceError("cannot start \(Shown.text(program)): \(SystemError.text(of: error.code))")
        }
        var isReaped = false
        defer { if !isReaped { Self.reapWhenItEnds(process) } }
        while MonotonicTime.now() < deadline {
            if let service = try find() { return service }
            var status: CInt = 0
            if waitpid(process, &status, WNOHANG) == process {
                isReaped = true
                let end = ChildProcess.Ending(waitStatus: status)
                throw failure("the service \(end) before it was ready", logStart: logStart)
            }
            Self.pause()
        }
        throw failure("the service did not answer within \(patience)", logStart: logStart)
    }

    private static func pause() { usleep(20_000) }

    /// Takes the service's status when it ends before we do, so that no zombie of it stays.
    private static func reapWhenItEnds(_ process: pid_t) {
        startThread(name: "reaper") {
            var status: CInt = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
        }
    }

    private func failure(_ what: String, logStart: Int64) -> ServiceError {
        let lines = Self.lastLines(of: folder.log, from: logStart)
        guard !lines.isEmpty else { return ServiceError("\(what); its log \(Shown.text(folder.log)) says nothing") }
        let shown = lines.map { "    " + Shown.text($0, limit: 400) }.joined(separator: "\n")
        return ServiceError("\(what); the end of \(Shown.text(folder.log)):\n\(shown)")
    }

    /// The last lines of a log, of those written after `start`.
    static func lastLines(of path: String, from start: Int64, count: Int = 10) -> [String] {
        guard let file = try? Kernel.open(path, O_RDONLY), let size = try? Kernel.fstat(file.number).size else {
            return []
        }
        let first = max(start, size - 16384)
        guard first < size else { return [] }
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(size - first), alignment: 1)
        defer { bytes.deallocate() }
        guard let read = try? Kernel.preadFully(file.number, into: bytes, offset: first) else { return [] }
        let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<read]), as: UTF8.self)
        return text.split(separator: "\n").suffix(count).map(String.init)
    }

    /// The `fetch-service` beside this program, else the first in `PATH`.
    static func program(environment: ProcessEnvironment) throws(ServiceError) -> String {
        var candidates: [String] = []
        if let own = ownPath(), let end = own.lastIndex(of: "/") {
            candidates.append(own[..<end] + "/fetch-service")
        }
        candidates += (environment["PATH"] ?? "").split(separator: ":").map { $0 + "/fetch-service" }
        for candidate in candidates where candidate.hasPrefix("/") && access(candidate, X_OK) == 0 {
            return candidate
        }
        throw ServiceError(
            "no service is running, and there is no fetch-service beside fetchctl or in PATH to start; "
                + "install it, or name a running one with --url")
    }

    private static func ownPath() -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            guard let start = buffer.baseAddress else { return nil }
            let count = readlink("/proc/self/exe", start, buffer.count)
            guard count > 0 else { return nil }
            return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
