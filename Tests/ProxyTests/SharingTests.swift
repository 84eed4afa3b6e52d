import Cache
import Core
import MemoryStorage
import Proxy
import RelayTesting
import Sessions
import Storage
import Platform
import Testing
import Wire

/// RULES "What may be shared between sessions".
@Suite struct SharingTests {
    /// Answers with the credentials that came.
    private static func echo(_ control: String) throws -> ScriptedOrigin {
        try ScriptedOrigin { session in
            while let request = try session.readRequest() {
                try session.respond(
                    fields: ["Cache-Control": control], text: request.head.fields.first("Authorization") ?? "nobody")
            }
        }
    }

    @Test func `answers to credentials stay with the session and the credentials`() async throws {
        try await withProxy { proxy in
            let origin = try Self.echo("max-age=1000")
            let client = try proxy.client()
            let other = try proxy.client(proxy.other)
            for _ in 0..<2 {
                #expect(try client.get(origin.url("/a"), fields: ["Authorization": "Bearer one"]).text == "Bearer one")
                #expect(try client.get(origin.url("/a"), fields: ["Authorization": "Bearer two"]).text == "Bearer two")
                #expect(try other.get(origin.url("/a"), fields: ["Authorization": "Bearer one"]).text == "Bearer one")
                #expect(try client.get(origin.url("/a")).text == "nobody")
            }
            // Twice in this session, once in the other, once without credentials; the second round is all hits.
            #expect(origin.requests.count == 4)
        }
    }

    @Test(arguments: ["Cookie", "PRIVATE-TOKEN", "X-JFrog-Art-Api", "X-Auth-Token"])
    func `other fields that are credentials keep answers private as well`(_ name: String) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1])
            for session in [proxy.permissive, proxy.other] {
                let client = try proxy.client(session)
                for _ in 0..<2 { _ = try client.connection.send("") }
                let head =
                    "GET \(origin.url("/a")) HTTP/1.1\r\nHost: x\r\n\(client.authorization)\(name): secret\r\n\r\n"
                for _ in 0..<2 {
                    try client.connection.send(head)
                    #expect(try client.answer().body == [1])
                }
            }
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `a shared answer serves credentials only when it says that it is for everybody`() async throws {
        try await withProxy { proxy in
            for (control, requests) in [
                ("max-age=1000", 2), ("public, max-age=1000", 1), ("max-age=1000, immutable", 1),
            ] {
                let origin = try ScriptedOrigin(serving: [1], fields: [("Cache-Control", control)])
                let client = try proxy.client()
                _ = try client.get(origin.url("/a"))
                _ = try client.get(origin.url("/a"), fields: ["Authorization": "Bearer x"])
                #expect(origin.requests.count == requests, "\(control)")
            }
        }
    }

    @Test(arguments: [
        "X-Forwarded-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Host",
    ])
    func `a request that may rewrite the answer neither fills nor uses what is shared`(_ name: String) async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    try session.respond(
                        fields: ["Cache-Control": "max-age=1000"], text: request.head.fields.first(name) ?? "plain")
                }
            }
            let evil = try proxy.client()
            try evil.connection.send(
                "GET \(origin.url("/a")) HTTP/1.1\r\nHost: x\r\n\(evil.authorization)\(name): evil\r\n\r\n")
            #expect(try evil.answer().text == "evil")
            #expect(try proxy.client(proxy.other).get(origin.url("/a")).text == "plain")
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `a large request head keeps its answer private`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: [1])
            let filler = String(repeating: "x", count: 9_000)
            for session in [proxy.permissive, proxy.other] {
                _ = try proxy.client(session).get(origin.url("/a"), fields: ["X-Filler": filler])
            }
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `cookies go to the one who asked and to nobody else`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(
                serving: [1],
                fields: [("Cache-Control", "max-age=1000"), ("Set-Cookie", "id=1"), ("Set-Cookie", "b=2")])
            #expect(try proxy.client().get(origin.url("/a")).head.fields.all("Set-Cookie") == ["id=1", "b=2"])
            #expect(try proxy.client().get(origin.url("/a")).head.fields.all("Set-Cookie").isEmpty)
            #expect(try proxy.client(proxy.other).get(origin.url("/a")).head.fields.all("Set-Cookie").isEmpty)
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `those who join a fill do not get its cookies`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.waitForRelease()
                    try session.respond(fields: ["Cache-Control": "max-age=1000", "Set-Cookie": "id=1"], text: "body")
                }
            }
            let first = try proxy.client()
            try first.send("GET", origin.url("/a"))
            #expect(origin.waitForRequests(1))
            let second = try proxy.client(proxy.other)
            try second.send("GET", origin.url("/a"))
            try proxy.waitForReaders(2, of: origin.url("/a"))
            origin.release()
            #expect(try first.answer().head.fields.all("Set-Cookie") == ["id=1"])
            let joined = try second.answer()
            #expect(joined.text == "body")
            #expect(joined.head.fields.all("Set-Cookie").isEmpty)
            #expect(try proxy.rows(proxy.other).map(\.source) == ["joined"])
        }
    }

    @Test func `a session that has ended leaves nothing private behind`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(
                serving: noise(100_000), fields: [("Cache-Control", "private, max-age=1000")])
            _ = try proxy.client(proxy.other).get(origin.url("/a"), fields: ["Authorization": "Bearer x"])
            #expect(try proxy.cache.blobs.privateSessions() == [proxy.other.id])
            await proxy.server.sessionClosed(proxy.other)
            await proxy.server.sessionRemoved(proxy.other)
            #expect(try proxy.cache.blobs.privateSessions() == [])
            #expect(try proxy.catalog.blobs(after: nil, limit: 10).isEmpty)
        }
    }
}
