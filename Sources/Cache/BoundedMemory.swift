/// A dictionary with a budget: what is used stays, what is not makes room (SIEVE).
///
/// One visited bit an entry, set on each use; a hand walks from the oldest to the newest, clears bits and evicts the first
/// entry without one. A scan of things used once passes through without driving out what is used again. All operations
/// are O(1) amortised.
///
/// - SeeAlso: Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024.
package struct BoundedMemory<Key: Hashable, Value> {
    private struct Slot {
        var key: Key
        var value: Value
        var cost: Int
        var isVisited = false
        /// Towards the newest.
        var newer: Int?
        /// Towards the oldest.
        var older: Int?
    }

    private var index: [Key: Int] = [:]
    private var slots: [Slot?] = []
    private var free: [Int] = []
    private var newest: Int?
    private var oldest: Int?
    private var hand: Int?
    private let budget: Int
    package private(set) var cost = 0

    package init(budget: Int) { self.budget = budget }

    package var count: Int { index.count }

    /// The value, which counts as used now.
    package mutating func use(_ key: Key) -> Value? {
        guard let at = index[key] else { return nil }
        slots[at]?.isVisited = true
        return slots[at]?.value
    }

    /// Whether there is a value; asking is no use.
    package func contains(_ key: Key) -> Bool { index[key] != nil }

    /// Enters or replaces a value; entries for which `mayGo` says no stay whatever the budget.
    package mutating func set(_ key: Key, _ value: Value, cost: Int, mayGo: (Value) -> Bool = { _ in true }) {
        if let at = index[key], let present = slots[at] {
            self.cost += cost - present.cost
            slots[at]?.value = value
            slots[at]?.cost = cost
            slots[at]?.isVisited = true
        } else {
            let slot = Slot(key: key, value: value, cost: cost, newer: nil, older: newest)
            let at: Int
            if let reused = free.popLast() {
                slots[reused] = slot
                at = reused
            } else {
                slots.append(slot)
                at = slots.count - 1
            }
            if let newest { slots[newest]?.newer = at }
            newest = at
            oldest = oldest ?? at
            index[key] = at
            self.cost += cost
        }
        shrink(mayGo)
    }

    @discardableResult
    package mutating func remove(_ key: Key) -> Value? {
        guard let at = index.removeValue(forKey: key), let slot = slots[at] else { return nil }
        if hand == at { hand = slot.newer }
        if let newer = slot.newer { slots[newer]?.older = slot.older } else { newest = slot.older }
        if let older = slot.older { slots[older]?.newer = slot.newer } else { oldest = slot.newer }
        slots[at] = nil
        free.append(at)
        cost -= slot.cost
        return slot.value
    }

    private mutating func shrink(_ mayGo: (Value) -> Bool) {
        // Two rounds clear every bit; what is left then must stay.
        var steps = index.count * 2
        while cost > budget, steps > 0, let at = hand ?? oldest, let slot = slots[at] {
            steps -= 1
            hand = slot.newer
            if slot.isVisited {
                slots[at]?.isVisited = false
            } else if at != newest, mayGo(slot.value) {
                remove(slot.key)
            }
        }
    }
}
