internal import Core
internal import Platform
internal import Sessions

/// Who listens to live streams: so many at most, and sent away at once when the service stops.
final class LiveListeners: Sendable {
    private struct State {
        var listening: [Int: (session: SessionID, wake: LiveListener.Wake)] = [:]
        var lastKey = 0
        var isStopped = false
    }

    let most: Int
    private let state = Lock(State())

    init(most: Int) { self.most = most }

    /// Lets somebody in who wants to hear of a session; `nil` when there are enough.
    ///
    /// The place is free again when the listener goes.
    func enter(_ session: SessionID) -> LiveListener? {
        state.withLock { state in
            guard !state.isStopped, state.listening.count < most else { return nil }
            let wake = LiveListener.Wake()
            state.lastKey += 1
            state.listening[state.lastKey] = (session, wake)
            return LiveListener(key: state.lastKey, wake: wake, listeners: self)
        }
    }

    /// How many listen; a gauge.
    var count: Int { state.withLock { $0.listening.count } }

    /// Waits until those who listen to a session have heard all that was recorded before, for so long at most.
    func finishTelling(_ session: SessionID, atMost limit: Duration, _ clock: SessionClock) async {
        let wakes = state.withLock { $0.listening.values.filter { $0.session == session }.map(\.wake) }
        guard !wakes.isEmpty else { return }
        let told = wakes.map { ($0, $0.wantsAll()) }
        let timer = Task {
            await clock.sleep(limit)
            for (wake, number) in told { wake.hasToldAll(to: number) }
        }
        for (wake, number) in told { await wake.wait(for: number) }
        timer.cancel()
    }

    /// Ends all streams, for good.
    func stop() {
        let listening = state.withLock { state in
            state.isStopped = true
            return state.listening.values.map(\.wake)
        }
        for wake in listening { wake.stop() }
    }

    fileprivate func leave(_ key: Int) {
        let wake = state.withLock { $0.listening.removeValue(forKey: key)?.wake }
        wake?.hasToldAll(to: .max)
    }
}

/// One of the places among ``LiveListeners``.
final class LiveListener: Sendable {
    /// Cuts a pause short.
    final class Wake: Sendable {
        private struct State {
            var isStopped = false
            var nap: Task<Void, Never>?
            /// Numbers those who want to know when all is told.
            var wanted = 0
            /// For whom it was.
            var told = 0
            var waiting: [(number: Int, latch: AsyncStream<Void>.Continuation)] = []
        }

        private let state = Lock(State())

        /// Waits until the time is over, the stream is to end, or somebody wants all to be told.
        ///
        /// - Returns: Whether the stream goes on.
        fileprivate func pause(_ duration: Duration, _ clock: SessionClock) async -> Bool {
            let nap = Task { await clock.sleep(duration) }
            let isWanted = state.withLock { state in
                state.nap = nap
                return state.isStopped || state.wanted > state.told
            }
            if isWanted { nap.cancel() }
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

        /// Makes the stream tell all there is.
        ///
        /// - Returns: What to wait for.
        func wantsAll() -> Int {
            let (number, nap) = state.withLock { state in
                state.wanted += 1
                return (state.wanted, state.nap)
            }
            nap?.cancel()
            return number
        }

        /// Waits until all is told that was there when it was wanted.
        func wait(for number: Int) async {
            let (stream, latch) = AsyncStream<Void>.makeStream()
            let isTold = state.withLock { state in
                if state.told < number { state.waiting.append((number, latch)) }
                return state.told >= number
            }
            if isTold { return }
            for await _ in stream {}
        }

        /// The last who wants to know.
        fileprivate var wanted: Int { state.withLock { $0.wanted } }

        /// Lets those up to a number go on.
        func hasToldAll(to number: Int) {
            let done = state.withLock { state in
                state.told = max(state.told, number)
                let done = state.waiting.filter { $0.number <= number }
                state.waiting.removeAll { $0.number <= number }
                return done
            }
            for waiter in done { waiter.latch.finish() }
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

    /// Waits until the time is over, the stream is to end, or somebody waits until all is told.
    ///
    /// - Returns: Whether the stream goes on.
    func pause(_ duration: Duration, _ clock: SessionClock) async -> Bool { await wake.pause(duration, clock) }

    /// Who waits until all is told that there is now.
    var waiting: Int { wake.wanted }

    /// Lets them go on.
    func hasToldAll(to waiting: Int) { wake.hasToldAll(to: waiting) }

    /// Ends this stream: the client has gone.
    func stop() { wake.stop() }

    deinit { listeners.leave(key) }
}
