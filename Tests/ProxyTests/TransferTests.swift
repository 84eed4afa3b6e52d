import Core
import Proxy
import RelayTesting
import Sessions
import Testing
import Wire

/// Who watches is told of the transfers that are under way.
@Suite struct TransferTests {
    /// Answers that stop after `count` bytes until the origin is released.
    private static func halting(_ body: [UInt8], after count: Int) throws -> ScriptedOrigin {
        try ScriptedOrigin { session in
            while try session.readRequest() != nil {
                try session.send(head(200, [("Cache-Control", "max-age=1000")], length: body.count))
                try session.send(Array(body[..<count]))
                try session.waitForRelease()
                try session.send(Array(body[count...]))
            }
        }
    }

    @Test func `a transfer is told while it is under way`() async throws {
        try await withProxy { proxy in
            #expect(await proxy.server.transfers(atMost: 10) == OpenTransfers([], atMost: 10))
            let body = noise(1_000_000)
            let origin = try Self.halting(body, after: 500_000)
            let before = WallTime.now()
            let client = try proxy.client()
            try client.send("GET", origin.url("/a?X-Amz-Signature=secret&b=1"))
            _ = try client.connection.read(exactly: 400_000)
            let open = await proxy.server.transfers(atMost: 10)
            let transfer = try #require(open.transfers.first)
            #expect(open.transfers.count == 1 && !open.isTruncated)
            #expect(transfer.session == proxy.permissive.id && transfer.method == "GET")
            #expect(
                transfer.url.hasPrefix(origin.url("/a?X-Amz-Signature=redacted:")) && transfer.url.hasSuffix("&b=1"))
            #expect(transfer.started >= before && transfer.started <= .now())
            #expect(transfer.stage == .delivering && transfer.source == "network")
            #expect(transfer.delivered >= 390_000 && transfer.delivered <= 500_000 && transfer.size == 1_000_000)
            origin.release()
            // Less than a head's length is left out.
            _ = try client.connection.read(exactly: 599_000)
            // Only what is under way: the row is there, and the transfer is not.
            _ = try proxy.rows(atLeast: 1)
            let deadline = Deadline()
            while await !proxy.server.transfers(atMost: 10).transfers.isEmpty { try deadline.check() }
        }
    }

    @Test func `one who waits for the origin is told too, and only to those who ask for the session`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.waitForRelease()
            }
            let first = try proxy.client()
            try first.send("GET", origin.url("/first"))
            #expect(origin.waitForRequests(1))
            let second = try proxy.client(proxy.other)
            try second.send("GET", origin.url("/second"))
            #expect(origin.waitForRequests(2))
            let all = await proxy.server.transfers(atMost: 10)
            #expect(all.transfers.map(\.url) == [origin.url("/first"), origin.url("/second")])
            #expect(all.transfers.allSatisfy { $0.stage == .waiting && $0.delivered == 0 && $0.size == nil })
            #expect(await proxy.server.transfers(of: proxy.other.id, atMost: 10).transfers == [all.transfers[1]])
            #expect(await proxy.server.transfers(of: proxy.strict.id, atMost: 10).transfers.isEmpty)
            let one = await proxy.server.transfers(atMost: 1)
            #expect(one.transfers == [all.transfers[0]] && one.isTruncated)
            origin.release()
        }
    }

    @Test func `a stopped proxy has none`() async throws {
        try await withProxy { proxy in
            await proxy.server.stop(grace: .zero)
            #expect(await proxy.server.transfers(atMost: 10).transfers.isEmpty)
        }
    }
}
