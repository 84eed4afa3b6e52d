import Core
import Glibc
import Platform
import Proxy
import RelayTesting
import Testing
import Wire

/// What clients see of a proxy that stops in order.
@Suite struct DrainTests {
    private static let options: ProxyOptions = {
        var options = ProxyOptions()
        // One loop, so that connections are accepted in their order.
        options.settings.loops = 1
        return options
    }()

    @Test func `who has just connected is answered, and who has been answered is let go`() async throws {
        try await withProxy(Self.options) { proxy in
            let origin = try ScriptedOrigin { (200, Array($0.target.utf8)) }
            let secure = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) {
                (200, Array($0.target.utf8))
            }
            let fresh = try proxy.client()
            var tunnel = try proxy.client()
            try tunnel.openTunnel(to: secure.authority.text)
            let used = try proxy.client()
            #expect(try used.get(origin.url("/before")).text == "/before")

            let stop = Task { await proxy.server.stop(grace: .seconds(20)) }
            #expect(used.connection.isClosedByPeer)
            let answer = try fresh.get(origin.url("/fresh"))
            #expect(answer.text == "/fresh" && answer.head.fields.first("Connection") == "close")
            try tunnel.connection.startTLS(proxy.trust, host: "127.0.0.1")
            #expect(try tunnel.get(secure.url("/tunnel")).text == "/tunnel")
            await stop.value
            #expect(try proxy.rows().map(\.status) == [200, 200, 200])
        }
    }

    @Test func `a request under way is answered in full, and its answer says that it is the last`() async throws {
        try await withProxy(Self.options) { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    if request.target == "/slow" { try session.waitForRelease() }
                    try session.respond(text: request.target)
                }
            }
            let idle = try proxy.client()
            #expect(try idle.get(origin.url("/idle")).text == "/idle")
            let client = try proxy.client()
            try client.send("GET", origin.url("/slow"))
            try client.send("GET", origin.url("/behind"))
            #expect(origin.waitForRequests(2))
            let stop = Task { await proxy.server.stop(grace: .seconds(20)) }
            #expect(idle.connection.isClosedByPeer)
            origin.release()
            let answer = try client.answer()
            #expect(answer.text == "/slow" && answer.head.fields.first("Connection") == "close")
            #expect(client.connection.isClosedByPeer)
            await stop.value
        }
    }

    @Test func `who connects and says nothing does not hold up the end for long`() async throws {
        try await withProxy(Self.options) { proxy in
            let origin = try ScriptedOrigin { (200, Array($0.target.utf8)) }
            let silent = try proxy.client()
            // Whose answer says that the connection before it was accepted, and does not wait for a successor.
            #expect(try proxy.client().get(origin.url("/used")).text == "/used")
            let before = MonotonicTime.now()
            let stop = Task { await proxy.server.stop(grace: .seconds(60)) }
            #expect(silent.connection.isClosedByPeer)
            await stop.value
            #expect(MonotonicTime.now() - before < .seconds(20))
        }
    }

    @Test func `a proxy that has stopped leaves no thread behind`() async throws {
        let before = Self.threads()
        for _ in 0..<3 {
            try await withProxy(Self.options) { proxy in
                let origin = try ScriptedOrigin { (200, Array($0.target.utf8)) }
                #expect(try proxy.client().get(origin.url("/a")).text == "/a")
                #expect(Self.threads() > before)
            }
        }
        let deadline = MonotonicTime.now() + .seconds(20)
        // Looks until the threads have gone.
        while Self.threads() > before, MonotonicTime.now() < deadline { usleep(5_000) }
        #expect(Self.threads() <= before)
    }

    /// How many threads of a proxy this process has; an origin's and the test's own are named otherwise.
    private static func threads() -> Int {
        let names = ["loop-", "resolve-", "storage-", "inspect-", "leaves-"]
        let tasks = (try? Kernel.names(inFolder: "/proc/self/task")) ?? []
        return tasks.count { task in
            let bytes = (try? Kernel.contents(of: "/proc/self/task/\(task)/comm")) ?? []
            let name = String(decoding: bytes, as: UTF8.self)
            return names.contains { name.hasPrefix($0) }
        }
    }
}
