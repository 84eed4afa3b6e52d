import Glibc
import Platform
import PlatformTesting

/// Runs programs to their end and gives what they wrote.
enum Program {
    struct Result {
        /// As a shell gives it.
        var status: Int32
        var output: String
        var errors: String
    }

    /// The `fetchctl` that was built with these tests.
    static let fetchctl: String? = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let end = own.lastIndex(of: "/") else { return nil }
        let path = own[..<end] + "/fetchctl"
        return access(String(path), X_OK) == 0 ? String(path) : nil
    }()

    /// Where a program of the system is, `nil` when it is not installed.
    static func find(_ name: String) -> String? {
        ["/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + name }.first { access($0, X_OK) == 0 }
    }

    /// Runs a program with a signal mask of its own: the threads of the tests block signals.
    ///
    /// It gets our variables unless `environment` holds others; `afterStart` is called with its process id while it runs.
    static func run(
        _ path: String, _ arguments: [String], environment: [String: String]? = nil,
        afterStart: ((pid_t) throws -> Void)? = nil
    ) throws -> Result {
        let folder = try TemporaryFolder()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, folder.file("out"), O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, folder.file("err"), O_WRONLY | O_CREAT, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        let variables = environment?.map { strdup("\($0.key)=\($0.value)") } ?? []
        defer { for text in words + variables { free(text) } }
        var process = pid_t()
        let code = posix_spawn(
            &process, path, &actions, &attributes, words, environment == nil ? inherited() : variables + [nil])
        guard code == 0 else { throw SystemError(call: "posix_spawn \(path)", code: code) }
        try afterStart?(process)
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return Result(
            status: signal == 0 ? (status >> 8) & 0xff : 128 + signal, output: folder.text("out"),
            errors: folder.text("err"))
    }

    private static func inherited() -> [UnsafeMutablePointer<CChar>?] {
        var entries: [UnsafeMutablePointer<CChar>?] = []
        while let entry = environ[entries.count] { entries.append(entry) }
        return entries + [nil]
    }
}
