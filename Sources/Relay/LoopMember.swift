import Platform

/// Something that a loop watches a descriptor for.
///
/// Confined to its loop (checked by `preconditionOnLoop` where it enters); registered once, by a token that is never
/// reused, so that an event which was on its way when a descriptor was closed cannot reach the next owner of the number.
package class LoopMember: @unchecked Sendable {
    /// The loop that owns this object.
    package let loop: EventLoop
    /// What the kernel gives back with each event; nil when not registered.
    fileprivate(set) var token: UInt64?
    /// Whether it stands in the list of those that get a turn.
    fileprivate var isQueued = false
    /// With whom it shares the loop's time, see ``EventLoop``: lanes get the same, whatever their numbers.
    package var lane = 0

    init(loop: EventLoop) { self.loop = loop }

    /// Takes note of an event; returns whether a turn is wanted.
    func note(_ events: EventMask) -> Bool { true }

    /// Does what there is to do; called at most once per turn of the loop.
    func takeTurn() {}

    /// The loop ends: close at once, in a way that no peer takes for a complete transfer.
    func loopEnded() {}
}

/// Who is registered with a loop, by token: slot number and generation.
struct Membership {
    private struct Slot {
        var generation: UInt32 = 0
        var member: LoopMember?
    }

    private var slots: [Slot] = []
    private var free: [UInt32] = []
    /// Those that want a turn, in the order of their events.
    private(set) var queue: [LoopMember] = []
    private(set) var count = 0

    /// The token under which events for `member` come back.
    mutating func add(_ member: LoopMember) -> UInt64 {
        let index: UInt32
        if let reused = free.popLast() {
            index = reused
        } else {
            index = UInt32(slots.count)
            slots.append(Slot())
        }
        slots[Int(index)].member = member
        count += 1
        let token = UInt64(slots[Int(index)].generation) << 32 | UInt64(index)
        member.token = token
        return token
    }

    mutating func remove(_ member: LoopMember) {
        guard let token = member.token else { return }
        member.token = nil
        let index = Int(token & 0xFFFF_FFFF)
        slots[index].member = nil
        slots[index].generation &+= 1
        free.append(UInt32(index))
        count -= 1
    }

    /// Hands an event to its member, unless that has gone.
    mutating func note(_ token: UInt64, _ events: EventMask) {
        let index = Int(token & 0xFFFF_FFFF)
        guard index < slots.count, slots[index].generation == UInt32(token >> 32), let member = slots[index].member
        else { return }
        if member.note(events) { enqueue(member) }
    }

    mutating func enqueue(_ member: LoopMember) {
        guard !member.isQueued else { return }
        member.isQueued = true
        queue.append(member)
    }

    /// Exchanges the queue for an empty `batch`, which lends its storage.
    mutating func takeQueue(into batch: inout [LoopMember]) {
        swap(&queue, &batch)
        for member in batch { member.isQueued = false }
    }

    /// Takes from one that was in a batch the right to be queued, until its turn.
    func hold(_ member: LoopMember) { member.isQueued = true }

    /// The turn of one that was held has come.
    func letGo(_ member: LoopMember) { member.isQueued = false }

    /// Everybody, for the end of the loop.
    var all: [LoopMember] { slots.compactMap(\.member) }
}
