package import Core
package import Cryptography
import Platform

/// A wish that can be withdrawn.
package final class Cancellable {
    private var onCancel: (() -> Void)?

    init(_ onCancel: @escaping () -> Void) { self.onCancel = onCancel }

    /// Withdraws it: nothing is called any more; later calls change nothing.
    package func cancel() {
        let action = onCancel
        onCancel = nil
        action?()
    }

    var isCancelled: Bool { onCancel == nil }
}

/// The connections of one loop to origins: makes them, keeps unused ones for a while, and obeys the destination policy at
/// every connect, at every reuse, and when the policy changes.
///
/// Confined to its loop (checked by `preconditionOnLoop`).
package final class OriginPool: @unchecked Sendable {
    /// The limits in force.
    package let settings: RelaySettings
    /// What may be connected to.
    package private(set) var policy: DestinationPolicy

    private let context: OriginContext
    private var idle = IdleShelf()
    private var active: [ObjectIdentifier: OriginConnection] = [:]
    private var dials: [ObjectIdentifier: OriginDial] = [:]

    /// Makes an empty pool.
    ///
    /// - Parameters:
    ///   - loop: The loop that the pool and its connections belong to.
    ///   - resolver: Shared by all loops.
    ///   - tls: How origins are verified.
    ///   - policy: Which destinations are allowed.
    ///   - settings: Limits.
    ///   - resolveThroughProxy: Leaves names to an upstream proxy, so that only literal destinations can be checked.
    package init(
        loop: EventLoop, resolver: NameResolver, tls: TLSClientContext, policy: DestinationPolicy,
        settings: RelaySettings = RelaySettings(), resolveThroughProxy: Bool = false
    ) {
        self.settings = settings
        self.policy = policy
        context = OriginContext(
            loop: loop, resolver: resolver, tls: tls, settings: settings, resolveThroughProxy: resolveThroughProxy)
    }

    /// How many connections wait for use; a gauge.
    package var idleCount: Int { idle.count }

    /// How many connections are in use; a gauge.
    package var activeCount: Int { active.count }

    /// Gives a connection: an unused one, or with `fresh` always a new one.
    ///
    /// `completion` runs on the loop, once, after this has returned, unless the wish is withdrawn before.
    @discardableResult
    package func acquire(
        _ key: OriginKey, fresh: Bool = false, completion: @escaping (Result<OriginConnection, OriginError>) -> Void
    ) -> Cancellable {
        context.loop.preconditionOnLoop()
        if !fresh, let channel = takeIdle(key) {
            context.loop.counters.originsReused.add()
            return deliver(channel, completion)
        }
        let dial = OriginDial(
            key: key, context: context, policy: { [weak self] in self?.policy ?? DestinationPolicy(policy: .deny) })
        let wish = Cancellable { [weak self, weak dial] in
            guard let dial else { return }
            dial.cancel()
            self?.dials[ObjectIdentifier(dial)] = nil
        }
        dial.onEnd { [weak self, unowned dial] result in
            guard let self else { return }
            dials[ObjectIdentifier(dial)] = nil
            switch result {
            case .success(let channel):
                context.loop.counters.originsOpened.add()
                completion(.success(hand(channel)))
            case .failure(let error):
                context.loop.counters.originsFailed.add()
                completion(.failure(error))
            }
        }
        dials[ObjectIdentifier(dial)] = dial
        context.loop.soon { dial.start() }
        return wish
    }

    private func deliver(
        _ channel: OriginChannel, _ completion: @escaping (Result<OriginConnection, OriginError>) -> Void
    ) -> Cancellable {
        let connection = hand(channel)
        let wish = Cancellable { [weak self] in self?.release(connection) }
        context.loop.soon { [weak self] in
            guard !wish.isCancelled else { return }
            if let refusal = self.flatMap({ connection.channel?.refusal(by: $0.policy) }) {
                connection.cancel()
                completion(.failure(OriginError(refusal)))
            } else {
                completion(.success(connection))
            }
        }
        return wish
    }

    private func hand(_ channel: OriginChannel) -> OriginConnection {
        let connection = OriginConnection(channel: channel, pool: self)
        active[ObjectIdentifier(connection)] = connection
        context.loop.counters.originsActive.set(active.count)
        return connection
    }

    /// Takes back a connection on which nothing was started; a started one is cancelled.
    package func release(_ connection: OriginConnection) {
        guard connection.channel != nil else { return }
        guard case .notStarted = connection.upload, let channel = connection.letGo() else { return connection.cancel() }
        park(channel)
    }

    /// Changes what may be connected to; connections that are now forbidden are closed, in use or not.
    package func update(policy: DestinationPolicy) {
        context.loop.preconditionOnLoop()
        self.policy = policy
        for entry in idle.all where entry.refusal(by: policy) != nil { entry.close() }
        for connection in Array(active.values) { connection.recheck(policy) }
    }

    /// Closes what is not in use.
    package func closeIdle() {
        for entry in idle.all { entry.close() }
    }

    /// Ends everything with resets: attempts, exchanges (their delegates are told), unused connections.
    package func closeAll() {
        for dial in Array(dials.values) { dial.fail(OriginError(.closedEarly, "the service is stopping", status: 503)) }
        for connection in Array(active.values) {
            connection.fail(OriginError(.closedEarly, "the service is stopping", status: 503))
        }
        closeIdle()
    }

    /// A connection is not in use any more.
    func ended(_ connection: OriginConnection) {
        active[ObjectIdentifier(connection)] = nil
        context.loop.counters.originsActive.set(active.count)
    }

    /// Keeps a connection for the next request.
    func park(_ channel: OriginChannel) {
        guard channel.stream.isOpen, channel.refusal(by: policy) == nil else { return channel.stream.abort() }
        if let evicted = idle.makeRoom(for: channel.key, perKey: settings.idlePerKey, total: settings.idleTotal) {
            evicted.close()
        }
        guard settings.idlePerKey > 0, settings.idleTotal > 0 else { return channel.stream.closeOrderly() }
        let entry = IdleOrigin(channel: channel, timeout: settings.pooledIdleTimeout) { [weak self] entry in
            guard let self else { return }
            idle.remove(entry)
            noteIdle()
        }
        idle.add(entry)
        noteIdle()
    }

    private func noteIdle() { context.loop.counters.originsIdle.set(idle.count) }

    /// An unused connection that is silent, alive and allowed.
    private func takeIdle(_ key: OriginKey) -> OriginChannel? {
        defer { noteIdle() }
        while let entry = idle.takeLatest(key) {
            guard entry.channel.refusal(by: policy) == nil, entry.isSilent() else {
                entry.close()
                continue
            }
            return entry.take()
        }
        return nil
    }
}
