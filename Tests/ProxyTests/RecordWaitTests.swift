import Core
import Inspection
import MemoryStorage
import Proxy
import RelayTesting
import Sessions
import Storage
import Testing
import Wire

/// A record that is late or cannot be written, and what clients may read of it.
@Suite struct RecordWaitTests {
    @Test(arguments: [1_000, 500_000])
    func `what is held for its record too long ends truncated, and the record says so`(_ count: Int) async throws {
        var options = ProxyOptions()
        options.settings.mostRecordWait = .milliseconds(100)
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin(serving: noise(count))
            let client = try proxy.client()
            let before = proxy.records.groups
            proxy.records.hold()
            try client.send("GET", origin.url("/a"))
            #expect(proxy.records.waitForCommit(beyond: before))
            #expect(client.failure() == .reset)
            proxy.records.release()
            let deadline = Deadline()
            while try proxy.rows().first?.isTruncated != true { try deadline.check() }
            let row = try #require(try proxy.rows().first)
            #expect(row.reason.contains("the record was not written within"), "\(row.reason)")
            #expect(row.row.delivered < Int64(count))
            #expect(row.download["delivered"]?.integer == row.row.delivered)
            #expect(row.download["truncated"]?.bool == true)
        }
    }

    /// Returns when the only loop has answered, and so has seen what came before.
    private static func waitForLoop(_ proxy: ProxyFixture) throws {
        let stranger = try proxy.connect()
        try stranger.send("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")
        #expect(try stranger.readResponse()?.head.status == 407)
    }

    private static var oneLoop: ProxyOptions {
        var options = ProxyOptions()
        options.settings.loops = 1
        return options
    }

    @Test func `a client that leaves before the last piece is recorded with the reason`() async throws {
        try await withProxy(Self.oneLoop) { proxy in
            let origin = try ScriptedOrigin(serving: noise(500_000))
            let client = try proxy.client()
            let before = proxy.records.groups
            proxy.records.hold()
            try client.send("GET", origin.url("/a"))
            #expect(proxy.records.waitForCommit(beyond: before))
            client.connection.reset()
            try Self.waitForLoop(proxy)
            proxy.records.release()
            let deadline = Deadline()
            while try proxy.rows().first?.isTruncated != true { try deadline.check() }
            let row = try #require(try proxy.rows().first)
            #expect(row.row.category == .artifact)
            #expect(row.reason.contains("the client is gone"), "\(row.reason)")
            #expect(row.download["truncated"]?.bool == true)
        }
    }

    @Test func `a client that leaves before its refusal is recorded leaves nothing open`() async throws {
        try await withProxy(Self.oneLoop) { proxy in
            let client = try proxy.client()
            let before = proxy.records.groups
            proxy.records.hold()
            try client.send("TRACE", "http://a.example/")
            #expect(proxy.records.waitForCommit(beyond: before))
            client.connection.reset()
            try Self.waitForLoop(proxy)
            proxy.records.release()
            let start = MonotonicTime.now()
            await proxy.server.stop(grace: .seconds(20))
            #expect(MonotonicTime.now() - start < .seconds(10))
        }
    }

    @Test(arguments: [StoreError.Kind.unavailable, .corrupt, .full, .rejected])
    func `clients read no path of this machine when the record cannot be written`(
        _ kind: StoreError.Kind
    ) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1])
            proxy.records.fail(StoreError(kind, "write /srv/state/records.db", "cannot open /srv/state/records.db"))
            for _ in 0..<2 {
                let answer = try proxy.client().get(origin.url("/a"))
                #expect(answer.head.status == 503)
                #expect(answer.text.contains("the record cannot be written"))
                #expect(!answer.text.contains("/srv") && !answer.text.contains("records.db"), "\(answer.text)")
            }
            proxy.records.fail(nil)
        }
    }

    @Test func `clients read no path of this machine when a body cannot be kept`() async throws {
        var options = ProxyOptions()
        options.inspectors.pip = InspectorsConfiguration.URLs(urls: [try URLPattern("http://127.0.0.1:*/simple/**")])
        options.blobs = MemoryBlobStore { () throws(StoreError) in
            throw StoreError(.full, "stage a blob", "no room on /srv/state/blobs")
        }
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin(serving: SampleWheel.bytes(padding: 500_000))
            let answer = try proxy.client(proxy.strict).get(origin.url("/simple/" + SampleWheel.fileName))
            #expect(answer.head.status == 503)
            #expect(answer.text.contains("cannot be kept for inspection: no space left"))
            #expect(!answer.text.contains("/srv"), "\(answer.text)")
            #expect(try proxy.rows(proxy.strict).allSatisfy { !$0.text.contains("/srv") })
        }
    }
}
