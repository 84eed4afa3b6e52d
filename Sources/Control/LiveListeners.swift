internal import Core
internal import Platform
internal import Sessions

/// Who listens to live streams: so many at most, and sent away at once when the service stops.
final class LiveListeners: Sendable {
    private struct State {
        var listening: [Int: LiveListener.Wake] = [:]
        var lastKey = 0
        var isStopped = false
    }

    let most: Int
    private let state = Lock(State())

    init(most: Int) { self.most = most }

    /// Lets somebody in; `nil` when there are enough.
    ///
    /// The place is free again when the listener goes.
    func enter() -> LiveListener? {
        state.withLock { state in
            guard !state.isStopped, state.listening.count < most else { return nil }
            let wake = LiveListener.Wake()
            state.lastKey += 1
            state.listening[state.lastKey] = wake
            return LiveListener(key: state.lastKey, wake: wake, listeners: self)
        }
    }

    /// How many listen; a gauge.
    var count: Int { state.withLock { $0.listening.count } }

    /// Ends all streams, for good.
    func stop() {
        let listening = state.withLock { state in
            state.isStopped = true
            return Array(state.listening.values)
        }
        for wake in listening { wake.stop() }
    }

    fileprivate func leave(_ key: Int) { _ = state.withLock { $0.listening.removeValue(forKey: key) } }
}

/// One of the places among ``LiveListeners``.
final class LiveListener: Sendable {
    /// Cuts a pause short.
    final class Wake: Sendable {
        private struct State {
            var isStopped = false
            var nap: Task<Void, Never>?
        }

        private let state = Lock(State())

        /// Waits until the time is over or the stream is to end.
        ///
        /// - Returns: Whether the stream goes on.
        fileprivate func pause(_ duration: Duration, _ clock: SessionClock) async -> Bool {
            let nap = Task { await clock.sleep(duration) }
            let isStopped = state.withLock { state in
                state.nap = nap
                return state.isStopped
            }
            if isStopped { nap.cancel() }
            await withTaskCancellationHandler {
                await nap.value
            } onCancel: {
                nap.cancel()
            }
            return !state.withLock { $0.isStopped } && !Task.isCancelled
        }

        func stop() {
            let nap = state.withLock { state in
                state.isStopped = true
                return state.nap
            }
            nap?.cancel()
        }
    }

    private let key: Int
    private let wake: Wake
    private let listeners: LiveListeners

    fileprivate init(key: Int, wake: Wake, listeners: LiveListeners) {
        self.key = key
        self.wake = wake
        self.listeners = listeners
    }

    /// Waits until the time is over or the stream is to end.
    ///
    /// - Returns: Whether the stream goes on.
    func pause(_ duration: Duration, _ clock: SessionClock) async -> Bool { await wake.pause(duration, clock) }

    /// Ends this stream: the client has gone.
    func stop() { wake.stop() }

    deinit { listeners.leave(key) }
}
