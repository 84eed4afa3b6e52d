import Glibc
import Platform

/// The signals that the service heeds, taken one by one on a thread of their own.
enum Signals {
    /// Those that end the service.
    static let ending: [CInt] = [SIGTERM, SIGINT, SIGQUIT]

    /// Holds the signals back from every thread; call it before the first one is started.
    static func hold() {
        Kernel.ignoreBrokenPipes()
        var set = all
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Calls `body` with each signal, on a thread of its own, from now on.
    static func deliver(to body: @escaping @Sendable (CInt) -> Void) {
        startThread(name: "signals") {
            var set = all
            while true {
                var signal: CInt = 0
                guard sigwait(&set, &signal) == 0 else { continue }
                body(signal)
            }
        }
    }

    static func name(of signal: CInt) -> String {
        switch signal {
        case SIGTERM: "SIGTERM"
        case SIGINT: "SIGINT"
        case SIGQUIT: "SIGQUIT"
        case SIGHUP: "SIGHUP"
        default: "signal \(signal)"
        }
    }

    private static var all: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in ending + [SIGHUP] { sigaddset(&set, signal) }
        return set
    }
}
