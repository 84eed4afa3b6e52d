import Cache
import Core
import Proxy
import RelayTesting
import Storage
import Testing
import Wire

/// A download that nobody reads goes on for a while: within a budget of bytes, at a minimum rate, until a deadline.
@Suite struct OrphanTests {
    /// Limits that nothing crosses but what a test changes.
    private static func options(_ change: (inout ProxySettings.Orphans) -> Void) -> ProxyOptions {
        var options = ProxyOptions()
        options.settings.orphans.mostBytes = .max
        options.settings.orphans.longest = .seconds(10_000)
        options.settings.orphans.trial = .seconds(10_000)
        options.settings.orphans.leastRate = 0
        change(&options.settings.orphans)
        return options
    }

    /// Sends 500,000 bytes of a large body, then a piece for each release until the proxy is gone.
    private static func origin() throws -> ScriptedOrigin {
        try ScriptedOrigin { session in
            guard try session.readRequest() != nil else { return }
            try session.send(head(200, [("Cache-Control", "max-age=1000")], length: 1 << 30))
            try session.send(noise(500_000))
            while true {
                try session.waitForRelease()
                try session.send(noise(4_000))
            }
        }
    }

    /// Starts a download whose only reader leaves.
    private static func orphan(_ proxy: ProxyFixture, _ origin: ScriptedOrigin) throws {
        let client = try proxy.client()
        try client.send("GET", origin.url("/a"))
        _ = try client.connection.read(exactly: 400_000)
        client.connection.reset()
    }

    private static func waitForTheEnd(_ proxy: ProxyFixture, _ origin: ScriptedOrigin) throws {
        let deadline = Deadline()
        while proxy.cache.fills.count > 0 || origin.faults.isEmpty {
            origin.release()
            try deadline.check()
        }
    }

    @Test func `one that is slow is given up`() async throws {
        let options = Self.options {
            $0.trial = .zero
            $0.leastRate = 1 << 30
        }
        try await withProxy(options) { proxy in
            let origin = try Self.origin()
            try Self.orphan(proxy, origin)
            try Self.waitForTheEnd(proxy, origin)
        }
    }

    @Test func `one that has had its bytes is given up`() async throws {
        try await withProxy(Self.options { $0.mostBytes = 500_000 }) { proxy in
            let origin = try Self.origin()
            try Self.orphan(proxy, origin)
            try Self.waitForTheEnd(proxy, origin)
        }
    }

    @Test func `one that has had its time is given up`() async throws {
        try await withProxy(Self.options { $0.longest = .milliseconds(1) }) { proxy in
            let origin = try Self.origin()
            try Self.orphan(proxy, origin)
            try Self.waitForTheEnd(proxy, origin)
        }
    }

    @Test func `one that crosses none of its limits is there for who comes back`() async throws {
        var options = Self.options { _ in }
        options.settings.slowReaders.leastRate = 0
        try await withProxy(options) { proxy in
            let body = noise(1_000_000)
            let origin = try ScriptedOrigin { session in
                guard try session.readRequest() != nil else { return }
                try session.send(head(200, [("Cache-Control", "max-age=1000")], length: body.count))
                try session.send(Array(body[..<500_000]))
                try session.waitForRelease()
                try session.send(Array(body[500_000...]))
            }
            try Self.orphan(proxy, origin)
            let key = FillKey(partition: .shared, key: try RequestURL(parsing: origin.url("/a")).key)
            let deadline = Deadline()
            while proxy.cache.fills.current(key)?.readers != 0 { try deadline.check() }
            let again = try proxy.client(proxy.other)
            try again.send("GET", origin.url("/a"))
            try proxy.waitForReaders(1, of: origin.url("/a"))
            origin.release()
            #expect(try again.answer().body == body)
            #expect(origin.requests.count == 1)
        }
    }
}
