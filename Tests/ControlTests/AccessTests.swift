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
        ("POST", "/", 405), ("GET", "/page", 404), ("GET", "///", 404), ("GET", "/nothing", 404),
        ("GET", "/session/a/b/c", 404), ("GET", "//status", 404),
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
            #expect(reply.text == (status == 404 ? "404 Not Found" : "405 Method Not Allowed"))
            if target == "/session/abc" { #expect(reply.fields.first("Allow") == "GET, HEAD, DELETE") }
        }
    }

    @Test(arguments: [
        ("/status/", "/status"), ("/session/", "/session"), ("/session/abc/?a=b", "/session/abc?a=b"),
        ("/session/abc/token/", "/session/abc/token"), ("/resources/abc/", "/resources/abc"),
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
            for id in ["..", "%2e%2e", "a.b", "A", "a%2fb", "a-b", long, "%00"] {
                for (method, path) in [("GET", "session"), ("DELETE", "session"), ("DELETE", "resources")] {
                    #expect(try await bench.asAdmin(method, "/\(path)/\(id)").status == 404, "\(id)")
                }
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
    func otherNamesAreRefused(host: String) async throws {
        try await ControlBench.run { (bench) async throws in
            let reply = try await bench.probe.send("GET", "/status", host: host)
            #expect(reply.status == 403 && reply.text.contains("--control-name"))
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
}
