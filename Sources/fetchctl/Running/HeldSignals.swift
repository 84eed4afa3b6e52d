import Core
import Glibc

/// Signals that are blocked and taken one by one, so that an interrupted run still revokes and reports.
///
/// Blocking instead of handlers: nothing runs between two instructions of ours, and `sigtimedwait(2)` tells who sent
/// a signal. A signal that was ignored when we were started (as by `nohup`) stays ignored, for COMMAND too.
struct HeldSignals {
    /// A signal that came.
    enum Arrival: Equatable {
        /// Some child changed its state.
        case child
        /// One that ends a program.
        ///
        /// - Parameter fromTerminal: The kernel sent it to the whole foreground group: COMMAND has it already.
        case ending(signal: CInt, fromTerminal: Bool)
    }

    /// The mask of before.
    let before: sigset_t
    private var waited = sigset_t()

    /// Blocks the signals that end a program, `SIGCHLD`, and `SIGPIPE` (whose writes then fail with `EPIPE`).
    init() {
        // An inherited SIG_IGN would make the kernel throw away how children end.
        _ = signal(SIGCHLD, SIG_DFL)
        sigemptyset(&waited)
        sigaddset(&waited, SIGCHLD)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] where !Self.isIgnored(number) { sigaddset(&waited, number) }
        var blocked = waited
        sigaddset(&blocked, SIGPIPE)
        var before = sigset_t()
        pthread_sigmask(SIG_BLOCK, &blocked, &before)
        self.before = before
    }

    /// The next signal, or `nil` when none came within `limit`; without a limit it waits for ever.
    func next(within limit: Duration?) -> Arrival? {
        var set = waited
        var details = siginfo_t()
        let number: CInt
        if let limit {
            let (seconds, fraction) = limit.components
            var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(fraction / 1_000_000_000))
            number = sigtimedwait(&set, &details, &time)
        } else {
            number = sigwaitinfo(&set, &details)
        }
        guard number > 0 else { return nil }
        // sigaction(2): si_code is positive for what the kernel made, 0 or below for what a process sent.
        return number == SIGCHLD ? .child : .ending(signal: number, fromTerminal: details.si_code > 0)
    }

    /// Throws away what has come, then lets the signals have their usual effect.
    func release() {
        while next(within: .zero) != nil {}
        var mask = before
        sigaddset(&mask, SIGPIPE)
        pthread_sigmask(SIG_SETMASK, &mask, nil)
    }

    private static func isIgnored(_ number: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
