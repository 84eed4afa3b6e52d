import Glibc

/// State behind a mutex, reachable only while it is held.
///
/// Over `pthread_mutex_t`, because ThreadSanitizer cannot see `Synchronization.Mutex` in Swift 6.3. Never hold it across
/// `await`, I/O or a callback; it is not recursive. A function belongs into a struct here: as the state itself it would be
/// wrapped once more with every access.
package final class Lock<State: ~Copyable>: @unchecked Sendable {
    // `state` is guarded by `mutex`.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var state: State

    /// - Precondition: The state takes memory: ThreadSanitizer takes accesses to one that does not for accesses to the lock.
    package init(_ state: consuming State) {
        precondition(MemoryLayout<State>.size > 0, "a lock guards something")
        self.state = state
        mutex = .allocate(capacity: 1)
        let code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "pthread_mutex_init: \(code)")
    }

    /// Runs `body` with the state, alone.
    package func withLock<R: ~Copyable, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        let code = pthread_mutex_lock(mutex)
        precondition(code == 0, "pthread_mutex_lock: \(code)")
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }
}
