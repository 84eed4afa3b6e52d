import Core
import Inspection
import MemoryStorage
import Proxy
import RelayTesting
import Sessions
import Storage
import Testing
import Wire

/// RULES "Strict means strict".
@Suite struct StrictTests {
    /// Wheels of local origins are trusted.
    private static func trusting() throws -> ProxyOptions {
        var options = ProxyOptions()
        options.inspectors.pip = InspectorsConfiguration.URLs(urls: [
            try URLPattern("http://127.0.0.1:*/simple/**"), try URLPattern("http://127.0.0.1:*/packages/**"),
        ])
        return options
    }

    private static let held = "/simple/" + SampleWheel.fileName
    /// As the file host of an index has it, where the client knows the digest.
    private static let streamed =
        "/packages/aa/bb/" + String(repeating: "c", count: 60) + "/" + SampleWheel.fileName

    @Test func `what nobody claims is refused and not forwarded`() async throws {
        try await withProxy(Self.trusting()) { proxy in
            let origin = try ScriptedOrigin { _ in (200, []) }
            let client = try proxy.client(proxy.strict)
            for (method, path) in [
                ("GET", "/a"), ("POST", Self.held), ("GET", Self.held + "?x"), ("GET", "/simple/../a.whl"),
            ] {
                let answer = try client.ask(method, origin.url(path))
                #expect(answer.head.status == 403, "\(method) \(path)")
                #expect(answer.text.hasPrefix("download authorization denied: request rejected by inspectors"))
            }
            #expect(origin.connectionCount == 0)
            let rows = try proxy.rows(proxy.strict, kind: .refusal)
            #expect(rows.count == 4)
            #expect(rows.allSatisfy { $0.download["request-inspection"] != nil })
        }
    }

    @Test(arguments: [held, streamed], [0, 500_000])
    func `a good wheel of a trusted origin is delivered`(_ path: String, _ padding: Int) async throws {
        try await withProxy(Self.trusting()) { proxy in
            let wheel = SampleWheel.bytes(padding: padding)
            let origin = try ScriptedOrigin(serving: wheel)
            let client = try proxy.client(proxy.strict)
            for _ in 0..<2 { #expect(try client.get(origin.url(path)).body == wheel) }
            #expect(origin.requests.count == 1)
            for row in try proxy.rows(proxy.strict) {
                #expect(row.row.result == .approved)
                #expect(row.judgement?["metadata"]?["name"]?.text == "demo")
                #expect(row.judgement?["response-inspection"]?["pip.wheel"] != nil)
            }
        }
    }

    @Test(arguments: [held, streamed])
    func `a good wheel that is evicted as soon as it is stored is delivered all the same`(_ path: String) async throws {
        let store = TamperingStore()
        var options = try Self.trusting()
        options.blobs = store
        try await withProxy(options) { proxy in
            let wheel = SampleWheel.bytes(padding: 500_000)
            let origin = try ScriptedOrigin(serving: wheel)
            store.evictWhenOpened(sha256(wheel))
            #expect(try proxy.client(proxy.strict).get(origin.url(path)).body == wheel)
            #expect(try proxy.rows(proxy.strict).map(\.row.result) == [.approved])
            // It is gone, and no trace of it is in the way.
            #expect(try proxy.client(proxy.strict).get(origin.url(path)).body == wheel)
            #expect(origin.requests.count == 2)
        }
    }

    @Test(arguments: [held, streamed], [0, 500_000])
    func `a tampered wheel is never complete`(_ path: String, _ padding: Int) async throws {
        try await withProxy(Self.trusting()) { proxy in
            let wheel = SampleWheel.bytes(tampered: true, padding: padding)
            let origin = try ScriptedOrigin(serving: wheel)
            for _ in 0..<2 {
                let client = try proxy.client(proxy.strict)
                try client.send("GET", origin.url(path))
                do {
                    let answer = try client.answer()
                    #expect(answer.head.status == 403)
                    #expect(answer.text.hasPrefix("Download not authorized"))
                } catch let fault as ConnectionFault {
                    #expect(fault.kind == .reset)
                    #expect(path == Self.streamed && padding > 0, "what is held must not begin")
                }
            }
            let rows = try proxy.rows(proxy.strict)
            #expect(rows.count == 2)
            for row in rows {
                #expect(row.row.category == .artifact)
                #expect(row.row.result == .rejected)
                #expect(row.row.digest == sha256(wheel))
                #expect(row.row.delivered < Int64(wheel.count))
            }
        }
    }

    @Test func `where everything is held a tampered wheel does not even begin`() async throws {
        var options = try Self.trusting()
        options.settings.holdsStrictBodies = true
        try await withProxy(options) { proxy in
            let wheel = SampleWheel.bytes(tampered: true, padding: 500_000)
            let origin = try ScriptedOrigin(serving: wheel)
            for _ in 0..<2 {
                let answer = try proxy.client(proxy.strict).get(origin.url(Self.streamed))
                #expect(answer.head.status == 403 && answer.text.hasPrefix("Download not authorized"))
            }
            #expect(try proxy.rows(proxy.strict).allSatisfy { $0.row.result == .rejected && $0.row.delivered == 0 })
        }
    }

    @Test func `a tampered wheel passes in a permissive session and is rejected in its record`() async throws {
        try await withProxy(Self.trusting()) { proxy in
            let wheel = SampleWheel.bytes(tampered: true)
            let origin = try ScriptedOrigin(serving: wheel)
            #expect(try proxy.client().get(origin.url(Self.held)).body == wheel)
            #expect(try proxy.rows().first?.row.result == .rejected)
            // What a permissive session has put into the cache is judged anew for a strict one.
            let strict = try proxy.client(proxy.strict)
            #expect(try strict.get(origin.url(Self.held)).head.status == 403)
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `bytes approved under one name are not delivered under another`() async throws {
        try await withProxy(Self.trusting()) { proxy in
            let wheel = SampleWheel.bytes()
            let origin = try ScriptedOrigin(serving: wheel)
            let client = try proxy.client(proxy.strict)
            #expect(try client.get(origin.url(Self.held)).body == wheel)
            let renamed = try client.get(origin.url("/simple/other-2.0-py3-none-any.whl"))
            #expect(renamed.head.status == 403)
            #expect(!renamed.body.starts(with: wheel.prefix(10)))
        }
    }

    @Test func `something else than a wheel under a wheel's name is rejected`() async throws {
        try await withProxy(Self.trusting()) { proxy in
            let origin = try ScriptedOrigin(serving: Array("#!/bin/sh\n".utf8))
            #expect(try proxy.client(proxy.strict).get(origin.url(Self.held)).head.status == 403)
        }
    }

    @Test(arguments: [301, 302, 401, 404, 429, 500])
    func `bodies of other statuses are replaced and what clients need is kept`(_ status: Int) async throws {
        try await withProxy(Self.trusting()) { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.respond(
                        status,
                        fields: [
                            "Location": "http://127.0.0.1/next", "WWW-Authenticate": "Basic realm=x",
                            "Retry-After": "7", "X-Other": "gone", "Cache-Control": "max-age=100",
                        ], text: "smuggled code")
                }
            }
            let client = try proxy.client(proxy.strict)
            for _ in 0..<2 {
                let answer = try client.get(origin.url(Self.held))
                #expect(answer.head.status == status)
                #expect(!answer.text.contains("smuggled"))
                #expect(answer.head.fields.first("Location") == "http://127.0.0.1/next")
                #expect(answer.head.fields.first("WWW-Authenticate") == "Basic realm=x")
                #expect(answer.head.fields.first("Retry-After") == "7")
                #expect(!answer.head.fields.contains("X-Other"))
            }
            #expect(try proxy.rows(proxy.strict, kind: .response).map(\.status) == [Int64(status), Int64(status)])
        }
    }

    @Test func `trailers and interim answers other than 100 are dropped`() async throws {
        try await withProxy(Self.trusting()) { proxy in
            let wheel = SampleWheel.bytes(padding: 200_000)
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
                try session.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                try session.send(String(wheel.count, radix: 16) + "\r\n")
                try session.send(wheel)
                try session.send("\r\n0\r\nX-Trailer: 1\r\n\r\n")
            }
            let answer = try proxy.client(proxy.strict).get(origin.url(Self.streamed))
            #expect(answer.body == wheel)
            #expect(answer.interim.isEmpty)
            #expect(answer.trailers.isEmpty)
        }
    }

