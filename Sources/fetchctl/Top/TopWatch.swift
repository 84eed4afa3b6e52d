import Core
import Glibc

/// The loop of `top`: what the service shows, keys and signals change the model, which is drawn.
struct TopWatch {
    /// How long a key, a signal or news wait at most.
    private static let patience = Duration.milliseconds(100)
    private static let heeded = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH]

    let screen: FullScreen
    let control: ControlClient
    let hasColour: Bool

    /// Runs until the person quits.
    ///
    /// - Returns: The signal that ended it, if one did.
    func run() -> CInt? {
        // Blocked before the feed's thread begins, so that it does not get them.
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in Self.heeded { sigaddset(&signals, signal) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let feed = TopFeed(control)
        feed.start()
        screen.enter()
        defer { screen.leave() }
        var model = TopModel()
        var seen = 0
        draw(model)
        while true {
            var isChanged = false
            if let news = feed.next(after: &seen) {
                isChanged = true
                switch news {
                case .success(let snapshot): model.take(snapshot)
                case .failure(let error): model.problem = "\(error)"
                }
            }
            for key in TopKey.keys(in: screen.keys(within: Self.patience)) {
                isChanged = true
                let page = drawing(model).page(rows: screen.size.rows)
                if model.press(key, page: page) == .quit { return nil }
            }
            var none = timespec()
            let signal = sigtimedwait(&signals, nil, &none)
            switch signal {
            case SIGWINCH: isChanged = true
            case SIGTSTP:
                suspend()
                isChanged = true
            case let signal where signal > 0: return signal
            default: break
            }
            if isChanged { draw(model) }
        }
    }

    private func drawing(_ model: TopModel) -> TopScreen {
        TopScreen(
            model: model, place: control.endpoint.description,
            style: TerminalStyle(width: screen.size.columns, hasColour: hasColour))
    }

    private func draw(_ model: TopModel) { screen.show(drawing(model).lines(rows: screen.size.rows)) }

    /// Gives the terminal to the shell until it continues us.
    private func suspend() {
        screen.leave()
        // Not SIGTSTP, which is blocked here and whose effect this is.
        kill(getpid(), SIGSTOP)
        screen.enter()
    }
}
