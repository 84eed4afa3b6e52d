import Synchronization

/// Decides which operation of a run fails: the n-th, counted, never a random one.
package final class FaultPlan: Sendable {
    private let failing = Atomic<Int>(0)
    private let count = Atomic<Int>(0)

    /// Makes a plan in which nothing fails.
    package init() {}

    /// Lets the n-th operation from now on fail, and no other; 0 means none.
    package func arm(failing number: Int) {
        failing.store(number, ordering: .relaxed)
        count.store(0, ordering: .relaxed)
    }

    /// Counts an operation; returns whether it is the one that has to fail.
    package func trips() -> Bool {
        count.add(1, ordering: .relaxed).newValue == failing.load(ordering: .relaxed)
    }

    /// Whether the operation that has to fail has come.
    package var hasFired: Bool {
        let failing = failing.load(ordering: .relaxed)
        return failing > 0 && count.load(ordering: .relaxed) >= failing
    }
}