    @Test(arguments: [false, true])
    func `codings that cannot be undone are refused, from the cache too`(_ isCached: Bool) async throws {
        try await withProxy(Self.trusting()) { proxy in
            let origin = try ScriptedOrigin(
                serving: SampleWheel.bytes(), fields: [("Content-Encoding", "br"), ("Cache-Control", "max-age=1000")])
            if isCached { _ = try proxy.client().get(origin.url(Self.held)) }
            let answer = try proxy.client(proxy.strict).get(origin.url(Self.held))
            #expect(answer.head.status == 403)
            #expect(answer.text.contains("br"), "\(answer.text)")
            #expect(origin.requests.count == 1)
        }
    }

    @Test(arguments: [0, 500_000])
    func `a range of an approved wheel is judged by the whole`(_ padding: Int) async throws {
        try await withProxy(Self.trusting()) { proxy in
            let good = SampleWheel.bytes(padding: padding)
            let bad = SampleWheel.bytes(tampered: true, padding: padding)
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let body = request.target.contains("bad") ? bad : good
                    try session.send(head(200, [("Cache-Control", "max-age=1000")], length: body.count) + body)
                }
            }
            let permissive = try proxy.client()
            let strict = try proxy.client(proxy.strict)
            for (path, status) in [(Self.held, 206), ("/simple/bad/" + SampleWheel.fileName, 403)] {
                _ = try permissive.get(origin.url(path))
                let answer = try strict.get(origin.url(path), fields: ["Range": "bytes=0-99"])
                #expect(answer.head.status == status)
                if status == 206 { #expect(answer.body == Array(good.prefix(100))) }
            }
        }
    }

    @Test func `a body that cannot be kept for inspection is refused`() async throws {
        var options = try Self.trusting()
        options.blobs = FailingStore.always()
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin(serving: SampleWheel.bytes(padding: 500_000))
            let client = try proxy.client(proxy.strict)
            try client.send("GET", origin.url(Self.held))
            let answer = try client.answer()
            #expect(answer.head.status == 503)
            #expect(answer.text.contains("no space"), "\(answer.text)")
        }
    }

    @Test func `a body over what the claim allows is refused`() async throws {
        var options = try Self.trusting()
        options.blobs = MemoryBlobStore(capacity: 1 << 40)
        try await withProxy(options) { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.send(head(200, [], length: 5 << 30))
                try session.send(noise(1_000))
                try session.waitForRelease()
            }
            let client = try proxy.client(proxy.strict)
            let answer = try client.get(origin.url(Self.held))
            #expect(answer.head.status == 403)
            origin.release()
        }
    }
}
