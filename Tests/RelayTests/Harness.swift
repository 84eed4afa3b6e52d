import Core
import Cryptography
import Glibc
import Relay
import RelayTesting
import Platform
import Testing
import Wire

/// A running loop, stopped when the test lets go of it.
final class TestLoop: Sendable {
    let loop: EventLoop

    init(mailboxCapacity: Int = 1024) throws {
        loop = try EventLoop(index: 0, mailboxCapacity: mailboxCapacity)
        loop.start()
    }

    deinit { loop.stop() }

    /// Runs `body` on the loop and waits for what it gives.
    func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) throws -> R {
        let box = Monitor<Result<R, any Error>?>(nil)
        loop.execute {
            let result = Result { try body() }
            box.change { $0 = result }
        }
        return try #require(box.wait(until: .now() + .seconds(20)) { $0 }).get()
    }

    /// Waits until the loop has finished the turn after this one.
    func settle() throws {
        for _ in 0..<3 { try run {} }
    }
}

/// What a stream's handler of a test does; kept by the stream.
final class Reaction: StreamHandler, @unchecked Sendable {
    private let body: (ByteStream) -> Void

    init(_ body: @escaping (ByteStream) -> Void) { self.body = body }

    func streamReady(_ stream: ByteStream) { body(stream) }
}

/// What an exchange with an origin told, in order, for the thread of a test to wait for.
final class Exchange: OriginDelegate, @unchecked Sendable {
    enum Event: Equatable, Sendable {
        case interim(Int)
        case head(Int, BodyFraming)
        case end(trailers: [String])
        case failed(OriginError.Kind, Int, String)
        case refused(OriginError.Kind, Int, String)
    }

    struct State: Sendable {
        var events: [Event] = []
        var body: [UInt8] = []
        var fields: [Fields] = []
        var isOver = false
        var isReused: Bool?
        var receivedAnything: Bool?
        var bodyCalls = 0
    }

    let state = Monitor(State())
    // Only on the loop.
    var connection: OriginConnection?
    var onHead: ((OriginConnection) -> Void)?
    var onBody: ((OriginConnection) -> Void)?
    var onWritable: ((OriginConnection) -> Void)?

    private func note(_ event: Event, over: Bool = false) {
        state.change {
            $0.events.append(event)
            if over { $0.isOver = true }
        }
    }

    func originInterim(_ connection: OriginConnection, _ head: ResponseHead) { note(.interim(head.status)) }

    func originHead(_ connection: OriginConnection, _ head: ResponseHead, _ framing: BodyFraming) {
        state.change { $0.fields.append(head.fields) }
        note(.head(head.status, framing))
        onHead?(connection)
    }

    func originBody(_ connection: OriginConnection, _ bytes: [UInt8]) {
        state.change {
            $0.body += bytes
            $0.bodyCalls += 1
        }
        onBody?(connection)
    }

    func originEnd(_ connection: OriginConnection, _ trailers: Fields) {
        finish(connection)
        var lines: [String] = []
        trailers.forEach { lines.append("\($0): \($1)") }
        note(.end(trailers: lines), over: true)
    }

    func originFailed(_ connection: OriginConnection, _ error: OriginError) {
        finish(connection)
        note(.failed(error.kind, error.status, error.reason), over: true)
    }

    func originWritable(_ connection: OriginConnection) { onWritable?(connection) }

    func refused(_ error: OriginError) { note(.refused(error.kind, error.status, error.reason), over: true) }

    private func finish(_ connection: OriginConnection) {
        state.change {
            $0.isReused = connection.isReused
            $0.receivedAnything = connection.hasReceivedAnything
        }
        self.connection = nil
    }

    /// Waits for the end and gives everything.
    func outcome() throws -> State {
        try #require(state.wait(until: .now() + .seconds(20)) { $0.isOver ? $0 : nil }, "the exchange never ended")
    }

    /// Waits for so many body bytes.
    func waitForBody(_ count: Int) -> Bool {
        state.wait(until: .now() + .seconds(20)) { $0.body.count >= count ? true : $0.isOver ? false : nil } ?? false
    }
}

/// A loop with a pool of connections to origins, with names resolved by the test.
final class TestPool: Sendable {
    let test: TestLoop
    let pool: OriginPool
    let resolver: NameResolver

    init(
        settings: RelaySettings = RelaySettings(), policy: DestinationPolicy = ScriptedOrigin.loopbackPolicy,
        names: [String: [String]] = [:], resolveThroughProxy: Bool = false, tls: TLSClientContext? = nil
    ) throws {
        let test = try TestLoop()
        self.test = test
        var resolving = NameResolver.Settings()
        resolving.threads = 1
        let resolver = NameResolver(settings: resolving) { host in
            guard let found = names[host] else {
                return .failure(ResolveError(.notFound, host: host, detail: "not in the test"))
            }
            return .success(found.compactMap { IPAddress($0) })
        }
        self.resolver = resolver
        let context = try tls ?? TestCertificates.shared.get().client()
        pool = try test.run {
            OriginPool(
                loop: test.loop, resolver: resolver, tls: context, policy: policy, settings: settings,
                resolveThroughProxy: resolveThroughProxy)
        }
    }

    deinit {
        let pool = pool
        try? test.run { pool.closeAll() }
        resolver.stop()
    }

    /// Asks an origin and returns at once; `prepare` runs on the loop before the request is sent.
    func ask(
        _ key: OriginKey, _ head: RequestHead = get(), body: BodyFraming = .none,
        authorization: SecretBytes? = nil, fresh: Bool = false,
        prepare: @escaping @Sendable (Exchange, OriginConnection) -> Void = { _, _ in }
    ) -> Exchange {
        let exchange = Exchange()
        let pool = pool
        test.loop.execute {
            pool.acquire(key, fresh: fresh) { result in
                switch result {
                case .success(let connection):
                    exchange.connection = connection
                    connection.delegate = exchange
                    prepare(exchange, connection)
                    connection.start(head: head, body: body, authorization: authorization)
                case .failure(let error):
                    exchange.refused(error)
                }
            }
        }
        return exchange
    }

    var idleCount: Int {
        get throws { try test.run { [pool] in pool.idleCount } }
    }

    /// Waits until the pool keeps so many unused connections.
    func waitForIdle(_ count: Int) throws -> Bool {
        let deadline = MonotonicTime.now() + .seconds(20)
        while try idleCount != count {
            guard MonotonicTime.now() < deadline else { return false }
            // Between two looks at what is waited for.
            usleep(500)
        }
        return true
    }
}

extension OriginKey {
    /// A plain or TLS origin of a test.
    init(_ origin: ScriptedOrigin, host: String = "127.0.0.1", scope: String? = nil) {
        self.init(
            scheme: origin.isTLS ? .https : .http, authority: Authority(uncheckedHost: host, port: origin.port),
            credentialScope: scope)
    }
}

/// A head for a test, with a Host field.
func get(_ target: String = "/", method: String = "GET", _ fields: KeyValuePairs<String, String> = [:]) -> RequestHead {
    var head = RequestHead(method: method, target: target)
    head.fields.append("Host", "origin.example")
    for (name, value) in fields { head.fields.append(name, value) }
    return head
}

/// How many descriptors this process has open.
func openDescriptors() -> Int {
    guard let folder = opendir("/proc/self/fd") else { return -1 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
}
