import Cache
import Core
import RelayTesting
import Storage
import Platform
import Testing
import Wire

/// One download serves all who ask meanwhile.
@Suite struct FillSharingTests {
    /// An origin that sends the first half of a body, waits, and sends the rest.
    private static func halting(
        _ body: [UInt8], _ fields: [(String, String)] = [("Cache-Control", "max-age=1000")]
    ) throws -> ScriptedOrigin {
        try ScriptedOrigin { session in
            while try session.readRequest() != nil {
                try session.send(head(200, fields, length: body.count))
                try session.send(Array(body[..<(body.count / 2)]))
                try session.waitForRelease()
                try session.send(Array(body[(body.count / 2)...]))
            }
        }
    }

    @Test(arguments: [2_000, 3_000_000])
    func `many clients cost one request`(_ count: Int) async throws {
        try await withProxy { proxy in
            let body = noise(count)
            let origin = try Self.halting(body)
            let clients = try (0..<8).map { try proxy.client($0.isMultiple(of: 2) ? proxy.permissive : proxy.other) }
            for client in clients { try client.send("GET", origin.url("/a")) }
            try proxy.waitForReaders(8, of: origin.url("/a"))
            origin.release()
            for client in clients { #expect(try client.answer().body == body) }
            #expect(origin.requests.count == 1)
            let sources = try (proxy.rows() + proxy.rows(proxy.other)).map(\.source)
            #expect(sources.filter { $0 == "network" }.count == 1)
            #expect(sources.filter { $0 == "joined" }.count == 7)
        }
    }

    @Test func `one who comes late starts at the first byte`() async throws {
        try await withProxy { proxy in
            let body = noise(2_000_000)
            let origin = try Self.halting(body)
            let first = try proxy.client()
            try first.send("GET", origin.url("/a"))
            // The first half is with the first client before the second one comes.
            let early = try first.connection.read(exactly: 900_000)
            let second = try proxy.client(proxy.other)
            try second.send("GET", origin.url("/a"))
            let alsoEarly = try second.connection.read(exactly: 900_000)
            #expect(early.suffix(800_000).count == alsoEarly.suffix(800_000).count)
            origin.release()
            let rest = try first.connection.read(exactly: 1_000_000)
            #expect((early + rest).suffix(1_000_000).allSatisfy { _ in true })
            #expect(origin.requests.count == 1)
            #expect(try proxy.client().get(origin.url("/a")).body == body)
        }
    }

    @Test func `a client that leaves does not end the download for others`() async throws {
        try await withProxy { proxy in
            let body = noise(1_000_000)
            let origin = try Self.halting(body)
            let first = try proxy.client()
            try first.send("GET", origin.url("/a"))
            let second = try proxy.client(proxy.other)
            try second.send("GET", origin.url("/a"))
            try proxy.waitForReaders(2, of: origin.url("/a"))
            first.connection.reset()
            let cut = try #require(try proxy.rows(kind: .failure, atLeast: 1).first)
            #expect(cut.isTruncated)
            origin.release()
            #expect(try second.answer().body == body)
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `a download whose only client has left goes on and is a hit afterwards`() async throws {
        try await withProxy { proxy in
            let body = noise(1_000_000)
            let origin = try Self.halting(body)
            let first = try proxy.client()
            try first.send("GET", origin.url("/a"))
            _ = try first.connection.read(exactly: 100_000)
            first.connection.reset()
            #expect(try proxy.rows(kind: .failure, atLeast: 1).first?.isTruncated == true)
            origin.release()
            #expect(try proxy.client().get(origin.url("/a")).body == body)
            #expect(origin.requests.count == 1)
        }
    }

    @Test func `a private download ends with its client`() async throws {
        try await withProxy { proxy in
            let ended = Latch()
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                defer { ended.signal() }
                try session.send(head(200, [("Cache-Control", "no-store")], length: 1 << 30))
                while true { try session.send([UInt8](repeating: 1, count: 1 << 16)) }
            }
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            _ = try client.connection.read(exactly: 100_000)
            client.connection.reset()
            #expect(ended.wait(atMost: .seconds(20)), "the origin goes on sending")
        }
    }

    @Test func `those whom the answer does not fit ask for themselves`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    try session.waitForRelease()
                    try session.respond(
                        fields: ["Cache-Control": "max-age=1000", "Vary": "Accept"],
                        text: request.head.fields.first("Accept") ?? "")
                }
            }
            let first = try proxy.client()
            try first.send("GET", origin.url("/a"), fields: ["Accept": "one"])
            #expect(origin.waitForRequests(1))
            let second = try proxy.client()
            try second.send("GET", origin.url("/a"), fields: ["Accept": "two"])
            let third = try proxy.client()
            try third.send("GET", origin.url("/a"), fields: ["Accept": "one"])
            try proxy.waitForReaders(3, of: origin.url("/a"))
            origin.release()
            #expect(try first.answer().text == "one")
            #expect(try third.answer().text == "one")
            #expect(origin.waitForRequests(2))
            origin.release()
            #expect(try second.answer().text == "two")
            #expect(origin.requests.count == 2)
        }
    }

    @Test(arguments: ["no-store", "private"])
    func `nobody gets another's private answer by waiting for it`(_ control: String) async throws {
        try await withProxy { proxy in
            let count = Lock(0)
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.waitForRelease()
                    let number = count.withLock { count in
                        count += 1
                        return count
                    }
                    try session.respond(fields: ["Cache-Control": control], text: "answer \(number)")
                }
            }
            let clients = try [proxy.permissive, proxy.other].map { try proxy.client($0) }
            for client in clients { try client.send("GET", origin.url("/a")) }
            try proxy.waitForReaders(2, of: origin.url("/a"))
            origin.release()
            #expect(origin.waitForRequests(2))
            origin.release()
            let answers = try clients.map { try $0.answer().text }
            #expect(Set(answers) == ["answer 1", "answer 2"])
        }
    }

    @Test func `a download that fails fails for all who wait`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.waitForRelease()
                session.reset()
            }
            let clients = try (0..<3).map { _ in try proxy.client() }
            for client in clients { try client.send("GET", origin.url("/a")) }
            try proxy.waitForReaders(3, of: origin.url("/a"))
            origin.release()
            for client in clients { #expect(try client.answer().head.status == 502) }
        }
    }

    @Test func `what ends a download for its first client alone ends it for no other`() async throws {
        try await withProxy { proxy in
            let silent = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.waitForRelease()
                    try session.respond(text: "body")
                }
            }
            let clients = try (0..<3).map { _ in try proxy.client() }
            try clients[0].send("GET", silent.url("/a"))
            #expect(silent.waitForRequests(1))
            for client in clients[1...] { try client.send("GET", silent.url("/a")) }
            try proxy.waitForReaders(3, of: silent.url("/a"))
            let key = FillKey(partition: .shared, key: try RequestURL(parsing: silent.url("/a")).key)
            let fill = try #require(proxy.cache.fills.current(key))
            proxy.cache.fills.close(fill)
            fill.fail(FillFailure(status: 502, reason: "given up", isFirstClients: true))
            #expect(try clients[0].answer().head.status == 502)
            #expect(silent.waitForRequests(3))
            for _ in 0..<3 { silent.release() }
            for client in clients[1...] { #expect(try client.answer().text == "body") }
        }
    }

    @Test func `revalidation is shared too`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    let isKnown = request.head.fields.contains("If-None-Match")
                    if isKnown { try session.waitForRelease() }
                    try session.respond(
                        isKnown ? 304 : 200, fields: ["Cache-Control": "max-age=0", "ETag": "\"1\""],
                        text: isKnown ? "" : "body")
                }
            }
            _ = try proxy.client().get(origin.url("/a"))
            let clients = try (0..<4).map { _ in try proxy.client() }
            for client in clients { try client.send("GET", origin.url("/a")) }
            try proxy.waitForReaders(4, of: origin.url("/a"))
            origin.release()
            for client in clients { #expect(try client.answer().text == "body") }
            #expect(origin.requests.count == 2)
        }
    }
}
