internal import Core
internal import Cryptography
internal import Platform
internal import Wire

/// Lets in whoever knows the administrator's password; guesses are slowed, those of tokens as well.
final class AdminGate: Sendable {
    private struct Failures {
        var count: Int
        var waiting: Int
        var last: MonotonicTime
    }

    /// Addresses that are remembered; beyond it the one that failed longest ago is forgotten.
    private static let mostAddresses = 1024
    /// Answers to failed logins that one address may be waiting for.
    private static let mostWaiting = 16
    /// After so long without a failure an address starts anew.
    private static let memory = Duration.seconds(60)

    private let user: [UInt8]
    private let password: [UInt8]
    private let delay: Duration
    private let longestDelay: Duration
    private let now: @Sendable () -> MonotonicTime
    private let sleep: @Sendable (Duration) async throws -> Void
    private let failures = Lock<[String: Failures]>([:])

    init(
        settings: ControlSettings, now: @escaping @Sendable () -> MonotonicTime = { .now() },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        user = Array(settings.user.utf8)
        password = Array(settings.password.utf8)
        delay = settings.loginDelay
        longestDelay = settings.longestLoginDelay
        self.now = now
        self.sleep = sleep
    }

    /// What becomes of a request.
    enum Verdict: Sendable, Equatable {
        case admitted
        /// The credentials are absent or wrong; this verdict may have been held back for a while.
        case unauthorized
        /// Too many wrong ones came from this address.
        case refused
    }

    /// Checks the credentials of a request.
    ///
    /// - Parameters:
    ///   - value: The request's `Authorization`.
    ///   - address: Where the request comes from.
    /// - Returns: Whether the request may go on.
    /// - Throws: When the wait is cancelled.
    func verdict(on value: String?, from address: String) async throws -> Verdict {
        // Most clients ask without credentials first: that is no guess.
        guard let value else { return .unauthorized }
        if let given = BasicCredentials(fieldValue: value) {
            // Both are compared, whatever the first comes to.
            let isUser = equalInConstantTime(Array(given.user.utf8), user)
            let isPassword = equalInConstantTime(Array(given.password.utf8), password)
            if isUser && isPassword { return .admitted }
        }
        return try await holdBack(from: address) ? .unauthorized : .refused
    }

    /// Waits before a guess from an address is told to be wrong, longer with each.
    ///
    /// What is right never comes here.
    ///
    /// - Returns: `false` at once when too many answers to the address wait already.
    /// - Throws: When the wait is cancelled.
    func holdBack(from address: String) async throws -> Bool {
        guard let pause = enter(address) else { return false }
        defer { leave(address) }
        try await sleep(pause)
        return true
    }

    /// Notes a failure and tells how long its answer has to wait; `nil` when too many wait already.
    private func enter(_ address: String) -> Duration? {
        let now = now()
        return failures.withLock { failures in
            var entry = failures[address] ?? Failures(count: 0, waiting: 0, last: now)
            guard entry.waiting < Self.mostWaiting else { return nil }
            if now - entry.last > Self.memory { entry.count = 0 }
            let pause = min(delay * (1 << min(entry.count, 16)), longestDelay)
            entry.count += 1
            entry.waiting += 1
            entry.last = now
            failures[address] = entry
            if failures.count > Self.mostAddresses,
                let oldest = failures.filter({ $0.value.waiting == 0 }).min(by: { $0.value.last < $1.value.last })
            {
                failures[oldest.key] = nil
            }
            return pause
        }
    }

    private func leave(_ address: String) {
        failures.withLock { $0[address]?.waiting -= 1 }
    }
}
