import Core
import Glibc
package import Platform

/// Accepts connections on one listening socket that all loops watch (`EPOLLEXCLUSIVE`: one of them wakes).
///
/// Each loop takes its share of the limit and pauses when it has that many accepted connections, or when the process is
/// out of descriptors; what waits then waits in the kernel's backlog. A loop that has clearly more connections than another
/// hands a new one over.
package final class Acceptor: Sendable {
    /// Who takes a new connection; called on the loop that will own it.
    package typealias Taker = @Sendable (EventLoop, consuming OwnedDescriptor, SocketAddress) -> Void

    private let ports: [AcceptPort]

    /// Starts accepting; the loops must run.
    ///
    /// - Parameters:
    ///   - listener: A non-blocking listening socket; closed when the acceptor and everybody else has let go.
    ///   - loops: Who shares the connections.
    ///   - limit: The most connections at a time, over all loops.
    ///   - onAccept: Takes a connection, on its loop.
    package init(
        listener: SharedDescriptor, loops: [EventLoop], limit: Int = 100_000, onAccept: @escaping Taker
    ) {
        // Both are inherited by the sockets that come out of accept4, which saves five calls for each.
        Kernel.setNoDelay(listener.raw)
        Kernel.setKeepAlive(listener.raw, idle: 180, interval: 30, count: 4)
        let share = max(1, (limit + loops.count - 1) / max(1, loops.count))
        ports = loops.map { loop in
            AcceptPort(loop: loop, listener: listener, loops: loops, share: share, onAccept: onAccept)
        }
        for port in ports { port.loop.execute { port.open() } }
    }

    /// Stops accepting; connections that exist are left alone, and later calls change nothing.
    package func stop() {
        for port in ports { port.loop.execute { port.close() } }
    }
}

/// One loop's eye on a listening socket.
private final class AcceptPort: LoopMember, @unchecked Sendable {
    private let listener: SharedDescriptor
    private let loops: [EventLoop]
    private let share: Int
    private let onAccept: Acceptor.Taker
    private var isOpen = false
    private var isWatching = false

    private static let batch = 16
    private static let pause = Duration.milliseconds(100)
    /// A connection is handed over when the other loop has this many fewer.
    private static let imbalance = 4

    init(
        loop: EventLoop, listener: SharedDescriptor, loops: [EventLoop], share: Int, onAccept: @escaping Acceptor.Taker
    ) {
        self.listener = listener
        self.loops = loops
        self.share = share
        self.onAccept = onAccept
        super.init(loop: loop)
    }

    func open() {
        isOpen = true
        watch()
    }

    func close() {
        isOpen = false
        unwatch()
    }

    override func loopEnded() { close() }

    private func watch() {
        guard isOpen, !isWatching else { return }
        do {
            // Level-triggered: what a bounded batch leaves is reported again.
            try loop.add(self, listener.raw, [.readable, .exclusive])
            isWatching = true
        } catch {
            pauseForAWhile()
        }
    }

    private func unwatch() {
        guard isWatching else { return }
        isWatching = false
        loop.remove(self, unwatching: listener.raw)
    }

    private func pauseForAWhile() {
        unwatch()
        loop.schedule(after: Self.pause) { [weak self] in self?.watch() }
    }

    private func pauseUntilOneCloses() {
        unwatch()
        loop.onAcceptedClosed { [weak self] in self?.watch() }
    }

    override func takeTurn() {
        for _ in 0..<Self.batch {
            guard isOpen, isWatching else { return }
            guard loop.acceptedConnections < share else { return pauseUntilOneCloses() }
            switch Kernel.accept4(listener.raw) {
            case .accepted(let descriptor, let peer):
                place(descriptor, peer)
            case .wouldBlock:
                return
            case .failed:
                loop.counters.acceptFailures.add()
                loop.counters.lastAcceptFailure.set(Int(loop.now.nanoseconds))
                return pauseForAWhile()
            }
        }
    }

    private func place(_ descriptor: consuming OwnedDescriptor, _ peer: SocketAddress) {
        if loops.count > 1, let target = loops.min(by: { $0.acceptedLoad < $1.acceptedLoad }),
            target !== loop, target.acceptedLoad + Self.imbalance <= loop.acceptedLoad
        {
            target.noteArrival(1)
            let parcel = DescriptorParcel(descriptor)
            let onAccept = onAccept
            let isTaken = target.offer {
                target.noteArrival(-1)
                if let descriptor = parcel.take() { onAccept(target, descriptor, peer) }
            }
            if isTaken { return }
            target.noteArrival(-1)
            guard let descriptor = parcel.take() else { return }
            return onAccept(loop, descriptor, peer)
        }
        onAccept(loop, descriptor, peer)
    }
}

/// A descriptor on its way to another loop; closed when it never arrives.
private final class DescriptorParcel: Sendable {
    private let content: Lock<OwnedDescriptor?>

    init(_ descriptor: consuming OwnedDescriptor) { content = Lock(consume descriptor) }

    func take() -> OwnedDescriptor? { content.withLock { $0.take() } }
}
