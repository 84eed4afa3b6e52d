package import Core

/// Something that a loop does at a time; confined to that loop.
package final class Timer {
    // The wheel holds one reference to a linked timer (see `TimerWheel.link`), so the links themselves need not.
    fileprivate unowned(unsafe) var next: Timer?
    fileprivate unowned(unsafe) var previous: Timer?
    fileprivate unowned(unsafe) let wheel: TimerWheel?
    fileprivate var tick: UInt64 = 0
    fileprivate var body: (() -> Void)?

    fileprivate init(wheel: TimerWheel?, body: (() -> Void)?) {
        self.wheel = wheel
        self.body = body
    }

    /// Whether it has neither fired nor been cancelled.
    package var isPending: Bool { next != nil }

    /// Makes sure that it never fires (again); drops what it captured.
    package func cancel() {
        body = nil
        guard isPending else { return }
        wheel?.unlink(self)
    }

    /// Moves a pending timer to another time, without allocating; one that has fired stays so.
    package func postpone(until time: MonotonicTime) {
        guard isPending, let wheel else { return }
        withExtendedLifetime(self) {
            wheel.unlink(self)
            wheel.link(self, at: time)
        }
    }
}

/// A hashed timer wheel: adding, moving and cancelling a timer cost O(1), and none of them a system call.
///
/// Times are rounded up to ticks of about 8 ms, so nothing fires early. A timer further away than one turn of the wheel
/// stays in its slot and is passed over once per turn (Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987).
final class TimerWheel {
    private static let tickBits: UInt64 = 23
    private static let slotCount = 1024

    private var slots: [Timer]
    private var occupied = [UInt64](repeating: 0, count: slotCount / 64)
    private let due = Timer(wheel: nil, body: nil)
    /// All ticks up to and including this one have fired.
    private var current: UInt64
    /// How many timers are pending; a gauge.
    private(set) var count = 0

    init(now: MonotonicTime) {
        current = now.nanoseconds >> Self.tickBits
        slots = (0..<Self.slotCount).map { _ in Timer(wheel: nil, body: nil) }
        for head in slots + [due] { (head.next, head.previous) = (head, head) }
    }

    deinit { removeAll() }

    /// Cancels all timers.
    func removeAll() {
        for head in slots + [due] {
            while let timer = head.next, timer !== head { timer.cancel() }
        }
    }

    func schedule(at time: MonotonicTime, _ body: @escaping () -> Void) -> Timer {
        let timer = Timer(wheel: self, body: body)
        link(timer, at: time)
        return timer
    }

    fileprivate func link(_ timer: Timer, at time: MonotonicTime) {
        let roundedUp = (time.nanoseconds >> Self.tickBits) + 1
        timer.tick = max(roundedUp, current + 1)
        let slot = Int(timer.tick % UInt64(Self.slotCount))
        occupied[slot / 64] |= 1 << UInt64(slot % 64)
        insert(timer, before: slots[slot])
        _ = Unmanaged.passRetained(timer)
        count += 1
    }

    fileprivate func unlink(_ timer: Timer) {
        let slot = Int(timer.tick % UInt64(Self.slotCount))
        remove(timer)
        if slots[slot].next === slots[slot] { occupied[slot / 64] &= ~(1 << UInt64(slot % 64)) }
        count -= 1
        Unmanaged.passUnretained(timer).release()
    }

    private func insert(_ timer: Timer, before head: Timer) {
        let last = head.previous
        timer.previous = last
        timer.next = head
        last?.next = timer
        head.previous = timer
    }

    private func remove(_ timer: Timer) {
        timer.previous?.next = timer.next
        timer.next?.previous = timer.previous
        (timer.next, timer.previous) = (nil, nil)
    }

    /// Fires everything that is due; what is scheduled meanwhile fires at a later call.
    func advance(to now: MonotonicTime) {
        let target = now.nanoseconds >> Self.tickBits
        guard target > current else { return }
        let first = max(current + 1, target >= UInt64(Self.slotCount) ? target - UInt64(Self.slotCount) + 1 : 0)
        current = target
        guard count > 0 else { return }
        for tick in first...target {
            let slot = Int(tick % UInt64(Self.slotCount))
            guard occupied[slot / 64] & 1 << UInt64(slot % 64) != 0 else { continue }
            collectDue(slots[slot], upTo: target)
            if slots[slot].next === slots[slot] { occupied[slot / 64] &= ~(1 << UInt64(slot % 64)) }
        }
        while let timer = due.next, timer !== due {
            let body = timer.body
            timer.body = nil
            unlink(timer)
            body?()
        }
    }

    private func collectDue(_ head: Timer, upTo target: UInt64) {
        var candidate = head.next
        while let timer = candidate, timer !== head {
            candidate = timer.next
            guard timer.tick <= target else { continue }
            remove(timer)
            insert(timer, before: due)
        }
    }

    /// Milliseconds until the next slot with timers, -1 when there are none: the timeout of the poll.
    func timeout(from now: MonotonicTime) -> CInt {
        guard count > 0 else { return -1 }
        let start = current + 1
        let slotCount = UInt64(Self.slotCount)
        var distance: UInt64 = 0
        while distance < slotCount {
            let slot = (start + distance) % slotCount
            let word = occupied[Int(slot / 64)] >> (slot % 64)
            if word != 0 {
                distance += UInt64(word.trailingZeroBitCount)
                break
            }
            distance += 64 - slot % 64
        }
        let time = (start + min(distance, slotCount)) << Self.tickBits
        guard time > now.nanoseconds else { return 0 }
        return CInt(clamping: (time - now.nanoseconds + 999_999) / 1_000_000)
    }
}
