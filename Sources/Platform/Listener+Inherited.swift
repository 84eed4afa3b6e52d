import Glibc

extension Listener {
    /// Takes over a listening TCP socket that this process was started with; non-blocking and closed on `exec` from then on.
    ///
    /// - Parameter number: Its descriptor, which nobody else uses.
    /// - Returns: `nil` when there is no such socket.
    package static func inherited(_ number: CInt) -> Listener? {
        guard option(number, SO_ACCEPTCONN) == 1, option(number, SO_TYPE) == CInt(SOCK_STREAM.rawValue),
            [AF_INET, AF_INET6].contains(option(number, SO_DOMAIN) ?? -1)
        else { return nil }
        let descriptor = SharedDescriptor(adopting: number)
        let flags = fcntl(number, F_GETFD)
        guard flags >= 0, fcntl(number, F_SETFD, flags | FD_CLOEXEC) == 0,
            (try? Kernel.setNonBlocking(number, true)) != nil
        else { return nil }
        return Listener(adopting: descriptor)
    }

    /// By hand, since here a descriptor that is none is somebody else's mistake, not ours.
    private static func option(_ number: CInt, _ name: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(number, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }
}
