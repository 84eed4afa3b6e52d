import CLinux
import Glibc

extension Kernel {
    package static var processID: CInt { getpid() }

    /// Sends a signal; signal 0 only asks whether the process is there.
    package static func kill(_ process: CInt, _ signal: CInt) throws(SystemError) {
        try checked("kill", "\(process)") { Glibc.kill(process, signal) }
    }

    /// Fills a buffer from the kernel's generator.
    package static func getrandom(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            done += try checked("getrandom") { CLinux.getrandom(rest.baseAddress, rest.count, 0) }
        }
    }

    /// How many processors this process may run on.
    package static var processorCount: Int { max(1, Int(linux_processors())) }

    /// Takes a variable out of the environment, and overwrites its value where the kernel shows it (`/proc/PID/environ`).
    ///
    /// Before other threads start, since they may read the environment.
    package static func eraseVariable(_ name: String) {
        // getenv(3): the value "in the environment", which is the process's own block as long as nobody has set it.
        if let value = getenv(name) { explicit_bzero(value, strlen(value)) }
        unsetenv(name)
    }

    /// Makes writes to a closed pipe an error instead of the end of the process.
    package static func ignoreBrokenPipes() { _ = Glibc.signal(SIGPIPE, SIG_IGN) }
}

/// Keeps memory with keys and tokens out of core files and away from other processes of the same user (prctl(2)).
package func makeProcessUndumpable() throws(SystemError) {
    try Kernel.checked("prctl PR_SET_DUMPABLE") { linux_set_dumpable(0) }
}

/// Whether core files and tracing by the same user are possible.
package var processIsDumpable: Bool { linux_get_dumpable() != 0 }

/// How many descriptors the process may have.
package struct ProcessLimits: Sendable, Hashable {
    /// What the kernel enforces now.
    package var softDescriptors: Int
    /// How far the soft limit may be raised.
    package var hardDescriptors: Int

    /// Reads the limits of this process.
    package static func current() throws(SystemError) -> ProcessLimits {
        var limit = rlimit()
        try Kernel.checked("getrlimit") { getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
        return ProcessLimits(
            softDescriptors: Int(clamping: limit.rlim_cur), hardDescriptors: Int(clamping: limit.rlim_max))
    }

    /// Raises the soft limit as far as it goes, but not beyond `wanted`; never lowers it.
    ///
    /// - Returns: The limits then.
    package static func raised(upTo wanted: Int = 1 << 20) throws(SystemError) -> ProcessLimits {
        let limits = try current()
        let target = min(wanted, limits.hardDescriptors)
        guard target > limits.softDescriptors else { return limits }
        var limit = rlimit(rlim_cur: rlim_t(target), rlim_max: rlim_t(limits.hardDescriptors))
        try Kernel.checked("setrlimit") { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
        return try current()
    }
}
