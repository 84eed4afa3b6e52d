import Core
import Proxy
import RelayTesting
import Sessions
import Storage
import Platform
import Testing
import Wire

/// When a session's token goes, everything of it ends at once and is in the record.
@Suite struct RevocationTests {
    private static func halting(_ body: [UInt8], after count: Int, tls: Bool = false) throws -> ScriptedOrigin {
        try ScriptedOrigin(tls: tls ? TestCertificates.shared.get().server() : nil) { session in
            while try session.readRequest() != nil {
                try session.send(head(200, [("Cache-Control", "max-age=1000")], length: body.count))
                try session.send(Array(body[..<count]))
                try session.waitForRelease()
                try session.send(Array(body[count...]))
            }
        }
    }

    @Test(arguments: [false, true])
    func `a transfer under way is cut and recorded before revocation is over`(_ isTLS: Bool) async throws {
        try await withProxy { proxy in
            let origin = try Self.halting(noise(1_000_000), after: 500_000, tls: isTLS)
            let client = try isTLS ? proxy.tunnel(to: origin) : proxy.client()
            try client.send("GET", isTLS ? "/a" : origin.url("/a"))
            _ = try client.connection.read(exactly: 400_000)
            await proxy.server.sessionClosed(proxy.permissive)
            let row = try #require(try proxy.rows().first)
            #expect(row.isTruncated)
            #expect(row.row.category == .failure)
            #expect(row.row.delivered >= 399_000)
            #expect(row.row.delivered < 1_000_000)
            do {
                while try !client.connection.readSome().isEmpty {}
                Issue.record("the client sees an orderly end")
            } catch let fault as ConnectionFault {
                #expect(fault.kind == .reset || fault.kind == .tls && isTLS)
            }
            origin.release()
        }
    }

    @Test func `one who waits for the origin is cut too`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.waitForRelease()
            }
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            #expect(origin.waitForRequests(1))
            await proxy.server.sessionClosed(proxy.permissive)
            #expect(try proxy.rows().count == 1)
            #expect(client.failure() != nil)
            origin.release()
        }
    }

    @Test func `other sessions that read the same download go on`() async throws {
        try await withProxy { proxy in
            let body = noise(1_000_000)
            let origin = try Self.halting(body, after: 500_000)
            let first = try proxy.client()
            try first.send("GET", origin.url("/a"))
            let second = try proxy.client(proxy.other)
            try second.send("GET", origin.url("/a"))
            try proxy.waitForReaders(2, of: origin.url("/a"))
            await proxy.server.sessionClosed(proxy.permissive)
            origin.release()
            #expect(try second.answer().body == body)
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `an open connection and an open tunnel are of no use afterwards`() async throws {
        try await withProxy { proxy in
            let plain = try ScriptedOrigin { _ in (200, []) }
            let secure = try ScriptedOrigin(tls: TestCertificates.shared.get().server()) { _ in (200, []) }
            let client = try proxy.client()
            #expect(try client.get(plain.url("/1")).head.status == 200)
            let tunnel = try proxy.tunnel(to: secure)
            #expect(try tunnel.get("/1").head.status == 200)
            await proxy.server.sessionClosed(proxy.permissive)
            for (client, url) in [(client, plain.url("/2")), (tunnel, "/2")] {
                // Either it is closed or it refuses.
                if let answer = try? client.get(url) { #expect([403, 407].contains(answer.head.status)) }
            }
            #expect(try proxy.client().get(plain.url("/3")).head.status == 407)
            #expect(plain.requests.count == 1)
            #expect(secure.requests.count == 1)
            #expect(try proxy.rows().count == 2)
        }
    }

    @Test func `what is complete but not committed yet is recorded as cut`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: noise(1_000))
            let before = proxy.records.groups
            proxy.records.hold()
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            #expect(proxy.records.waitForCommit(beyond: before))
            async let closed: Void = proxy.server.sessionClosed(proxy.permissive)
            let deadline = Deadline()
            while proxy.permissive.isOpen { try deadline.check() }
            proxy.records.release()
            await closed
            let row = try #require(try proxy.rows().first)
            if client.failure() == nil {
                #expect(!row.isTruncated)
            } else {
                #expect(row.isTruncated)
                #expect(row.row.delivered == 0)
            }
        }
    }

    @Test func `a session that expires refuses without being told`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let row = SessionRow(
                id: try #require(SessionID("short")), policy: .permissive, created: .now(), timeout: 0,
                tokenHash: sha256(Array(ProxyFixture.token(of: "short").utf8)), redactionKey: [1])
            try await proxy.recorder.commit([.open(row)])
            let session = Session(row: row)
            await proxy.server.sessionOpened(session)
            #expect(try proxy.client(session).get(origin.url()).head.status == 407)
            #expect(origin.connectionCount == 0)
        }
    }

    @Test func `stopping the service cuts and records what is under way`() async throws {
        try await withProxy { proxy in
            let origin = try Self.halting(noise(1_000_000), after: 500_000)
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            _ = try client.connection.read(exactly: 400_000)
            await proxy.server.stop(grace: .milliseconds(50))
            let row = try #require(try proxy.rows().first)
            #expect(row.isTruncated)
            origin.release()
        }
    }
}
