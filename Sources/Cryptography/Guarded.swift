import COpenSSL

/// State behind one of OpenSSL's locks: this target imports Core only, so it does without `System.Lock`.
final class Guarded<State>: @unchecked Sendable {
    // `state` is guarded by `lock`.
    private let lock: UnsafeMutableRawPointer
    private var state: State

    init(_ state: State) {
        guard let lock = CRYPTO_THREAD_lock_new() else { preconditionFailure("out of memory for a lock") }
        self.lock = lock
        self.state = state
    }

    func withLock<R, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        let locked = CRYPTO_THREAD_write_lock(lock)
        precondition(locked == 1, "cannot lock")
        defer { CRYPTO_THREAD_unlock(lock) }
        return try body(&state)
    }

    deinit { CRYPTO_THREAD_lock_free(lock) }
}
