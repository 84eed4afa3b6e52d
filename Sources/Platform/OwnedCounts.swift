import Synchronization

/// Numbers that one thread changes and any thread may read.
///
/// Changing one is a plain load and a plain store: nobody else writes, so that nothing has to be locked. Whoever has them
/// says which thread that is; where it is another one from time to time, a lock orders the changes.
package final class OwnedCounts: @unchecked Sendable {
    // Sendable because each number is atomic; the pointer never changes.
    private let slots: UnsafeMutablePointer<Atomic<Int>>
    /// How many numbers there are.
    package let count: Int

    /// Makes so many numbers, all 0.
    package init(_ count: Int) {
        precondition(count > 0, "there is something to count")
        self.count = count
        slots = .allocate(capacity: count)
        for index in 0..<count { (slots + index).initialize(to: Atomic(0)) }
    }

    deinit {
        slots.deinitialize(count: count)
        slots.deallocate()
    }

    /// Adds to a number; only by who owns them.
    package func add(_ index: Int, _ amount: Int = 1) {
        precondition(index >= 0 && index < count, "no such number")
        slots[index].store(slots[index].load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// A number as it is now; from any thread.
    package subscript(index: Int) -> Int {
        precondition(index >= 0 && index < count, "no such number")
        return slots[index].load(ordering: .relaxed)
    }

    /// All of them; changes that are made meanwhile may be in some and not in others.
    package var all: [Int] { (0..<count).map { self[$0] } }
}

/// A number that one thread changes and any thread may read; see ``OwnedCounts``.
package struct OwnedCount: ~Copyable, Sendable {
    private let value = Atomic<Int>(0)

    package init() {}

    /// Adds to it; only by who owns it.
    package func add(_ amount: Int = 1) {
        value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Sets it; only by who owns it.
    package func set(_ number: Int) { value.store(number, ordering: .relaxed) }

    /// The number as it is now; from any thread.
    package var current: Int { value.load(ordering: .relaxed) }
}
