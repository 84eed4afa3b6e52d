import Core
import Platform

/// Asks the service again and again on a thread of its own, so that the screen lives while the service does not answer.
final class TopFeed: Sendable {
    /// Between two questions.
    private static let interval = Duration.seconds(1)

    private struct State {
        var latest: Result<TopSnapshot, ControlError>?
        var count = 0
    }

    private let control: ControlClient
    private let state = Lock(State())

    init(_ control: ControlClient) {
        var control = control
        control.patience.usual = .seconds(5)
        self.control = control
    }

    /// Begins to ask; the thread ends with the program.
    func start() {
        startThread(name: "feed") { [self] in
            let pause = Latch()
            while true {
                let result = Self.snapshot(of: control)
                state.withLock { state in
                    state.latest = result
                    state.count += 1
                }
                pause.wait(atMost: Self.interval)
            }
        }
    }

    /// What the service showed last, when that is not what was seen already.
    ///
    /// - Parameter seen: How many have been seen; changes with each that is new.
    /// - Returns: `nil` when there is nothing new.
    func next(after seen: inout Int) -> Result<TopSnapshot, ControlError>? {
        state.withLock { state in
            guard state.count != seen else { return nil }
            seen = state.count
            return state.latest
        }
    }

    /// Asks once.
    static func snapshot(of control: ControlClient) -> Result<TopSnapshot, ControlError> {
        do throws(ControlError) {
            let sessions = try control.sessions()
            let transfers = try control.transfers()
            return .success(
                TopSnapshot(
                    sessions: sessions.compactMap(ListedSession.init),
                    transfers: transfers.compactMap(ListedTransfer.init), taken: .now(), time: .now()))
        } catch {
            return .failure(error)
        }
    }
}
