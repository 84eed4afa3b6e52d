import Core
import Glibc
import Platform

/// A terminal in which a test runs a program.
final class PseudoTerminal {
    private let ours: OwnedDescriptor
    private let path: String
    private(set) var process = pid_t()
    /// Everything that the program has shown.
    private(set) var shown = ""

    init() throws {
        // pts(4); the C library's calls for it are left out of its module.
        let terminal = try Kernel.open("/dev/ptmx", O_RDWR | O_NOCTTY)
        let number = terminal.number
        var (isLocked, name) = (CInt(0), CUnsignedInt(0))
        guard ioctl(number, 0x4004_5431 /* TIOCSPTLCK */, &isLocked) == 0,
            ioctl(number, 0x8004_5430 /* TIOCGPTN */, &name) == 0
        else { throw SystemError(call: "ioctl of a terminal", code: errno) }
        path = "/dev/pts/\(name)"
        ours = terminal
        try Kernel.setNonBlocking(number, true)
    }

    func resize(rows: UInt16, columns: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(ours.number, UInt(TIOCSWINSZ), &size)
    }

    /// How the terminal is now.
    var mode: termios {
        var mode = termios()
        _ = tcgetattr(ours.number, &mode)
        return mode
    }

    /// Whether lines are edited and shown, as a shell has it.
    var isUsual: Bool { mode.c_lflag & tcflag_t(ICANON) != 0 && mode.c_lflag & tcflag_t(ECHO) != 0 }

    /// Starts a program whose terminal this is.
    func start(_ program: String, _ arguments: [String], environment: [String: String]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // In a session of its own, the first terminal that is opened becomes its terminal.
        posix_spawn_file_actions_addopen(&actions, 0, path, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // POSIX_SPAWN_SETSID, which the module leaves out.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | 0x80))
        let words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        let variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        let code = posix_spawn(&process, program, &actions, &attributes, words, variables)
        guard code == 0 else { throw SystemError(call: "posix_spawn", code: code) }
    }

    func type(_ keys: String) { _ = Array(keys.utf8).withUnsafeBytes { Kernel.write(ours.number, $0) } }

    /// Waits until something holds, reading what the program shows meanwhile.
    func wait(atMost limit: Duration = .seconds(20), until holds: (PseudoTerminal) -> Bool) -> Bool {
        let deadline = MonotonicTime.now() + limit
        while true {
            read()
            if holds(self) { return true }
            guard MonotonicTime.now() < deadline else { return false }
            // Between two looks at what is waited for.
            usleep(5000)
        }
    }

    /// Forgets what was shown and waits until a text is.
    func waits(for text: String) -> Bool { wait { $0.shown.contains(text) } }

    func forget() { shown = "" }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case .count(let count) = buffer.withUnsafeMutableBytes({ Kernel.read(ours.number, into: $0) }), count > 0
        {
            shown += String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// Waits for the end of the program.
    ///
    /// - Returns: Its status as a shell gives it; `nil` when it does not end.
    func end(atMost limit: Duration = .seconds(20)) -> Int32? {
        var result: Int32?
        _ = wait(atMost: limit) { _ in
            var status: CInt = 0
            guard waitpid(process, &status, WNOHANG) == process else { return false }
            let signal = status & 0x7f
            result = signal == 0 ? (status >> 8) & 0xff : 128 + signal
            return true
        }
        read()
        if result != nil { process = 0 }
        return result
    }

    deinit {
        guard process > 0 else { return }
        kill(process, SIGKILL)
        var status: CInt = 0
        waitpid(process, &status, 0)
    }
}
