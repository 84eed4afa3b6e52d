package import Core
import Glibc
import Synchronization
package import Platform

/// One thread that owns connections and serves them as the kernel reports them ready (epoll, edge-triggered).
///
/// A turn, in this order: wait for events and note them (``run()``), tasks from other threads, one call to each stream
/// with news, timers, tasks that the loop gave itself, hooks of the end of the turn. Nothing here may block.
///
/// When the calls to streams take longer than ``mostTime``, the rest of them waits for the next turns, and lanes
/// (``LoopMember/lane``, a session's streams, say) get the same share of the time: one with many streams does not keep
/// another's waiting. As long as several lanes wait, what waits for an idle moment runs in every turn.
///
/// Sendable because other threads only post tasks (a locked mailbox) and read gauges (atomic); all else is confined to the
/// loop's own thread, checked by ``preconditionOnLoop()``.
package final class EventLoop: @unchecked Sendable {
    /// Its place among the loops of the process.
    package let index: Int

    /// What its connections have done.
    package let counters = RelayCounters()

    /// 256 KiB for use within one callback; what it held is gone at the next.
    package let scratch: UnsafeMutableRawBufferPointer

    /// What connections to origins read into where what comes must be taken apart.
    let receiveBuffer: UnsafeMutableRawBufferPointer

    /// What is read only to be thrown away, and pieces that are put together before they are encrypted.
    let stagingBuffer: UnsafeMutableRawBufferPointer

    /// The time at the start of this turn.
    package private(set) var now: MonotonicTime

    private let poll: EventPoll
    private let mailbox: Mailbox
    private let ended = Latch()
    private let hasStarted = Lock(false)
    private let wheel: TimerWheel
    private var members = Membership()
    private var serving: [LoopMember] = []
    /// Those for whom the time of a turn was not enough.
    private var waiting = FairLanes<LoopMember>()
    /// Whether several lanes waited in this turn.
    private var isContended = false
    /// The lanes that were served in this turn, when several waited, and how often.
    private var served: [(lane: Int, calls: Int)] = []
    private var mail: [Mailbox.Task] = []
    private var later: [() -> Void] = []
    private var hooks: [() -> Void] = []
    private var idle: [() -> Void] = []
    private var turnsUntilIdle = 0
    private var running: [() -> Void] = []
    private var isRunning = true
    private let accepted = Atomic<Int>(0)
    private let arriving = Atomic<Int>(0)
    private var whenAcceptedClosed: [() -> Void] = []

    private static let mailToken = UInt64.max
    private static let roundsPerTurn = 8
    /// How long streams are called in one turn, but for the call that goes beyond it: a lane with few streams waits so long
    /// for one with many, and each time for the sending of what these asked for, which is about three times as much.
    private static let mostTime = Duration.microseconds(25)
    /// Calls between two looks at the clock while nobody waits.
    private static let callsPerLook = 8
    /// Turns after which what waits for an idle moment runs without one.
    private static let mostTurnsUntilIdle = 8

    /// Makes a loop that does nothing until ``start()``.
    ///
    /// At `mailboxCapacity` waiting tasks other threads wait for room in ``execute(_:)``.
    package init(index: Int, mailboxCapacity: Int = 65536) throws(SystemError) {
        self.index = index
        poll = try EventPoll()
        mailbox = try Mailbox(capacity: mailboxCapacity)
        now = MonotonicTime.now()
        wheel = TimerWheel(now: now)
        scratch = .allocate(byteCount: 256 * 1024, alignment: 64)
        receiveBuffer = .allocate(byteCount: 128 * 1024, alignment: 64)
        stagingBuffer = .allocate(byteCount: 16 * 1024, alignment: 64)
        try poll.add(mailbox.signal.raw, [.readable, .edgeTriggered], token: Self.mailToken)
    }

    deinit {
        scratch.deallocate()
        receiveBuffer.deallocate()
        stagingBuffer.deallocate()
    }

    /// Starts the thread.
    package func start() {
        let isFirst = hasStarted.withLock { started in
            defer { started = true }
            return !started
        }
        precondition(isFirst, "a loop starts once")
        startThread(name: "loop-\(index)") { self.run() }
    }

    /// Ends the thread: accepted tasks still run, then all streams are reset.
    ///
    /// Waits for the end unless called on the loop itself. Transfers that deserve an orderly end get it before this.
    package func stop() {
        mailbox.close()
        let started = hasStarted.withLock { $0 }
        if started, !isOnLoop { ended.wait() }
    }

    // MARK: Tasks

    /// Runs `task` on the loop, after those that were given before.
    ///
    /// From another thread through a bounded mailbox: when it is full, the caller waits for room (unless it is a loop
    /// itself). On the loop: later in this turn. After ``stop()`` the task is dropped.
    package func execute(_ task: @escaping @Sendable () -> Void) {
        if isOnLoop {
            later.append(task)
        } else {
            _ = mailbox.post(task, overflow: Self.current == nil ? .wait : .exceed)
        }
    }

    /// Runs `task` on the loop unless there is no room for it; `false` when it will not run.
    package func offer(_ task: @escaping @Sendable () -> Void) -> Bool {
        mailbox.post(task, overflow: .refuse)
    }

    /// Runs `body` later in this turn; only on the loop.
    package func soon(_ body: @escaping () -> Void) {
        preconditionOnLoop()
        later.append(body)
    }

    /// Runs `body` when everything else of this turn is done, so that small things can be put together; only on the loop.
    package func atEndOfTurn(_ body: @escaping () -> Void) {
        preconditionOnLoop()
        hooks.append(body)
    }

    /// Runs `body` once nothing else is ready, before the loop waits for events; only on the loop.
    ///
    /// For work that is the cheaper the more of it there is at once. A loop that always finds something ready runs it after
    /// a few turns nevertheless.
    package func whenIdle(_ body: @escaping () -> Void) {
        preconditionOnLoop()
        if idle.isEmpty { turnsUntilIdle = Self.mostTurnsUntilIdle }
        idle.append(body)
    }

    /// Runs `body` on the loop after a time, at most some 10 ms late when the loop has nothing else to do.
    @discardableResult
    package func schedule(after delay: Duration, _ body: @escaping () -> Void) -> Timer {
        preconditionOnLoop()
        return wheel.schedule(at: now + delay, body)
    }

    /// How many tasks of other threads wait; a gauge, from any thread.
    package var queuedTasks: Int { mailbox.count }

    /// How many may wait.
    package var mailboxCapacity: Int { mailbox.capacity }

    /// How many accepted connections this loop has; a gauge, from any thread.
    package var acceptedConnections: Int { accepted.load(ordering: .relaxed) }

    // MARK: Where am I

    /// Whether the caller runs on this loop.
    package var isOnLoop: Bool {
        pthread_getspecific(Self.key) == UnsafeMutableRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    /// Traps when the caller runs elsewhere.
    package func preconditionOnLoop(_ function: StaticString = #function) {
        precondition(isOnLoop, "\(function) is for the thread of its event loop only: use execute")
    }

    /// The loop whose thread this is.
    package static var current: EventLoop? {
        pthread_getspecific(key).map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        precondition(pthread_key_create(&key, nil) == 0, "no thread-specific key left")
        return key
    }()

    // MARK: Members

    /// Starts watching a descriptor for a member; it stays a member until ``remove(_:)``.
    func add(_ member: LoopMember, _ descriptor: CInt, _ events: EventMask) throws(SystemError) {
        preconditionOnLoop()
        let token = members.add(member)
        do {
            try poll.add(descriptor, events, token: token)
        } catch {
            members.remove(member)
            throw error
        }
    }

    /// Forgets a member whose descriptor is about to be closed, which is what takes it out of the kernel's list.
    func remove(_ member: LoopMember) { members.remove(member) }

    /// Forgets a member whose descriptor stays open.
    func remove(_ member: LoopMember, unwatching descriptor: CInt) {
        members.remove(member)
        try? poll.remove(descriptor)
    }

    /// Gives a member a turn: in this one if called before the streams are served, otherwise in the next.
    func enqueue(_ member: LoopMember) { members.enqueue(member) }

    /// Accepted connections with those that another loop is handing over; from any thread.
    var acceptedLoad: Int { accepted.load(ordering: .relaxed) + arriving.load(ordering: .relaxed) }

    /// Notes, from any thread, that a connection is on its way here, or has arrived.
    func noteArrival(_ change: Int) { arriving.add(change, ordering: .relaxed) }

    func acceptedOpened() { accepted.add(1, ordering: .relaxed) }

    func acceptedClosed() {
        accepted.subtract(1, ordering: .relaxed)
        guard !whenAcceptedClosed.isEmpty else { return }
        let waiting = whenAcceptedClosed
        whenAcceptedClosed = []
        for body in waiting { body() }
    }

    /// Calls `body` once, when the next accepted connection has closed.
    func onAcceptedClosed(_ body: @escaping () -> Void) { whenAcceptedClosed.append(body) }

    // MARK: The turn

    private func run() {
        pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
        while isRunning { turn() }
        for member in members.all { member.loopEnded() }
        // What waits here holds whoever made it, who may hold this loop.
        wheel.removeAll()
        (later, hooks, idle, running, mail, whenAcceptedClosed) = ([], [], [], [], [], [])
        (serving, waiting) = ([], FairLanes())
        pthread_setspecific(Self.key, nil)
        ended.signal()
    }

    private func turn() {
        var hasMail = false
        var isQuiet = true
        do {
            try poll.wait(timeout: hasWork || !idle.isEmpty ? 0 : wheel.timeout(from: now)) { token, events in
                isQuiet = false
                if token == Self.mailToken { hasMail = true } else { members.note(token, events) }
            }
        } catch {
            preconditionFailure("the event loop cannot wait: \(error)")
        }
        now = MonotonicTime.now()
        if hasMail { readMail() }
        if !idle.isEmpty { runIdle(isQuiet: isQuiet && !hasWork) }
        serve()
        if isContended { runIdleForLanes() }
        // After the streams: what has arrived meanwhile must not be taken for a timeout because a turn was long.
        wheel.advance(to: now)
        for _ in 0..<Self.roundsPerTurn where !later.isEmpty || !hooks.isEmpty {
            swap(&later, &running)
            runBatch()
            swap(&hooks, &running)
            runBatch()
        }
    }

    private var hasWork: Bool { !members.queue.isEmpty || !waiting.isEmpty || !later.isEmpty || !hooks.isEmpty }

    private func runIdle(isQuiet: Bool) {
        turnsUntilIdle -= 1
        guard isQuiet || turnsUntilIdle <= 0 else { return }
        swap(&idle, &running)
        runBatch()
    }

    /// What waits for an idle moment must not wait for another lane to be done; it costs those that were served.
    private func runIdleForLanes() {
        guard !idle.isEmpty else { return }
        let began = MonotonicTime.now()
        swap(&idle, &running)
        runBatch()
        let cost = MonotonicTime.now().nanoseconds - began.nanoseconds
        let calls = served.reduce(0) { $0 + $1.calls }
        for (lane, own) in served { waiting.charge(cost * UInt64(own) / UInt64(calls), lane: lane) }
    }

    private func readMail() {
        mailbox.signal.clear()
        // Closed is looked at first: what was accepted before is in the batch then.
        if mailbox.isClosed { isRunning = false }
        mailbox.take(into: &mail)
        for task in mail { task() }
        mail.removeAll(keepingCapacity: true)
    }

    private func serve() {
        members.takeQueue(into: &serving)
        isContended = false
        let start = MonotonicTime.now()
        if waiting.isEmpty {
            serveAll(until: start + Self.mostTime)
        } else {
            serveLanes(from: start, until: start + Self.mostTime)
        }
        serving.removeAll(keepingCapacity: true)
    }

    /// Calls those with news in the order of their events; whoever is left when the time is over waits in a lane.
    private func serveAll(until end: MonotonicTime) {
        for (index, member) in serving.enumerated() {
            if index % Self.callsPerLook == Self.callsPerLook - 1, MonotonicTime.now() > end {
                return hold(serving[index...])
            }
            member.takeTurn()
        }
    }

    private func hold(_ late: ArraySlice<LoopMember>) {
        for member in late {
            members.hold(member)
            waiting.append(member, lane: member.lane)
        }
    }

    /// Calls those that wait until the time is over: all of a lane, then of the one that has had least.
    private func serveLanes(from start: MonotonicTime, until end: MonotonicTime) {
        hold(serving[...])
        isContended = waiting.waitingLanes > 1
        served.removeAll(keepingCapacity: true)
        var time = start
        while time < end, let (first, lane) = waiting.popFirst() {
            var next: LoopMember? = first
            var calls = 0
            while let member = next {
                members.letGo(member)
                member.takeTurn()
                let before = time
                time = .now()
                waiting.charge(time.nanoseconds - before.nanoseconds, lane: lane)
                calls += 1
                next = time < end ? waiting.popFirst(of: lane) : nil
            }
            served.append((lane, calls))
        }
    }

    /// Runs what was swapped into `running`; what these bodies add goes into the lists that they came from.
    private func runBatch() {
        for body in running { body() }
        running.removeAll(keepingCapacity: true)
    }
}
