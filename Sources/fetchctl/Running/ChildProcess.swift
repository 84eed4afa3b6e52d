import Glibc
import Platform

/// Starts programs and tells how they ended.
enum ChildProcess {
    /// How a program ended.
    enum Ending: Equatable, Sendable, CustomStringConvertible {
        case exited(Int32)
        case killed(signal: Int32)

        /// Reads what `waitpid` gave for a process that is gone.
        init(waitStatus: CInt) {
            let signal = waitStatus & 0x7f
            self = signal == 0 ? .exited((waitStatus >> 8) & 0xff) : .killed(signal: signal)
        }

        /// What a shell would give: the status, or 128 and the signal's number.
        var exitStatus: Int32 {
            switch self {
            case .exited(let status): status
            case .killed(let signal): 128 + signal
            }
        }

        var description: String {
            switch self {
            case .exited(let status): "exited with status \(status)"
            case .killed(let signal): "was killed by signal \(signal)"
            }
        }
    }

    /// Starts COMMAND: same terminal, same process group, the signal mask that was in force before `held`.
    ///
    /// - Parameters:
    ///   - words: Program, looked up in `PATH`, and its arguments, as bytes without NUL.
    ///   - environment: All its variables.
    ///   - held: The signals that this process holds back; the child gets the mask of before.
    /// - Returns: Its process id.
    /// - Throws: ``SystemError`` with the `errno` of the attempt (`ENOENT`, `EACCES` …).
    static func start(
        _ words: [[UInt8]], environment: ProcessEnvironment, held: HeldSignals
    ) throws(SystemError) -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = held.before
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        return try spawn(words, environment: environment, attributes: &attributes, actions: nil)
    }

    /// Starts a program that outlives us: a session of its own, nothing of our terminal, no descriptor or signal
    /// mask of ours.
    ///
    /// Its standard output and error go to the descriptor `output`.
    static func startDetached(
        _ program: String, arguments: [String], environment: ProcessEnvironment, output: CInt
    ) throws(SystemError) -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, setSession | Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        // Pipes that a shell gave us must not stay open as long as the service lives.
        for number in inheritableDescriptors() { posix_spawn_file_actions_addclose(&actions, number) }
        let words = ([program] + arguments).map { Array($0.utf8) }
        // It must not keep the folder busy in which the person happens to be. This process has one thread.
        let here = try Kernel.open(".", O_RDONLY | O_DIRECTORY)
        _ = chdir("/")
        defer { _ = fchdir(here.number) }
        return try withUnsafePointer(to: &actions) { (actions) throws(SystemError) in
            try spawn(words, environment: environment, attributes: &attributes, actions: actions)
        }
    }

    /// `POSIX_SPAWN_SETSID` of glibc's spawn.h, which Swift does not import: the child begins a session.
    private static let setSession: Int16 = 0x80

    /// The descriptors above standard error that a new program would get.
    private static func inheritableDescriptors() -> [CInt] {
        ((try? Kernel.names(inFolder: "/proc/self/fd")) ?? []).compactMap { CInt($0) }.filter { number in
            let flags = fcntl(number, F_GETFD)
            return number > STDERR_FILENO && flags >= 0 && flags & FD_CLOEXEC == 0
        }
    }

    private static func spawn(
        _ words: [[UInt8]], environment: ProcessEnvironment, attributes: inout posix_spawnattr_t,
        actions: UnsafePointer<posix_spawn_file_actions_t>?
    ) throws(SystemError) -> pid_t {
        var process = pid_t()
        let arguments = CStringList(words)
        let variables = CStringList(environment.entries)
        let code = withExtendedLifetime((arguments, variables)) { () -> CInt in
            guard let program = arguments.pointers.first, let program else { return ENOENT }
            return posix_spawnp(&process, program, actions, &attributes, arguments.pointers, variables.pointers)
        }
        guard code == 0 else {
            throw SystemError(call: "posix_spawnp", code: code)
        }
        return process
    }
}

/// Copies of texts in C's form, with the null pointer at the end that execve(2) wants; freed with this object.
private final class CStringList {
    let pointers: [UnsafeMutablePointer<CChar>?]

    init(_ texts: [[UInt8]]) {
        pointers =
            texts.map { bytes in
                let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
                for (index, byte) in bytes.enumerated() { copy[index] = CChar(bitPattern: byte) }
                copy[bytes.count] = 0
                return copy
            } + [nil]
    }

    deinit {
        for pointer in pointers { pointer?.deallocate() }
    }
}
