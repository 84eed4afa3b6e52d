internal import Core
internal import Glibc
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1
internal import NIOPosix
internal import Sessions
package import Platform
internal import Wire

/// Serves the control API on a socket that listens already.
///
/// Hummingbird's own server binds late and by name; ours has to have its port before anything slow is done, and to fail
/// at once when it is taken. So the router and the HTTP channel are Hummingbird's, the accepting is done here.
package final class ControlServer: Sendable {
    private let api: ControlAPI
    private let listener: SharedDescriptor
    private let group: MultiThreadedEventLoopGroup
    private let log: Logger
    private let state = Lock(State())

    /// What becomes of the listening socket.
    private enum Accepting {
        case notYet, opening, open, closed
    }

    private struct State {
        var isStopping = false
        /// Whether ``ControlServer/stop(grace:)`` has done its work.
        var hasStopped = false
        var accepting = Accepting.notYet
        var listening: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
    }

    /// Makes a server; it accepts once ``run()`` is called.
    package init(api: ControlAPI, listener: SharedDescriptor, log: Logger) {
        self.api = api
        self.listener = listener
        self.log = log
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    }

    /// Serves until ``stop(grace:)`` is called, or the listening socket fails.
    package func run() async throws {
        let result: Result<Void, any Error>
        do {
            result = .success(try await accept())
        } catch {
            result = .failure(error)
        }
        // Whoever stops us still speaks to the loop.
        while state.withLock({ $0.isStopping && !$0.hasStopped }) { try? await Task.sleep(for: .milliseconds(1)) }
        try await group.shutdownGracefully()
        try result.get()
    }

    private func accept() async throws {
        let responder = api.makeResponder()
        let settings = api.settings
        let log = log
        let channels = HTTP1Channel(
            responder: { request, writer, channel in
                let context = ControlContext(source: .init(channel: channel, logger: log))
                var response = try await responder.respond(to: request, context: context)
                // Refusals come with their text, whatever the method.
                if request.method == .head { response = response.createHeadResponse() }
                response.headers[.date] = HTTPDate.format(WallTime.now().seconds)
                response.headers[.cacheControl] = "no-store"
                try await writer.write(response: response.head, body: response.body)
            },
            configuration: .init(
                additionalChannelHandlers: [
                    RequestDeadline(limit: settings.readTimeout, stallLimit: settings.stallTimeout)
                ],
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 16384, maxHeaderListSize: 65536, maxHeaderFieldCount: 200)))
        // NIO closes the descriptor that it is given; the listener's own stays with its owner.
        let copy = fcntl(listener.raw, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw SystemError(call: "fcntl F_DUPFD_CLOEXEC", code: errno) }
        let mayBegin = state.withLock { state in
            guard !state.isStopping else { return false }
            state.accepting = .opening
            return true
        }
        guard mayBegin else { return }
        // However it ends.
        defer { state.withLock { $0.accepting = .closed } }
        // Not NIO's own sequence of connections: what it has accepted and not handed out when listening ends, it drops, which
        // ends the process (an unfinished writer).
        let (accepted, sink) = AsyncStream<HTTP1Channel.Value>.makeStream()
        let listening = try await ServerBootstrap(group: group)
            .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .childChannelOption(ChannelOptions.socketOption(.so_keepalive), value: 1)
            .childChannelInitializer { [self] channel -> EventLoopFuture<Void> in
                let entry = enter(channel, most: settings.mostConnections)
                let connection = channels.setup(channel: channel, logger: log)
                do {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        ConnectionPersistence(largestBody: settings.largestBody),
                        position: .before(try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)))
                } catch {
                    channel.close(promise: nil)
                }
                connection.whenSuccess { sink.yield($0) }
                // Set up all the same: an error here would end the listening.
                switch entry {
                case .accepted: break
                case .beyondLimit: connection.whenComplete { _ in channel.close(promise: nil) }
                case .whileStopping:
                    connection.whenComplete { _ in
                        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
                    }
                }
                return connection.map { _ in }
            }
            .withBoundSocket(copy).get()
        // One thread accepts, sets up and closes: whatever was accepted is in the stream by then.
        listening.closeFuture.whenComplete { [self] _ in
            sink.finish()
            state.withLock { $0.accepting = .closed }
        }
        state.withLock { state in
            state.listening = listening
            if state.accepting == .opening { state.accepting = .open }
        }
        await withDiscardingTaskGroup { group in
            for await connection in accepted {
                group.addTask { await channels.handle(value: connection, logger: log) }
            }
        }
        guard state.withLock({ $0.isStopping }) else { throw SystemError(call: "accept", code: EBADF) }
    }

    /// Stops accepting, lets the requests under way finish, and closes what is left after `grace`.
    ///
    /// Live streams, which would not finish, end at once. A second call does nothing.
    package func stop(grace: Duration) async {
        api.listeners.stop()
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        guard isFirst else { return }
        defer { state.withLock { $0.hasStopped = true } }
        await stopAccepting()
        for connection in state.withLock({ Array($0.connections.values) }) {
            connection.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        let now = MonotonicTime.now()
        let deadline = now + grace
        var firstRequestsUntil: MonotonicTime? = now + min(grace / 2, Self.firstRequestPatience)
        while MonotonicTime.now() < deadline, connectionCount > 0 {
            if let end = firstRequestsUntil, MonotonicTime.now() >= end {
                firstRequestsUntil = nil
                for connection in state.withLock({ Array($0.connections.values) }) {
                    connection.pipeline.fireUserInboundEventTriggered(FirstRequestOverdue())
                }
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
        for connection in state.withLock({ Array($0.connections.values) }) { connection.close(promise: nil) }
    }

    /// Closes the listening socket; from then on nobody comes any more who would have to be waited for.
    private func stopAccepting() async {
        func phase() -> Accepting { state.withLock { $0.accepting } }
        while phase() == .opening { try? await Task.sleep(for: .milliseconds(1)) }
        guard phase() == .open else { return }
        state.withLock { $0.listening }?.close(promise: nil)
        while phase() == .open { try? await Task.sleep(for: .milliseconds(1)) }
    }

    /// How long a stop waits for the first request of who has just connected.
    private static let firstRequestPatience = Duration.seconds(2)

    /// How many connections there are; a gauge.
    package var connectionCount: Int { state.withLock { $0.connections.count } }

    /// How many listen to live streams; a gauge.
    package var listenerCount: Int { api.listeners.count }

    private enum Entry {
        case accepted, beyondLimit
        /// The client has connected in time: it is answered.
        case whileStopping
    }

    private func enter(_ channel: any Channel, most: Int) -> Entry {
        let key = ObjectIdentifier(channel)
        let entry = state.withLock { state -> Entry in
            guard state.connections.count < most else { return .beyondLimit }
            state.connections[key] = channel
            return state.isStopping ? .whileStopping : .accepted
        }
        if entry != .beyondLimit {
            channel.closeFuture.whenComplete { [self] _ in
                _ = state.withLock { $0.connections.removeValue(forKey: key) }
            }
        }
        return entry
    }
}
