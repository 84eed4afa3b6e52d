internal import Core
internal import Glibc
package import Logging
internal import Platform

/// How the local socket behaves.
package struct LocalSettings: Sendable {
    /// Connections that are served at one time.
    package var mostConnections = 16
    /// How long a client may take for its request.
    package var requestTime = Duration.seconds(10)
    /// A client that has said nothing whole for so long makes room for another when all places are taken.
    package var patience = Duration.seconds(1)
    /// How long a client may take nothing of its reply.
    package var replyStall = Duration.seconds(30)
    /// The longest request, in bytes: a configuration file of 4 MiB as a JSON string.
    package var longestRequest = 6 << 20

    /// Makes settings.
    package init() {}
}

/// Serves the local socket: one request and one reply for each connection.
///
/// The life of a connection: accepted by the socket's one thread (`accept`) → checked and read on a thread of its own
/// (`serve`, `read`) → answered by ``LocalOperations`` → replied to (`send`) → closed. Clients that say nothing are
/// closed when others need their place, so that they keep nobody waiting.
package final class LocalServer: Sendable {
    private let listener: LocalListener
    private let operations: LocalOperations
    private let settings: LocalSettings
    private let owner: UInt32
    private let startClient: ThreadStarter
    private let log: Logger
    private let state = Monitor(State())

    /// Starts a thread for a client.
    package typealias ThreadStarter = @Sendable (_ body: @escaping @Sendable () -> Void) throws -> Void

    private final class Connection: Sendable {
        let socket: SharedDescriptor
        let since = MonotonicTime.now()

        init(_ socket: SharedDescriptor) { self.socket = socket }
    }

    private struct State {
        var isStopping = false
        /// Those whose request is not there yet, the oldest first.
        var reading: [Connection] = []
        var answering: [Connection] = []

        var count: Int { reading.count + answering.count }
    }

    /// Makes a server; it accepts once ``start()`` is called.
    ///
    /// - Parameters:
    ///   - listener: Where.
    ///   - operations: What is done.
    ///   - settings: Limits and times.
    ///   - owner: The user who may connect, beside root; `nil` is that of this process.
    ///   - startClient: Starts a client's thread.
    ///   - log: Gets what clients are not told.
    package init(
        listener: LocalListener, operations: LocalOperations, settings: LocalSettings = LocalSettings(),
        owner: UInt32? = nil,
        startClient: @escaping ThreadStarter = { try startThreadIfPossible(name: "local-client", $0) }, log: Logger
    ) {
        self.listener = listener
        self.operations = operations
        self.settings = settings
        self.owner = owner ?? geteuid()
        self.startClient = startClient
        self.log = log
    }

    /// Where it is.
    package var path: String { listener.path }

    /// Accepts from now on.
    package func start() {
        startThread(name: "local-socket") { [self] in
            while !state.withLock({ $0.isStopping }) { accept() }
        }
    }

    /// Accepts what comes, removes the file, lets the requests under way finish, and closes what is left after `grace`.
    ///
    /// Blocks.
    package func stop(grace: Duration) {
        let silent = state.change { state in
            state.isStopping = true
            return state.reading
        }
        listener.close()
        for connection in silent { Kernel.shutdownBoth(connection.socket.raw) }
        let isOver: Void? = state.wait(until: MonotonicTime.now() + grace) { $0.count == 0 ? () : nil }
        guard isOver == nil else { return }
        for connection in state.withLock({ $0.reading + $0.answering }) {
            Kernel.shutdownBoth(connection.socket.raw)
        }
    }

    /// How many connections there are; a gauge.
    package var connectionCount: Int { state.withLock { $0.count } }

    /// Waits for a connection and a place for it.
    private func accept() {
        guard Self.wait(for: listener.descriptor.raw, POLLIN, until: MonotonicTime.now() + .seconds(60)) else { return }
        guard hasPlace() else { return }
        switch Kernel.accept4(listener.descriptor.raw) {
        case .accepted(let socket, _):
            let connection = Connection(SharedDescriptor(adopting: socket))
            let isWanted = state.change { state in
                guard !state.isStopping else { return false }
                state.reading.append(connection)
                return true
            }
            guard isWanted else { return }
            do {
                try startClient { [self] in
                    serve(connection)
                    forget(connection)
                }
            } catch {
                forget(connection)
                log.warning("local socket: a client was sent away: \(error)")
            }
        case .wouldBlock: break
        case .failed(let code):
            guard !state.withLock({ $0.isStopping }) else { return }
            log.warning("local socket: accept: \(SystemError.text(of: code))")
            _ = state.wait(until: MonotonicTime.now() + .milliseconds(100)) { $0.isStopping ? () : nil }
        }
    }

    private func forget(_ connection: Connection) {
        state.change { state in
            state.reading.removeAll { $0 === connection }
            state.answering.removeAll { $0 === connection }
        }
    }

    /// Waits until there is a place, closing the oldest of those that say nothing when there is none.
    private func hasPlace() -> Bool {
        let until = MonotonicTime.now() + .milliseconds(50)
        let hasOne = state.wait(until: until) { $0.isStopping || $0.count < settings.mostConnections ? () : nil } != nil
        if hasOne { return true }
        let silent = state.withLock { state in
            state.reading.first.flatMap { MonotonicTime.now() - $0.since >= settings.patience ? $0 : nil }
        }
        if let silent { Kernel.shutdownBoth(silent.socket.raw) }
        return false
    }

    private func serve(_ connection: Connection) {
        let socket = connection.socket.raw
        guard let user = Kernel.peerUser(socket), user == owner || user == 0 else {
            return send(.error("this socket is for user \(owner) and root only"), to: socket)
        }
        let reply: LocalReply
        switch read(socket) {
        case .gone: return
        case .refused(let text): reply = .error(text)
        case .request(let bytes, let file):
            let isWanted = state.change { state in
                state.reading.removeAll { $0 === connection }
                guard !state.isStopping else { return false }
                state.answering.append(connection)
                return true
            }
            guard isWanted else { return send(.error("the service is stopping"), to: socket) }
            reply = answer(bytes, file)
        }
        send(reply, to: socket)
    }

    /// Waits for the answer on this thread, which is the connection's own.
    private func answer(_ bytes: [UInt8], _ file: SharedDescriptor?) -> LocalReply {
        let done = Latch()
        let reply = Lock(LocalReply.error("no answer"))
        Task.detached { [operations] in
            let answer = await operations.answer(bytes, file: file)
            reply.withLock { $0 = answer }
            done.signal()
        }
        done.wait()
        return reply.withLock { $0 }
    }

    private enum Reading {
        /// With a file, if one was handed over.
        case request([UInt8], SharedDescriptor?)
        case refused(String)
        /// The client has left, or its place was needed.
        case gone
    }

    private func read(_ socket: CInt) -> Reading {
        let deadline = MonotonicTime.now() + settings.requestTime
        var bytes: [UInt8] = []
        var files: [SharedDescriptor] = []
        var end = RequestEnd()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            switch Kernel.recv(socket, into: buffer, descriptors: &files) {
            case .count(0): return bytes.isEmpty ? .refused(LocalRequest.emptyText) : .request(bytes, files.first)
            case .count(let count):
                let piece = buffer[..<count]
                bytes += piece
                if bytes.count > settings.longestRequest {
                    return .refused("the request is longer than \(settings.longestRequest) bytes")
                }
                if files.count > 1 { return .refused("a request carries one file at most") }
                if end.isReached(by: piece) { return .request(bytes, files.first) }
            case .wouldBlock:
                guard Self.wait(for: socket, POLLIN, until: deadline) else {
                    return .refused("the request did not come within \(settings.requestTime)")
                }
            case .failed: return .gone
            }
            if MonotonicTime.now() >= deadline {
                return .refused("the request did not come within \(settings.requestTime)")
            }
        }
    }

    private struct ClientLeft: Error {}

    private func send(_ reply: LocalReply, to socket: CInt) {
        var file: SharedDescriptor? = if case .file(_, let file) = reply { file } else { nil }
        do {
            try reply.write { bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let result = rest.withUnsafeBytes { bytes in
                        if let file { return Kernel.send(socket, bytes, handing: file.raw) }
                        return Kernel.send(socket, bytes)
                    }
                    switch result {
                    case .count(let count):
                        rest = rest.dropFirst(count)
                        file = nil
                    case .wouldBlock:
                        guard Self.wait(for: socket, POLLOUT, until: MonotonicTime.now() + settings.replyStall) else {
                            throw ClientLeft()
                        }
                    case .failed: throw ClientLeft()
                    }
                }
            }
        } catch is ClientLeft {
            return
        } catch {
            log.error("local socket: the reply was cut off: \(error)")
            return
        }
        Kernel.shutdownWrite(socket)
    }

    /// Waits until a descriptor is ready, or has failed; `false` when the deadline passed first.
    private static func wait(for descriptor: CInt, _ events: CInt, until deadline: MonotonicTime) -> Bool {
        while true {
            let left = max(.zero, deadline - MonotonicTime.now()).wholeNanoseconds
            var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let count = poll(&entry, 1, CInt(clamping: (left + 999_999) / 1_000_000))
            if count > 0 { return true }
            if count == 0, MonotonicTime.now() >= deadline { return false }
        }
    }
}
