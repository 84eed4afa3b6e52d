package import Cache
package import Core
package import Cryptography
package import Inspection
package import Logging
package import Relay
package import Sessions
package import Storage
package import Platform

/// The proxy: loops that accept, authenticate, relay, cache and record.
///
/// It owns the loops, the pools and the cache's memory; storage, recorder and certificates are handed in and outlive it.
package final class ProxyServer: SessionObserver, Sendable {
    /// What the proxy works with.
    package struct Parts: Sendable {
        package var listener: SharedDescriptor
        package var leaves: LeafCache
        package var trust: TLSClientContext
        package var policy: DestinationPolicy
        package var upstream: UpstreamProxies
        package var cache: ResponseCache
        package var recorder: Recorder
        package var engine: @Sendable (SessionRow) -> InspectionEngine
        package var resolver: NameResolver
        package var log: Logger

        package init(
            listener: SharedDescriptor, leaves: LeafCache, trust: TLSClientContext, policy: DestinationPolicy,
            upstream: UpstreamProxies, cache: ResponseCache, recorder: Recorder,
            engine: @escaping @Sendable (SessionRow) -> InspectionEngine, resolver: NameResolver = NameResolver(),
            log: Logger
        ) {
            self.listener = listener
            self.leaves = leaves
            self.trust = trust
            self.policy = policy
            self.upstream = upstream
            self.cache = cache
            self.recorder = recorder
            self.engine = engine
            self.resolver = resolver
            self.log = log
        }
    }

    let context: ProxyContext
    let loops: [ProxyLoop]
    private let listener: SharedDescriptor
    private let acceptor = Lock<Acceptor?>(nil)
    let inspectionPool: WorkerPool
    let storagePool: WorkerPool
    let resolver: NameResolver
    private let waiting = Lock(Waiting())

    /// Those who wait for an answer of all loops.
    private struct Waiting {
        var resumes: [Int: @Sendable (_ isDone: Bool) -> Void] = [:]
        var last = 0
        /// The loops have ended: nobody answers any more.
        var isOver = false
        var isStopping = false
    }

    /// Makes the loops, which do nothing until ``start()``.
    package init(settings: ProxySettings = ProxySettings(), parts: Parts) throws {
        listener = parts.listener
        resolver = parts.resolver
        storagePool = WorkerPool(name: "storage", threads: 4, capacity: 4_096)
        // Inspections take long: relaying must not wait for them where both share a processor. A session may have as many
        // threads as there are processors.
        inspectionPool = WorkerPool(
            name: "inspect", threads: min(Kernel.processorCount, 8) + 1, capacity: 4_096, givesWay: true)
        let pseudonym = "fetch-service-" + Hex.encode(SecureRandom.bytes(6))
        context = ProxyContext(
            settings: settings, cache: parts.cache, recorder: parts.recorder,
            examiner: Examiner(cache: parts.cache, pool: inspectionPool, log: parts.log), leaves: parts.leaves,
            storagePool: storagePool, engine: parts.engine, pseudonym: pseudonym, log: parts.log)
        loops = try (0..<max(1, settings.loops)).map { [context] index in
            let loop = try EventLoop(index: index)
            let pool = OriginPool(
                loop: loop, resolver: parts.resolver, tls: parts.trust, policy: parts.policy, settings: settings.relay,
                resolveThroughProxy: settings.resolvesThroughProxy)
            return ProxyLoop(loop: loop, context: context, pool: pool, upstream: parts.upstream)
        }
    }

    /// Starts the loops, which can be told of sessions then, and accepts nothing yet.
    package func startLoops() {
        for loop in loops {
            loop.loop.start()
            loop.loop.execute { loop.startSweeping() }
        }
    }

    /// Starts the loops and accepts connections.
    package func start() {
        startLoops()
        accept()
    }

    /// Accepts connections; those that came before waited in the backlog.
    package func accept() {
        let byLoop = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.loop), $0) })
        acceptor.withLock {
            $0 = Acceptor(
                listener: listener, loops: loops.map(\.loop), limit: context.settings.mostConnections
            ) { loop, descriptor, peer in
                byLoop[ObjectIdentifier(loop)]?.accept(descriptor, peer)
            }
        }
    }

    /// Stops accepting, gives transfers the grace, ends the rest recorded as truncated, and ends the threads.
    ///
    /// A second call does nothing.
    package func stop(grace: Duration) async {
        let isFirst = waiting.withLock { waiting in
            defer { waiting.isStopping = true }
            return !waiting.isStopping
        }
        guard isFirst else { return }
        acceptor.withLock { $0 }?.stop()
        // What one loop accepts for another is with that one once all have stopped accepting.
        await onEveryLoop(atMost: .seconds(5)) { _, done in done() }
        for loop in loops { loop.loop.execute { loop.drain() } }
        let now = MonotonicTime.now()
        let (deadline, firstRequestsUntil) = (now + grace, now + min(grace / 2, Self.firstRequestPatience))
        while MonotonicTime.now() < deadline {
            if openExchanges == 0 {
                if MonotonicTime.now() >= firstRequestsUntil { break }
                if await !hasOpenRequests() { break }
            }
            try? await Task.sleep(for: .milliseconds(10))
        }
        await onEveryLoop(atMost: .seconds(5)) { loop, done in loop.cutEverything(done) }
        resolver.close()
        await context.recorder.drain()
        await withCheckedContinuation { continuation in
            // The threads end when their work is done, which blocks.
            startThread(name: "stopping") { [self] in
                for loop in loops { loop.loop.stop() }
                storagePool.stop()
                inspectionPool.stop()
                context.mintingPool.stop()
                continuation.resume()
            }
        }
        let left = waiting.withLock { waiting in
            waiting.isOver = true
            defer { waiting.resumes = [:] }
            return Array(waiting.resumes.values)
        }
        for resume in left { resume(true) }
    }

    /// How long a stop waits for the first request of who has just connected.
    private static let firstRequestPatience = Duration.seconds(2)

    private func hasOpenRequests() async -> Bool {
        let found = Lock(false)
        await onEveryLoop(atMost: .seconds(5)) { loop, done in
            if loop.hasOpenRequests { found.withLock { $0 = true } }
            done()
        }
        return found.withLock { $0 }
    }

    /// Whether every loop does what it is told in time; also when the loops have ended as they should.
    package func answers(within limit: Duration) async -> Bool {
        await onEveryLoop(atMost: limit) { _, done in done() }
    }

    /// Replaces what may be connected to; what it denies is closed at once.
    package func update(policy: DestinationPolicy) {
        for loop in loops { loop.loop.execute { loop.pool.update(policy: policy) } }
    }

    // MARK: - Sessions

    package func sessionOpened(_ session: Session) async {
        let engine = context.engine(session.row)
        let ledger = SessionLedger(limits: context.settings)
        await onEveryLoop(atMost: .seconds(5)) { loop, done in
            loop.add(session, engine, ledger)
            done()
        }
    }

    package func sessionClosed(_ session: Session) async {
        session.close()
        await onEveryLoop(atMost: .seconds(5)) { loop, done in loop.close(session.id, done) }
    }

    package func sessionRemoved(_ session: Session) async {
        await onEveryLoop(atMost: .seconds(5)) { loop, done in
            loop.forget(session.id)
            done()
        }
        await withCheckedContinuation { continuation in
            context.cache.removeSession(session.id) { [log = context.log] failure in
                if let failure { log.warning("[\(session.id)] cached data is left behind: \(failure)") }
                continuation.resume()
            }
        }
    }

    /// Runs something on every loop and waits until all have said that it is done, or the time is over.
    ///
    /// - Returns: Whether all have said so, or there are no loops any more.
    @discardableResult
    func onEveryLoop(
        atMost limit: Duration, _ body: @escaping @Sendable (ProxyLoop, @escaping @Sendable () -> Void) -> Void
    ) async -> Bool {
        let log = context.log
        return await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
            // Loops that have ended drop what they are told.
            let number = waiting.withLock { waiting -> Int? in
                guard !waiting.isOver else { return nil }
                waiting.last += 1
                waiting.resumes[waiting.last] = { continuation.resume(returning: $0) }
                return waiting.last
            }
            guard let number else { return continuation.resume(returning: true) }
            let resume: @Sendable (Bool) -> Void = { [self] isLate in
                guard let resume = waiting.withLock({ $0.resumes.removeValue(forKey: number) }) else { return }
                if isLate { log.error("a loop did not answer within \(limit)") }
                resume(!isLate)
            }
            let left = Countdown(loops.count) { resume(false) }
            for loop in loops { loop.loop.execute { body(loop) { left.one() } } }
            loops[0].loop.execute { [loops] in loops[0].loop.schedule(after: limit) { resume(true) } }
        }
    }
}
