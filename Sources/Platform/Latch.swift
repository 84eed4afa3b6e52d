package import Core

/// Opens once, after so many signals, and stays open.
package final class Latch: Sendable {
    private let remaining: Monitor<Int>

    package init(count: Int = 1) { remaining = Monitor(count) }

    /// Takes one from the count; signals beyond it change nothing.
    package func signal() {
        remaining.change { $0 = max(0, $0 - 1) }
    }

    package var isOpen: Bool { remaining.withLock { $0 == 0 } }

    /// Blocks until the latch is open.
    ///
    /// - Returns: `false` when the deadline passed first.
    @discardableResult
    package func wait(until deadline: MonotonicTime? = nil) -> Bool {
        remaining.wait(until: deadline) { $0 == 0 ? true : nil } ?? false
    }

    /// Blocks until the latch is open, at most for `limit`.
    @discardableResult
    package func wait(atMost limit: Duration) -> Bool {
        wait(until: MonotonicTime.now() + limit)
    }
}

/// A count of permits that threads take and give back.
package final class Semaphore: Sendable {
    private let permits: Monitor<Int>

    package init(_ permits: Int = 0) { self.permits = Monitor(permits) }

    package func signal() {
        permits.changeForOne { $0 += 1 }
    }

    /// Takes a permit, blocking until there is one.
    ///
    /// - Returns: `false` when the deadline passed first.
    @discardableResult
    package func wait(until deadline: MonotonicTime? = nil) -> Bool {
        let taken: Void? = permits.wait(until: deadline) { count in
            guard count > 0 else { return nil }
            count -= 1
            return ()
        }
        return taken != nil
    }

    /// Takes a permit, blocking at most for `limit`.
    @discardableResult
    package func wait(atMost limit: Duration) -> Bool {
        wait(until: MonotonicTime.now() + limit)
    }
}
