import Core
import Cryptography
import Glibc
import RelayTesting
import Platform
import Testing
import Wire

@testable import Relay

@Suite(.timeLimit(.minutes(2))) struct OriginPoolTests {
    private func failure(_ exchange: Exchange) throws -> (OriginError.Kind, Int, String)? {
        switch try exchange.outcome().events.last {
        case .failed(let kind, let status, let reason), .refused(let kind, let status, let reason):
            (kind, status, reason)
        default: nil
        }
    }

    private func key(
        _ host: String, _ port: UInt16, scheme: Scheme = .http, proxy: ScriptedOrigin? = nil, user: String? = nil
    ) -> OriginKey {
        OriginKey(
            scheme: scheme, authority: Authority(uncheckedHost: host, port: port),
            upstreamProxy: proxy.map { UpstreamProxy(authority: $0.authority, authorization: user) })
    }

    /// A port of loopback where nothing listens.
    private func closedPort() throws -> UInt16 { try Listener(.loopback4(port: 0)).address.port }

    // MARK: Destinations

    @Test(arguments: [
        "127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::80ff:fffe",
        "0.0.0.0", "::",
        "169.254.1.1", "fe80::1", "169.254.169.254", "224.0.0.1", "ff02::1", "240.0.0.1", "localhost.example",
    ])
    func `a refused destination is 403 before a byte is sent`(_ host: String) throws {
        let origin = try ScriptedOrigin { _ in (200, []) }
        let pool = try TestPool(policy: DestinationPolicy(), names: ["localhost.example": ["127.0.0.1", "::1"]])
        let found = try #require(try failure(pool.ask(key(host, origin.port))))
        #expect(found.0 == .refusedDestination && found.1 == 403)
        #expect(found.2.contains("refused"))
        #expect(origin.connectionCount == 0)
    }

    @Test func `a bad port is refused`() throws {
        let pool = try TestPool()
        let found = try #require(try failure(pool.ask(key("127.0.0.1", 25))))
        #expect(found.0 == .refusedDestination && found.2.contains("port"))
    }

    @Test func `of several addresses only the allowed ones are used`() throws {
        let origin = try ScriptedOrigin { _ in (200, Array("ok".utf8)) }
        let one = try #require(IPNetwork("127.0.0.1"))
        let policy = DestinationPolicy(rules: [DestinationPolicy.Rule(.allow, [one])])
        let pool = try TestPool(policy: policy, names: ["mixed.example": ["127.0.0.2", "::1", "127.0.0.1"]])
        #expect(try pool.ask(key("mixed.example", origin.port)).outcome().body == Array("ok".utf8))
    }

    @Test func `a new policy closes what it denies, in use or not`() throws {
        let origin = try ScriptedOrigin { session in
            while let request = try session.readRequest() {
                if request.target == "/idle" {
                    try session.respond(text: "ok")
                } else {
                    try session.send("HTTP/1.1 200 OK\r\n\r\npart")
                }
            }
        }
        let pool = try TestPool()
        let running = pool.ask(OriginKey(origin), get("/running"))
        #expect(running.waitForBody(4))
        _ = try pool.ask(OriginKey(origin), get("/idle")).outcome()
        #expect(try pool.idleCount == 1)
        try pool.test.run { pool.pool.update(policy: DestinationPolicy()) }
        #expect(try pool.idleCount == 0)
        #expect(try failure(running)?.0 == .refusedDestination)
        #expect(try failure(pool.ask(OriginKey(origin), get("/idle")))?.1 == 403)
        try pool.test.run { pool.pool.update(policy: ScriptedOrigin.loopbackPolicy) }
        #expect(try pool.ask(OriginKey(origin), get("/idle")).outcome().body == Array("ok".utf8))
    }

    // MARK: Connecting

    @Test func `a name without address is 502`() throws {
        let pool = try TestPool()
        let found = try #require(try failure(pool.ask(key("nowhere.example", 80))))
        #expect(found.0 == .resolution && found.1 == 502 && found.2.contains("nowhere.example"))
    }

    @Test func `a closed port is 502 and every address was tried`() throws {
        let pool = try TestPool(names: ["host.example": ["127.0.0.1", "127.0.0.2"]])
        let found = try #require(try failure(pool.ask(key("host.example", try closedPort()))))
        #expect(found.0 == .connectFailed && found.1 == 502)
        #expect(found.2.contains("127.0.0.1") && found.2.contains("127.0.0.2"))
    }

    @Test func `a refused connection falls back to the next address at once`() throws {
        let origin = try ScriptedOrigin { _ in (200, []) }
        var settings = RelaySettings()
        settings.attemptDelay = .seconds(1000)
        let pool = try TestPool(settings: settings, names: ["host.example": ["::1", "127.0.0.3", "127.0.0.1"]])
        #expect(try pool.ask(key("host.example", origin.port)).outcome().events.first == .head(200, .length(0)))
    }

    /// A listener whose backlog is full: connecting to it gets no answer.
    private final class BlackHole {
        let listener: SharedDescriptor
        var clients: [OwnedDescriptorBox] = []

        final class OwnedDescriptorBox {
            let descriptor: SharedDescriptor
            init(_ descriptor: SharedDescriptor) { self.descriptor = descriptor }
        }

        init(_ address: SocketAddress) throws {
            listener = try Listener(address, backlog: 0).descriptor
            let bound = try #require(Kernel.localAddress(listener.raw))
            for _ in 0..<4 {
                let client = SharedDescriptor(adopting: try Kernel.socket(ipv6: false))
                _ = Kernel.connect(client.raw, bound)
                clients.append(OwnedDescriptorBox(client))
            }
        }

        var port: UInt16 { Kernel.localAddress(listener.raw)?.port ?? 0 }
    }

    @Test func `a silent address is overtaken by the next one`() throws {
        let origin = try ScriptedOrigin { _ in (200, []) }
        let hole = try BlackHole(try #require(SocketAddress(ip: "127.0.0.2", port: origin.port)))
        var settings = RelaySettings()
        settings.attemptDelay = .milliseconds(20)
        let pool = try TestPool(settings: settings, names: ["host.example": ["127.0.0.2", "127.0.0.1"]])
        #expect(try pool.ask(key("host.example", origin.port)).outcome().events.first == .head(200, .length(0)))
        withExtendedLifetime(hole) {}
    }

    @Test func `connecting ends in time with 504`() throws {
        let hole = try BlackHole(.loopback4(port: 0))
        var settings = RelaySettings()
        settings.connectTimeout = .milliseconds(50)
        let pool = try TestPool(settings: settings)
        let found = try #require(try failure(pool.ask(key("127.0.0.1", hole.port))))
        #expect(found.0 == .connectTimeout && found.1 == 504)
    }

    @Test func `addresses of both families take turns`() {
        let addresses = ["::1", "::2", "::3", "10.0.0.1", "10.0.0.2"].compactMap { IPAddress($0) }
        let order = ConnectRace.interleaved(addresses).map(\.description)
        #expect(order == ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"])
    }

    @Test func `a withdrawn wish calls nobody`() throws {
        let origin = try ScriptedOrigin { _ in (200, []) }
        let pool = try TestPool()
        _ = try pool.ask(OriginKey(origin)).outcome()
        let called = Monitor(0)
        let originKey = OriginKey(origin)
        try pool.test.run {
            pool.pool.acquire(originKey) { _ in called.change { $0 += 1 } }.cancel()
            pool.pool.acquire(originKey, fresh: true) { _ in called.change { $0 += 1 } }.cancel()
        }
        try pool.test.settle()
        #expect(called.withLock { $0 } == 0)
        #expect(try pool.test.run { pool.pool.activeCount } == 0)
        #expect(try pool.idleCount == 1)
    }

    // MARK: Keeping

    @Test func `unused connections are bounded and let go after a while`() throws {
        let origin = try ScriptedOrigin { session in
            while try session.readRequest() != nil {
                try session.waitForRelease()
                try session.respond()
            }
        }
        var settings = RelaySettings()
        settings.idlePerKey = 2
        settings.idleTotal = 3
        settings.pooledIdleTimeout = .milliseconds(200)
        let pool = try TestPool(settings: settings)
        let exchanges = ["a", "a", "a", "b", "b"].map { pool.ask(OriginKey(origin, scope: $0)) }
        #expect(origin.waitForRequests(5))
        for _ in 0..<5 { origin.release() }
        for exchange in exchanges { _ = try exchange.outcome() }
        #expect(try pool.idleCount <= 3)
        #expect(try pool.waitForIdle(0))
    }

    @Test func `an unused connection that the origin ends is let go`() throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.respond()
            try session.waitForRelease()
        }
        let pool = try TestPool()
        _ = try pool.ask(OriginKey(origin)).outcome()
        #expect(try pool.idleCount == 1)
        origin.release()
        #expect(try pool.waitForIdle(0))
    }

    // MARK: Timeouts

    @Test func `an origin that does not answer is 504, one that stops in mid-body too`() throws {
        let origin = try ScriptedOrigin { session in
            guard let request = try session.readRequest() else { return }
            if request.target == "/body" { try session.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart") }
            try session.waitForRelease()
        }
        var settings = RelaySettings()
        settings.headTimeout = .milliseconds(60)
        settings.idleTimeout = .milliseconds(60)
        let pool = try TestPool(settings: settings)
        for target in ["/head", "/body"] {
            let found = try #require(try failure(pool.ask(OriginKey(origin), get(target))))
            #expect(found.0 == .timeout && found.1 == 504, "\(target): \(found)")
        }
        for _ in 0..<2 { origin.release() }
    }

    @Test func `a head that trickles in has one deadline`() throws {
        let origin = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.send("HTTP/1.1 200 OK\r\nA: ")
            while true {
                try session.send("a")
                // A trickle, which the client ends.
                usleep(10_000)
            }
        }
        var settings = RelaySettings()
        settings.headTimeout = .milliseconds(100)
        let pool = try TestPool(settings: settings)
        #expect(try failure(pool.ask(OriginKey(origin)))?.0 == .timeout)
    }

    @Test func `backpressure of ours is not the origin's silence`() throws {
        let origin = try ScriptedOrigin { _ in (200, [UInt8](repeating: 1, count: 4 << 20)) }
        var settings = RelaySettings()
        settings.idleTimeout = .milliseconds(150)
        let pool = try TestPool(settings: settings)
        let loop = pool.test.loop
        let exchange = pool.ask(OriginKey(origin)) { exchange, connection in
            exchange.onBody = { connection in
                exchange.onBody = nil
                connection.pauseReading()
                loop.schedule(after: .milliseconds(500)) { connection.resumeReading() }
            }
        }
        #expect(try exchange.outcome().body.count == 4 << 20)
    }

    @Test func `a TLS handshake that stalls is 504`() throws {
        let origin = try ScriptedOrigin { session in try session.waitForRelease() }
        var settings = RelaySettings()
        settings.tlsTimeout = .milliseconds(50)
        let pool = try TestPool(settings: settings)
        let found = try #require(try failure(pool.ask(key("127.0.0.1", origin.port, scheme: .https))))
        #expect(found.0 == .timeout && found.1 == 504 && found.2.contains("TLS"))
        origin.release()
    }

    // MARK: TLS

    @Test func `sessions are resumed`() throws {
        let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { request in (200, request.body) }
        let pool = try TestPool()
        let resumed = Monitor<[Bool]>([])
        for _ in 0..<2 {
            let exchange = pool.ask(OriginKey(origin), fresh: true) { _, connection in
                resumed.change { $0.append(connection.tlsResumed) }
            }
            #expect(try exchange.outcome().events == [.head(200, .length(0)), .end(trailers: [])])
        }
        #expect(resumed.withLock { $0 } == [false, true])
    }

    @Test func `a certificate for another host or of another authority is refused with the reason`() throws {
        let wrongHost = try ScriptedOrigin(tls: TestCertificates.shared.get().server("other.example")) { _ in (200, [])
        }
        let wrongAuthority = try ScriptedOrigin(tls: TestCertificates(commonName: "stranger").server()) { _ in (200, [])
        }
        let pool = try TestPool()
        for (origin, word) in [(wrongHost, "other.example"), (wrongAuthority, "issuer")] {
            let found = try #require(try failure(pool.ask(OriginKey(origin))))
            #expect(found.0 == .tls && found.1 == 502 && found.2.contains(word), "\(found.2)")
            #expect(origin.requests.isEmpty)
        }
    }

    @Test func `the name of the authority is verified, whatever the address`() throws {
        let origin = try ScriptedOrigin(tls: TestCertificates.shared.get().server("host.example")) { request in
            (200, Array(request.target.utf8))
        }
        let pool = try TestPool(names: ["host.example": ["127.0.0.1"]])
        #expect(try pool.ask(OriginKey(origin, host: "host.example"), get("/x")).outcome().body == Array("/x".utf8))
    }

    // MARK: Upstream proxies

    @Test func `a plain request goes through a proxy in absolute-form`() throws {
        let proxy = try ScriptedOrigin { request in (200, Array(request.target.utf8)) }
        // The default policy: loopback is closed, but the proxy itself is exempt.
        let pool = try TestPool(policy: DestinationPolicy(), names: ["host.example": ["192.0.2.10"]])
        let first = try pool.ask(key("host.example", 80, proxy: proxy, user: "Basic eDp5"), get("/a?b=%2F")).outcome()
        #expect(first.body == Array("http://host.example/a?b=%2F".utf8))
        #expect(proxy.requests.first?.head.fields.all("Proxy-Authorization") == ["Basic eDp5"])
        let second = try pool.ask(key("host.example", 8080, proxy: proxy), get("*", method: "OPTIONS")).outcome()
        #expect(second.body == Array("http://host.example:8080".utf8))
        #expect(second.isReused == false)
    }

    @Test func `TLS goes through a tunnel and is verified against the origin`() throws {
        let context = try TestCertificates.shared.get().server("host.example")
        let proxy = try ScriptedOrigin { session in
            guard let connect = try session.readRequest(), connect.target == "host.example:443" else { return }
            try session.send("HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\n")
            try session.connection.startTLS(context)
            while let request = try session.readRequest() { try session.respond(body: Array(request.target.utf8)) }
        }
        let pool = try TestPool(policy: DestinationPolicy(), names: ["host.example": ["192.0.2.10"]])
        let tunnel = key("host.example", 443, scheme: .https, proxy: proxy, user: "Basic eDp5")
        #expect(try pool.ask(tunnel, get("/in")).outcome().body == Array("/in".utf8))
        #expect(try pool.ask(tunnel, get("/again")).outcome().isReused == true)
        let heads = proxy.requests.map(\.head)
        #expect(heads[0].method == "CONNECT" && heads[0].fields.all("Proxy-Authorization") == ["Basic eDp5"])
        #expect(heads[0].fields.all("Host") == ["host.example:443"])
        #expect(!heads[1].fields.contains("Proxy-Authorization"))
    }

    @Test(arguments: [Scheme.http, .https])
    func `what the proxy refuses is 502`(_ scheme: Scheme) throws {
        let proxy = try ScriptedOrigin { request in (407, []) }
        let pool = try TestPool(policy: DestinationPolicy(), names: ["host.example": ["192.0.2.10"]])
        let found = try #require(try failure(pool.ask(key("host.example", 8080, scheme: scheme, proxy: proxy))))
        #expect(found.0 == .proxyRefused && found.1 == 502 && found.2.contains("credentials"))
    }

    @Test(arguments: [
        "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nearly", "garbage", "",
        "HTTP/1.1 101 X\r\n\r\n",
    ])
    func `a tunnel that does not open is 502`(_ answer: String) throws {
        let proxy = try ScriptedOrigin { session in
            _ = try session.readRequest()
            try session.send(answer)
        }
        let pool = try TestPool(policy: DestinationPolicy(), names: ["host.example": ["192.0.2.10"]])
        let found = try #require(try failure(pool.ask(key("host.example", 443, scheme: .https, proxy: proxy))))
        #expect(found.0 == .proxyRefused && found.1 == 502)
    }

    @Test func `destinations behind a proxy are resolved and checked`() throws {
        let proxy = try ScriptedOrigin { _ in (200, []) }
        let names = ["inner.example": ["127.0.0.1"], "mixed.example": ["192.0.2.10", "169.254.169.254"]]
        let pool = try TestPool(policy: DestinationPolicy(), names: names)
        for host in ["inner.example", "mixed.example", "127.0.0.1", "::ffff:10.0.0.1"] {
            let found = try failure(pool.ask(key(host, 80, proxy: proxy)))
            #expect(found?.0 == .refusedDestination || host == "::ffff:10.0.0.1", "\(host)")
        }
        let unknown = try #require(try failure(pool.ask(key("unknown.example", 80, proxy: proxy))))
        #expect(unknown.0 == .resolution && unknown.2.contains("upstream.resolve"))
    }

    @Test func `names can be left to the proxy, literals cannot`() throws {
        let proxy = try ScriptedOrigin { _ in (200, []) }
        let pool = try TestPool(policy: DestinationPolicy(), resolveThroughProxy: true)
        #expect(try pool.ask(key("unknown.example", 80, proxy: proxy)).outcome().events.first == .head(200, .length(0)))
        #expect(try failure(pool.ask(key("127.0.0.1", 80, proxy: proxy)))?.0 == .refusedDestination)
    }

    // MARK: Descriptors

    @Test func `no descriptor is left behind, whatever happens`() async {
        await #expect(processExitsWith: .success) {
            let origin = try ScriptedOrigin { session in
                guard let request = try session.readRequest() else { return }
                switch request.target {
                case "/reset": session.reset()
                case "/short": try session.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
                case "/bad": try session.send("garbage\r\n\r\n")
                default: try session.respond(text: "ok")
                }
            }
            let secure = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { _ in (200, []) }
            let pool = try TestPool()
            func everything() throws {
                for target in ["/ok", "/reset", "/short", "/bad", "/ok"] {
                    _ = try pool.ask(OriginKey(origin), get(target), fresh: true).outcome()
                }
                _ = try pool.ask(OriginKey(secure), fresh: true).outcome()
                _ = try pool.ask(OriginKey(scheme: .https, authority: origin.authority), fresh: true).outcome()
                let cancelled = pool.ask(OriginKey(secure), fresh: true) { _, connection in connection.cancel() }
                try pool.test.settle()
                _ = cancelled
                try pool.test.run { pool.pool.closeIdle() }
            }
            /// Waits until the threads of the origins have closed their ends, too.
            ///
            /// Without an expectation that is when nothing has changed for a good while.
            func settled(_ expected: Int?) -> Int {
                let deadline = MonotonicTime.now() + .seconds(10)
                var (count, looks) = (openDescriptors(), 0)
                while MonotonicTime.now() < deadline {
                    // Between two looks.
                    usleep(20_000)
                    let next = openDescriptors()
                    looks = next == count ? looks + 1 : 0
                    if expected.map({ next <= $0 }) ?? (looks == 20) { return next }
                    count = next
                }
                return count
            }
            try everything()
            let before = settled(nil)
            for _ in 0..<20 { try everything() }
            let after = settled(before)
            precondition(after <= before, "\(after - before) descriptors leaked")
        }
    }
}
