package import Core
package import Cryptography
import Glibc
import Platform
package import Wire

/// What an origin does with one connection.
package struct OriginSession {
    /// The connection, for whatever the conveniences do not do.
    package let connection: BlockingConnection
    /// Which connection of the origin this is, from 0.
    package let index: Int
    private let origin: OriginThreads

    init(connection: BlockingConnection, index: Int, origin: OriginThreads) {
        self.connection = connection
        self.index = index
        self.origin = origin
    }

    /// Reads a whole request and notes it in the origin's log; nil when the client has ended.
    package func readRequest() throws -> SeenRequest? {
        guard let request = try connection.readRequest() else { return nil }
        origin.note(request)
        return request
    }

    /// Reads only the head of a request and notes it; the body stays unread.
    package func readHead() throws -> RequestHead? {
        guard let head = try connection.readRequestHead() else { return nil }
        origin.note(SeenRequest(head: head, body: [], trailers: Fields()))
        return head
    }

    /// Sends bytes as they are.
    package func send(_ bytes: [UInt8]) throws { try connection.send(bytes) }

    /// Sends text as it is.
    package func send(_ text: String) throws { try connection.send(text) }

    /// Sends a whole answer with its length; `fields` is pairs of names and values.
    package func respond(
        _ status: Int = 200, fields: KeyValuePairs<String, String> = [:], body: [UInt8] = []
    ) throws {
        var head = ResponseHead(status: status)
        for (name, value) in fields { head.fields.append(name, value) }
        if status >= 200, status != 204, status != 304, !head.fields.contains("Content-Length") {
            head.fields.append("Content-Length", String(body.count))
        }
        var bytes: [UInt8] = []
        head.serialise(into: &bytes)
        try connection.send(bytes + body)
    }

    /// Sends a whole answer with text as its body.
    package func respond(
        _ status: Int = 200, fields: KeyValuePairs<String, String> = [:], text: String
    ) throws {
        try respond(status, fields: fields, body: Array(text.utf8))
    }

    /// Stops until the test calls ``ScriptedOrigin/release()``; each release lets one stop go on.
    package func waitForRelease() throws {
        guard origin.gate.wait(atMost: .seconds(20)) else { throw ConnectionFault(.timeout, "never released") }
    }

    /// Cuts the connection with a reset.
    package func reset() { connection.reset() }

    /// Closes with FIN, but for TLS without close_notify.
    package func close() { connection.close() }
}

/// A real server on 127.0.0.1 and a free port, with a thread per connection that does what a script says.
///
/// When the script returns, the connection is ended in order; when it throws, it is reset.
package final class ScriptedOrigin: Sendable {
    /// What to do with one connection.
    package typealias Script = @Sendable (inout OriginSession) throws -> Void

    /// Where it listens.
    package let port: UInt16
    /// Whether it speaks TLS.
    package let isTLS: Bool

    private let threads: OriginThreads
    private var log: Monitor<OriginThreads.Log> { threads.log }

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - tls: What it shows; nil for a plain one.
    ///   - ipv6: Listens on ::1 instead.
    ///   - script: What it does with each connection.
    /// - Throws: When it cannot listen.
    package init(tls: TLSServerContext? = nil, ipv6: Bool = false, script: @escaping Script) throws {
        let listener = try Listener(ipv6 ? .loopback6(port: 0) : .loopback4(port: 0))
        port = listener.address.port
        isTLS = tls != nil
        let threads = try OriginThreads(listener.descriptor, tls, script)
        self.threads = threads
        startThread(name: "origin") { threads.acceptAll() }
    }

    deinit { stop() }

    /// Answers every request on every connection with the same function of it.
    package convenience init(
        tls: TLSServerContext? = nil, answering answer: @escaping @Sendable (SeenRequest) -> (Int, [UInt8])
    ) throws {
        try self.init(tls: tls) { session in
            while let request = try session.readRequest() {
                let (status, body) = answer(request)
                try session.respond(status, body: body)
            }
        }
    }

    /// `127.0.0.1:port`.
    package var authority: Authority { Authority(uncheckedHost: "127.0.0.1", port: port) }

    /// Its address for a proxy or client, with a path.
    package func url(_ path: String = "/") -> String { (isTLS ? "https" : "http") + "://127.0.0.1:\(port)\(path)" }

    /// All requests read so far.
    package var requests: [SeenRequest] { log.withLock { $0.requests } }

    /// How many connections were accepted so far.
    package var connectionCount: Int { log.withLock { $0.connections } }

    /// Why scripts ended before their time.
    package var faults: [String] { log.withLock { $0.faults } }

    /// Waits until so many requests have been read; `false` when that did not happen.
    package func waitForRequests(_ count: Int, atMost limit: Duration = .seconds(20)) -> Bool {
        log.wait(until: .now() + limit) { $0.requests.count >= count ? true : nil } ?? false
    }

    /// Waits until so many connections have been accepted; `false` when that did not happen.
    package func waitForConnections(_ count: Int, atMost limit: Duration = .seconds(20)) -> Bool {
        log.wait(until: .now() + limit) { $0.connections >= count ? true : nil } ?? false
    }

    /// Lets one `waitForRelease` of a script go on.
    package func release() { threads.gate.signal() }

    /// Accepts no more connections; those that exist go on.
    package func stop() { threads.stopSignal.raise() }

    /// Loopback is forbidden to a proxy unless a rule names it: this one does, for tests.
    package static let loopbackPolicy = DestinationPolicy(
        rules: [
            DestinationPolicy.Rule(.allow, ["127.0.0.0/8", "::1"].compactMap { IPNetwork($0) })
        ])

}

/// What the threads of an origin share; they live as long as their connections, the listener as long as the origin.
final class OriginThreads: Sendable {
    struct Log: Sendable {
        var requests: [SeenRequest] = []
        var connections = 0
        var faults: [String] = []
    }

    let gate = Semaphore()
    let log = Monitor(Log())
    let stopSignal: WakeSignal
    private let listener: Lock<SharedDescriptor?>
    private let tls: TLSServerContext?
    private let script: ScriptedOrigin.Script

    init(_ listener: SharedDescriptor, _ tls: TLSServerContext?, _ script: @escaping ScriptedOrigin.Script) throws {
        self.listener = Lock(listener)
        self.tls = tls
        self.script = script
        stopSignal = try WakeSignal()
    }

    func note(_ request: SeenRequest) { log.change { $0.requests.append(request) } }

    func acceptAll() {
        guard let listener = listener.withLock({ $0.take() }) else { return }
        while true {
            switch Kernel.accept4(listener.raw) {
            case .accepted(let descriptor, _):
                let index = log.change { log in
                    defer { log.connections += 1 }
                    return log.connections
                }
                let number = descriptor.release()
                startThread(name: "origin-\(index)") { [self] in
                    serve(OwnedDescriptor(adopting: number), index)
                }
            case .wouldBlock:
                var entries = [
                    pollfd(fd: listener.raw, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: stopSignal.raw, events: Int16(POLLIN), revents: 0),
                ]
                _ = poll(&entries, 2, -1)
                if entries[1].revents != 0 { return }
            case .failed:
                return
            }
        }
    }

    private func serve(_ descriptor: consuming OwnedDescriptor, _ index: Int) {
        Kernel.setNoDelay(descriptor.number)
        guard let connection = try? BlockingConnection(descriptor) else { return }
        do {
            if let tls { try connection.startTLS(tls) }
            var session = OriginSession(connection: connection, index: index, origin: self)
            try script(&session)
            connection.finish()
        } catch {
            log.change { $0.faults.append("\(error)") }
            connection.reset()
        }
    }
}
