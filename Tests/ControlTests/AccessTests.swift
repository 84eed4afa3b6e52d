import Core
import Sessions
import SessionsTesting
import Platform
import Testing
import Wire

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct AccessTests {
    static let guarded = [
        ("POST", "/session"), ("GET", "/session/abc"), ("DELETE", "/session/abc"), ("DELETE", "/resources/abc"),
        ("GET", "/"), ("GET", "/page/app.js"), ("GET", "/page/style.css"), ("GET", "/metrics"),
        ("GET", "/sessions"), ("GET", "/transfers"), ("GET", "/session/abc/live"),
        ("GET", "/session/abc/artifacts/\(String(repeating: "0", count: 64))"),
        ("GET", "/cache"), ("GET", "/cache/entries"), ("POST", "/cache/verify"), ("POST", "/cache/gc"),
    ]

    @Test func theAdministratorsEndpointsNeedCredentials() async throws {
        try await ControlBench.run { (bench) async throws in
            let values = [
                nil, "", "Basic", "Basic ", "Basic ???", "Bearer abc", "Basic " + Base64.encode(Array("admin".utf8)),
                BasicCredentials(user: "admin", password: "wrong").fieldValue,
                BasicCredentials(user: "", password: "").fieldValue,
                BasicCredentials(user: "Admin", password: "pa:ss").fieldValue,
            ]
            for (method, target) in Self.guarded {
                for value in values {
                    let fields = value.map { [("Authorization", $0)] } ?? []
                    let reply = try await bench.probe.send(method, target, fields, body: Array("{}".utf8))
                    #expect(reply.status == 401 && reply.text == "401 Unauthorized", "\(method) \(value ?? "none")")
                    #expect(reply.fields.first("WWW-Authenticate") == "Basic realm=\"fetch-service\"")
                }
            }
            #expect(try bench.records.sessions().isEmpty)
        }
    }

    @Test func statusAndRevocationNeedNoCredentials() async throws {
        try await ControlBench.run { (bench) async throws in
            #expect(try await bench.probe.send("GET", "/status").status == 200)
            #expect(try await bench.revoke("abc", "x").status == 404)
        }
    }

    @Test(arguments: [
        ("POST", "/", 405), ("GET", "/page", 404), ("GET", "///", 404),
        ("GET", "/session/a/artifacts", 404), ("GET", "/session/a/artifacts/", 404),
        ("GET", "/session/a/artifacts/b/c", 404),
        ("POST", "/sessions", 405), ("DELETE", "/sessions", 405), ("POST", "/transfers", 405),
        ("PUT", "/openapi.json", 405), ("POST", "/metrics", 405), ("DELETE", "/cache", 405), ("PUT", "/cache/gc", 405),
        ("DELETE", "/session/a/artifacts/b", 405), ("POST", "/session/a/live", 405), ("HEAD", "/session/a/live", 405),
        ("OPTIONS", "/sessions", 405), ("TRACE", "/status", 405), ("HEAD", "/nothing", 404),
        ("GET", "/nothing", 404), ("GET", "/session/a/b/c", 404), ("GET", "//status", 404),
        ("GET", "/session//token", 404), ("DELETE", "/session//token", 404), ("GET", "/session", 405),
        ("DELETE", "/status", 405), ("PUT", "/session/abc", 405), ("PATCH", "/session/abc", 405),
        ("GET", "/session/abc/token", 405), ("POST", "/resources/abc", 405),
    ])
    func unknownPathsAndMethodsAreToldBeforeAskingForCredentials(
        method: String, target: String, status: Int
    ) async throws {
        try await ControlBench.run { (bench) async throws in
            let reply = try await bench.probe.send(method, target)
            #expect(reply.status == status)
            let text = status == 404 ? "404 Not Found" : "405 Method Not Allowed"
            #expect(
                reply.text == (method == "HEAD" ? "" : text) && reply.fields.first("Content-Length") == "\(text.count)")
            if target == "/session/abc" { #expect(reply.fields.first("Allow") == "DELETE, GET, HEAD") }
        }
    }

    @Test(arguments: [
        ("/status/", "/status"), ("/session/", "/session"), ("/session/abc/?a=b", "/session/abc?a=b"),
        ("/session/abc/token/", "/session/abc/token"), ("/resources/abc/", "/resources/abc"),
        ("/sessions/?limit=2", "/sessions?limit=2"), ("/transfers/", "/transfers"), ("/openapi.json/", "/openapi.json"),
        ("/session/abc/live/?after=1", "/session/abc/live?after=1"),
        ("/session/a/artifacts/b/", "/session/a/artifacts/b"),
    ])
    func aTrailingSlashIsRedirected(target: String, location: String) async throws {
        try await ControlBench.run { (bench) async throws in
            let reply = try await bench.probe.send("GET", target)
            #expect(reply.status == 301 && reply.fields.first("Location") == location)
            #expect(try await bench.probe.send("GET", "/nothing/").status == 404)
        }
    }

    @Test func idsThatCannotBeNamesOfFoldersNameNothing() async throws {
        try await ControlBench.run { (bench) async throws in
            let long = String(repeating: "a", count: 65)
            for id in [
                "..", "%2e%2e", "a.b", "A", "a%2fb", "a-b", long, "%00", "a%5cb", "%2e%2e%2f%2e%2e%2fetc", "%252e",
                "a;b", "a%",
            ] {
                for (method, path) in [
                    ("GET", "session"), ("DELETE", "session"), ("HEAD", "session"),
                ] {
                    #expect(try await bench.asAdmin(method, "/\(path)/\(id)").status == 404, "\(id)")
                }
                let resources = try await bench.asAdmin("DELETE", "/resources/\(id)")
                #expect(resources.status == (id == long ? 200 : 400), "\(id)")
                #expect(try await bench.asAdmin("GET", "/session/\(id)/live").status == 404, "\(id)")
                #expect(try await bench.revoke(id, "x").status == 404, "\(id)")
            }
        }
    }

    @Test(arguments: [
        "localhost", "localhost:9999", "LOCALHOST", "127.0.0.1", "10.1.2.3:9999", "[::1]", "[2001:db8::1]:9999",
        "fetch.example", "FETCH.example:80", "fetch.example.",
    ])
    func ownNamesAreServed(host: String) async throws {
        try await ControlBench.run { (bench) async throws in
            #expect(try await bench.probe.send("GET", "/status", host: host).status == 200)
        }
    }

    @Test(arguments: ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "fetch.example.evil.example"])
    func otherNamesAreRefusedToBrowsers(host: String) async throws {
        try await ControlBench.run { (bench) async throws in
            for (path, fields) in [
                ("/", []), ("/page/app.js", []), ("/status", [("Origin", "http://\(host)")]),
                ("/status", [("Sec-Fetch-Mode", "cors")]),
            ] as [(String, [(String, String)])] {
                let reply = try await bench.probe.send("GET", path, fields, host: host)
                #expect(reply.status == 403 && reply.text.contains("--control-name"), "\(path) \(fields)")
            }
            // A program that has found us under that name.
            #expect(try await bench.probe.send("GET", "/status", host: host).status == 200)
        }
    }

    @Test func foreignPagesAreRefused() async throws {
        try await ControlBench.run { (bench) async throws in
            for origin in ["http://evil.example", "https://localhost", "null", "http://localhost:1"] {
                #expect(try await bench.probe.send("GET", "/status", [("Origin", origin)]).status == 403, "\(origin)")
            }
            let own = try await bench.probe.send("GET", "/status", [("Origin", "http://localhost")])
            #expect(own.status == 200)
        }
    }

    @Test func whoOnlyWatchesIsNoUse() async throws {
        try await ControlBench.run { (bench) async throws in
            for target in ["/sessions", "/transfers", "/openapi.json", "/session/abc/live"] {
                _ = try await bench.asAdmin("GET", target)
            }
            #expect(bench.uses.withLock { $0 } == 0)
            for method in ["GET", "HEAD"] { _ = try await bench.asAdmin(method, "/session/abc") }
            #expect(bench.uses.withLock { $0 } == 2)
        }
    }

    // MARK: Where from

    @Test(arguments: [("127.0.0.0/8", true), ("::1", false), ("10.0.0.0/8", false), ("0.0.0.0/0", true)])
    func administrationIsLimitedToNetworks(network: String, isAllowed: Bool) async throws {
        let network = try #require(IPNetwork(network))
        try await ControlBench.run(adjust: { $0.administrators = [network] }) { (bench) async throws in
            for (method, target) in Self.guarded where !target.hasSuffix("/live") {
                let reply = try await bench.asAdmin(method, target, "{}")
                #expect((reply.status == 403) != isAllowed, "\(method) \(target): \(reply.status)")
                if !isAllowed { #expect(reply.text.contains("127.0.0.1") && reply.text.contains("control.admin-from")) }
            }
            // The others' endpoints are as open as before.
            #expect(try await bench.probe.send("GET", "/status").status == 200)
            #expect(try await bench.revoke("abc", "x").status == 404)
        }
    }

    @Test func anIPv4ClientOfAnIPv6SocketIsOfItsNetwork() {
        var settings = ControlSettings(user: "u", password: "p", spoolPath: "/")
        #expect(settings.mayAdminister(from: "") && settings.mayAdminister(from: "192.0.2.1"))
        settings.administrators = ["192.0.2.0/24", "2001:db8::/32"].compactMap { IPNetwork($0) }
        #expect(settings.mayAdminister(from: "192.0.2.1") && settings.mayAdminister(from: "::ffff:192.0.2.1"))
        #expect(settings.mayAdminister(from: "2001:db8::1"))
        for other in ["", "192.0.3.1", "::1", "2001:db9::1", "nonsense"] {
            #expect(!settings.mayAdminister(from: other), "\(other)")
        }
    }

    @Test func nothingMayBeKeptByCaches() async throws {
        try await ControlBench.run { (bench) async throws in
            for target in ["/status", "/openapi.json", "/sessions", "/nothing", "/session/abc"] {
                #expect(try await bench.asAdmin("GET", target).fields.first("Cache-Control") == "no-store", "\(target)")
            }
        }
    }

    // MARK: Guessing

    @Test func failedLoginsAreSlowedMoreAndMore() async throws {
        let pauses = Lock<[Duration]>([])
        let time = Lock(MonotonicTime(nanoseconds: 0))
        var settings = ControlSettings(user: "u", password: "p", spoolPath: "/")
        settings.loginDelay = .milliseconds(100)
        settings.longestLoginDelay = .seconds(2)
        let gate = AdminGate(
            settings: settings, now: { time.withLock { $0 } }, sleep: { pause in pauses.withLock { $0.append(pause) } })
        for _ in 0..<7 { #expect(try await gate.verdict(on: "Basic x", from: "a") == .unauthorized) }
        #expect(pauses.withLock { $0 } == [100, 200, 400, 800, 1600, 2000, 2000].map { Duration.milliseconds($0) })
        // The right password is never slowed, and other addresses are not concerned.
        let right = BasicCredentials(user: "u", password: "p").fieldValue
        #expect(try await gate.verdict(on: right, from: "a") == .admitted)
        pauses.withLock { $0 = [] }
        _ = try await gate.verdict(on: "Basic x", from: "b")
        time.withLock { $0 = $0 + .seconds(61) }
        _ = try await gate.verdict(on: "Basic x", from: "a")
        #expect(pauses.withLock { $0 } == [.milliseconds(100), .milliseconds(100)])
    }

    @Test func oneAddressCannotHaveManyFailuresWaiting() async throws {
        let gateOpen = Latch()
        let entered = Semaphore()
        let threads = WorkerPool(name: "sleepers", threads: 20, capacity: 64)
        let gate = AdminGate(
            settings: ControlSettings(user: "u", password: "p", spoolPath: "/"),
            sleep: { _ in
                entered.signal()
                try await threads.run { _ = gateOpen.wait() }
            })
        let attempts = (0..<16).map { _ in Task { try await gate.verdict(on: "Basic x", from: "a") } }
        try await threads.run { for _ in 0..<16 { entered.wait() } }
        #expect(try await gate.verdict(on: "Basic x", from: "a") == .refused)
        gateOpen.signal()
        for attempt in attempts { #expect(try await attempt.value == .unauthorized) }
        threads.stop()
    }

    @Test func wrongTokensAreSlowedAndTheRightOneIsNot() async throws {
        let delay = Duration.milliseconds(500)
        try await ControlBench.run(adjust: {
            $0.loginDelay = delay
            $0.longestLoginDelay = delay
        }) { (bench) async throws in
            let (id, token) = try await bench.open()
            let isSeen = Lock(false)
            let guesses = (0..<18).map { _ in
                Task {
                    while !isSeen.withLock({ $0 }) {
                        let before = MonotonicTime.now()
                        let reply = try await bench.revoke(id, "guess")
                        let isSlowed = MonotonicTime.now() - before >= delay
                        #expect(reply.status == 429 || reply.text == "invalid session token" && isSlowed)
                    }
                }
            }
            var reply = try await bench.revoke(id, "guess")
            while reply.status != 429 { reply = try await bench.revoke(id, "guess") }
            #expect(reply.text == "too many wrong tokens from this address")
            // The right one is answered all the same.
            #expect(try await bench.revoke(id, token).status == 200)
            isSeen.withLock { $0 = true }
            for guess in guesses { try await guess.value }
        }
    }
}
