import CLinux
import Glibc

private final class ThreadStart {
    let name: String
    let givesWay: Bool
    let body: @Sendable () -> Void

    init(name: String, givesWay: Bool, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.givesWay = givesWay
        self.body = body
    }
}

/// Starts a detached thread that runs `body` once; the program ends when there is none to be had.
///
/// The name is what `top -H` shows; the kernel keeps its first 15 bytes. One that `givesWay` has a tenth of the share of
/// others (nice 10) where they want the processor that it runs on, and does not keep them waiting when they wake up.
package func startThread(name: String, givesWay: Bool = false, _ body: @escaping @Sendable () -> Void) {
    do {
        try startThreadIfPossible(name: name, givesWay: givesWay, body)
    } catch {
        preconditionFailure("cannot start thread \(name): \(error); raise the limit on processes")
    }
}

/// As ``startThread(name:givesWay:_:)``, for whoever can do without.
///
/// - Throws: ``SystemError``, such as EAGAIN at a limit on processes.
package func startThreadIfPossible(
    name: String, givesWay: Bool = false, _ body: @escaping @Sendable () -> Void
) throws(SystemError) {
    let start = Unmanaged.passRetained(ThreadStart(name: name, givesWay: givesWay, body: body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
            _ = linux_set_thread_name(pthread_self(), String(decoding: start.name.utf8.prefix(15), as: UTF8.self))
            // On Linux this is about the calling thread (setpriority(2), "C library/kernel differences").
            if start.givesWay { setpriority(CInt(PRIO_PROCESS.rawValue), 0, 10) }
            start.body()
            return nil
        }, start.toOpaque())
    pthread_attr_destroy(&attributes)
    guard code == 0 else {
        start.release()
        throw SystemError(call: "pthread_create", code: code)
    }
}
