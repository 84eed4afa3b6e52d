import Core
import Platform
import Testing

@testable import Relay

@Suite(.timeLimit(.minutes(1))) struct EventLoopTests {
    @Test func `tasks of one thread run in their order`() throws {
        let test = try TestLoop()
        let seen = Monitor<[Int]>([])
        for number in 0..<5000 { test.loop.execute { seen.change { $0.append(number) } } }
        try test.settle()
        #expect(seen.withLock { $0 } == Array(0..<5000))
    }

    @Test func `senders wait for room in a full mailbox and nothing is lost`() throws {
        let test = try TestLoop(mailboxCapacity: 10)
        let seen = Monitor<[Int: [Int]]>([:])
        let done = Latch(count: 4)
        let blocker = Latch()
        test.loop.execute { blocker.wait() }
        for sender in 0..<4 {
            startThread(name: "sender") {
                for number in 0..<500 { test.loop.execute { seen.change { $0[sender, default: []].append(number) } } }
                done.signal()
            }
        }
        while test.loop.queuedTasks < 10 {}
        #expect(!test.loop.offer {})
        #expect(test.loop.queuedTasks == 10)
        blocker.signal()
        done.wait()
        try test.settle()
        for sender in 0..<4 { #expect(seen.withLock { $0[sender] } == Array(0..<500)) }
    }

    @Test func `a loop never waits for the full mailbox of another`() throws {
        let one = try TestLoop(mailboxCapacity: 2)
        let other = try TestLoop(mailboxCapacity: 2)
        let count = Monitor(0)
        for (from, to) in [(one, other), (other, one)] {
            let target = to.loop
            from.loop.execute {
                for _ in 0..<100 { target.execute { count.change { $0 += 1 } } }
            }
        }
        #expect(count.wait(until: .now() + .seconds(20)) { $0 == 200 ? true : nil } == true)
    }

    @Test func `on the loop a task runs later in the same turn and hooks after it`() throws {
        let test = try TestLoop()
        let seen = Monitor<[String]>([])
        let loop = test.loop
        try test.run {
            let now = loop.now
            loop.atEndOfTurn { seen.change { $0.append("hook \(loop.now == now)") } }
            loop.execute { seen.change { $0.append("task \(loop.now == now)") } }
            loop.soon { seen.change { $0.append("soon \(loop.now == now)") } }
            seen.change { $0.append("now") }
        }
        try test.settle()
        #expect(seen.withLock { $0 } == ["now", "task true", "soon true", "hook true"])
    }

    @Test func `a task that renews itself for ever does not keep the loop from others`() throws {
        let test = try TestLoop()
        let goesOn = Monitor(true)
        renew(test.loop, goesOn)
        #expect(try test.run { 7 } == 7)
        goesOn.change { $0 = false }
    }

    private func renew(_ loop: EventLoop, _ goesOn: Monitor<Bool>) {
        loop.execute {
            if goesOn.withLock({ $0 }) { renew(loop, goesOn) }
        }
    }

    @Test func `a lane with hundreds of busy streams gets no more time than one with a few`() throws {
        let test = try TestLoop()
        let loop = test.loop
        let calls = Monitor<(many: Int, few: Int)>((0, 0))
        let isOver = Monitor(false)
        try test.run {
            for index in 0..<320 {
                let isOfFew = index >= 300
                let pair = try Kernel.socketPair()
                let stream = pair.take { first, second in
                    _ = second.release()
                    return ByteStream(loop: loop, descriptor: first, peer: .any4(port: 0))
                }
                stream.lane = isOfFew ? 2 : 1
                stream.handler = Reaction { stream in
                    let end = MonotonicTime.now() + .microseconds(20)
                    while MonotonicTime.now() < end {}
                    calls.change { if isOfFew { $0.few += 1 } else { $0.many += 1 } }
                    if !isOver.withLock({ $0 }) { stream.requestTurn() }
                }
                stream.requestTurn()
            }
        }
        let seen = calls.wait(until: .now() + .seconds(20)) { $0.few >= 2_000 ? $0 : nil }
        isOver.change { $0 = true }
        try test.settle()
        let many = try #require(seen).many
        // Without lanes it would be 15 times as many.
        #expect(many < 4_000, "\(many) calls of the many for 2000 of the few")
    }

    @Test func `the streams of one lane all get their turn however busy they are`() throws {
        let test = try TestLoop()
        let loop = test.loop
        let calls = Monitor<[Int: Int]>([:])
        let isOver = Monitor(false)
        try test.run {
            for index in 0..<100 {
                let stream = try Kernel.socketPair().take { first, second in
                    _ = second.release()
                    return ByteStream(loop: loop, descriptor: first, peer: .any4(port: 0))
                }
                stream.lane = 1
                stream.handler = Reaction { stream in
                    let end = MonotonicTime.now() + .microseconds(20)
                    while MonotonicTime.now() < end {}
                    calls.change { $0[index, default: 0] += 1 }
                    if !isOver.withLock({ $0 }) { stream.requestTurn() }
                }
                stream.requestTurn()
            }
        }
        let seen = calls.wait(until: .now() + .seconds(20)) { $0[99, default: 0] >= 20 ? $0 : nil }
        isOver.change { $0 = true }
        try test.settle()
        let counts = try #require(seen)
        #expect(counts.count == 100 && counts.values.allSatisfy { (15...30).contains($0) }, "\(counts)")
    }

    @Test func `tasks accepted before the stop run, later ones are dropped`() throws {
        let loop = try EventLoop(index: 3)
        let count = Monitor(0)
        let started = Latch()
        loop.start()
        loop.execute {
            started.signal()
            count.change { $0 += 1 }
        }
        started.wait()
        loop.execute { count.change { $0 += 1 } }
        loop.stop()
        loop.execute { count.change { $0 += 1 } }
        #expect(!loop.offer {})
        #expect(count.withLock { $0 } == 2)
        loop.stop()
    }

    @Test func `a timer fires once, not early, and a cancelled one never`() throws {
        let test = try TestLoop()
        let fired = Monitor<[String]>([])
        let loop = test.loop
        let start = MonotonicTime.now()
        try test.run {
            loop.schedule(after: .milliseconds(60)) { fired.change { $0.append("60") } }
            loop.schedule(after: .milliseconds(20)) { fired.change { $0.append("20") } }
            let cancelled = loop.schedule(after: .seconds(2)) { fired.change { $0.append("cancelled") } }
            let moved = loop.schedule(after: .seconds(3)) { fired.change { $0.append("moved") } }
            loop.schedule(after: .milliseconds(5)) {
                cancelled.cancel()
                moved.postpone(until: loop.now + .milliseconds(100))
                #expect(!cancelled.isPending && moved.isPending)
            }
        }
        #expect(fired.wait(until: start + .seconds(20)) { $0.contains("moved") ? true : nil } == true)
        #expect(fired.withLock { $0 } == ["20", "60", "moved"])
        #expect(MonotonicTime.now() - start >= .milliseconds(100))
    }
}

@Suite struct TimerWheelTests {
    private func time(_ milliseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    @Test func `timers fire in their slots, never early, however far the clock jumps`() {
        for step in [1, 7, 100, 5000, 20000, 90000] as [UInt64] {
            let wheel = TimerWheel(now: time(1000))
            var fired: [UInt64: UInt64] = [:]
            var now: UInt64 = 1000
            let delays: [UInt64] = [0, 1, 8, 9, 250, 8000, 8600, 8700, 30000, 60000]
            for delay in delays { _ = wheel.schedule(at: time(1000 + delay)) { fired[delay] = now } }
            while now < 70000 {
                now += step
                wheel.advance(to: time(now))
            }
            #expect(wheel.count == 0)
            for delay in delays {
                let at = fired[delay] ?? 0
                #expect(at > 1000 + delay && at <= 1000 + delay + 18 + step, "delay \(delay), step \(step), at \(at)")
            }
        }
    }

    @Test func `the timeout leads to the next timer`() {
        let wheel = TimerWheel(now: time(1000))
        #expect(wheel.timeout(from: time(1000)) == -1)
        let far = wheel.schedule(at: time(61000)) {}
        #expect(wheel.timeout(from: time(1000)) <= 60010)
        var fired = false
        let near = wheel.schedule(at: time(1050)) { fired = true }
        var now: UInt64 = 1000
        var polls = 0
        while !fired {
            let timeout = wheel.timeout(from: time(now))
            #expect((0...100).contains(timeout))
            now += UInt64(timeout)
            wheel.advance(to: time(now))
            polls += 1
        }
        #expect(now > 1050 && now < 1080 && polls <= 3 && !near.isPending)
        far.cancel()
        #expect(wheel.timeout(from: time(now)) == -1 && wheel.count == 0)
    }

    @Test func `timers may cancel, move and add timers while they fire`() {
        let wheel = TimerWheel(now: time(0))
        var log: [String] = []
        var others: [Timer] = []
        _ = wheel.schedule(at: time(100)) {
            log.append("first")
            others[0].cancel()
            others[1].postpone(until: time(300))
            _ = wheel.schedule(at: time(50)) { log.append("added") }
        }
        others.append(wheel.schedule(at: time(100)) { log.append("cancelled") })
        others.append(wheel.schedule(at: time(100)) { log.append("moved") })
        wheel.advance(to: time(200))
        #expect(log == ["first"])
        wheel.advance(to: time(250))
        #expect(log == ["first", "added"])
        wheel.advance(to: time(400))
        #expect(log == ["first", "added", "moved"] && wheel.count == 0)
    }

    @Test func `a wheel lets go of its timers`() {
        final class Witness {}
        weak var witness: Witness?
        do {
            let wheel = TimerWheel(now: time(0))
            let kept = Witness()
            witness = kept
            _ = wheel.schedule(at: time(100)) { _ = kept }
        }
        #expect(witness == nil)
    }
}
