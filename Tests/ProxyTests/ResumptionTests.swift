import Core
import Platform
import RelayTesting
import Storage
import Testing
import Wire

/// Downloads whose connection to the origin breaks (RFC 9110, sections 13.1.5 and 14.2).
@Suite struct ResumptionTests {
    private static let tagged = [("Cache-Control", "max-age=1000"), ("ETag", "\"v1\"")]

    private struct NoRange: Error {}

    /// Breaks the first answer after `count` bytes; every further one is the script's.
    private static func breaking(
        _ body: [UInt8], after count: Int, _ fields: [(String, String)] = tagged,
        _ next: @escaping @Sendable (inout OriginSession, SeenRequest, _ number: Int) throws -> Void
    ) throws -> ScriptedOrigin {
        let number = Lock(0)
        return try ScriptedOrigin { session in
            while let request = try session.readRequest() {
                let own = number.withLock { number in
                    number += 1
                    return number
                }
                guard own == 1 else {
                    try next(&session, request, own)
                    continue
                }
                try session.send(head(200, fields, length: body.count))
                try session.send(Array(body[..<count]))
                return session.close()
            }
        }
    }

    /// Sends what `Range` asks for, up to `count` bytes of it.
    private static func sendRest(
        _ session: inout OriginSession, _ request: SeenRequest, of body: [UInt8], fields: [(String, String)] = tagged,
        most count: Int = .max
    ) throws {
        guard case .range(let range) = ByteRange.single(request.head.fields, size: Int64(body.count)) else {
            throw NoRange()
        }
        let content = [("Content-Range", range.contentRange(size: Int64(body.count)))]
        try session.send(head(206, fields + content, length: Int(range.count)))
        try session.send(Array(body[Int(range.first)...Int(range.last)].prefix(count)))
    }

    @Test(arguments: [(1_000, 500), (3_000_000, 2_000_000), (3_000_000, 1)])
    func `a download goes on where its connection broke`(_ count: Int, _ broken: Int) async throws {
        try await withProxy { proxy in
            let body = noise(count)
            let origin = try Self.breaking(body, after: broken) { session, request, number in
                // Breaks a second time on the way.
                try Self.sendRest(&session, request, of: body, most: number == 2 ? (count - broken) / 2 : .max)
                if number == 2 { session.close() }
            }
            let client = try proxy.client()
            #expect(try client.get(origin.url("/a")).body == body)
            #expect(origin.requests.count == 3)
            #expect(origin.requests[1].head.fields.first("Range") == "bytes=\(broken)-")
            #expect(origin.requests.dropFirst().allSatisfy { $0.head.fields.first("If-Range") == "\"v1\"" })
            #expect(try proxy.rows().map(\.row.digest) == [sha256(body)])
            // It is complete in the store too.
            #expect(try client.get(origin.url("/a")).body == body)
            #expect(origin.requests.count == 3)
        }
    }

    @Test func `bytes that come a second time are skipped`() async throws {
        try await withProxy { proxy in
            let body = noise(100_000)
            let origin = try Self.breaking(body, after: 50_000) { session, _, _ in
                let content = [("Content-Range", "bytes 40000-99999/100000")]
                try session.send(head(206, Self.tagged + content, length: 60_000) + body[40_000...])
            }
            #expect(try proxy.client().get(origin.url("/a")).body == body)
        }
    }

    /// What must end the transfer instead of giving a wrong byte.
    @Test(arguments: [
        "another version", "another tag", "another size", "another range", "an error", "no range at all",
    ])
    func `what is not the rest of the same body ends the transfer`(_ kind: String) async throws {
        try await withProxy { proxy in
            let body = noise(200_000)
            let other = noise(200_000, seed: 2)
            let origin = try Self.breaking(body, after: 100_000) { session, _, _ in
                switch kind {
                case "another version": try session.send(head(200, [("ETag", "\"v2\"")], length: other.count) + other)
                case "an error": try session.respond(503, text: "sorry")
                default:
                    let range =
                        switch kind {
                        case "another size": "bytes 100000-200000/200001"
                        case "another range": "bytes 100001-199999/200000"
                        default: "bytes 100000-199999/200000"
                        }
                    let tag = kind == "another tag" ? "\"v2\"" : "\"v1\""
                    let content = kind == "no range at all" ? [] : [("Content-Range", range)]
                    try session.send(head(206, [("ETag", tag)] + content, length: 100_000) + other[100_000...])
                }
            }
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            #expect(client.failure() == .reset)
            let row = try #require(try proxy.rows(atLeast: 1).first)
            #expect(row.isTruncated)
            #expect(row.reason.contains("missing"))
        }
    }

    @Test(arguments: [[("ETag", "W/\"v1\"")], [], [("ETag", "\"v1\""), ("ETag", "\"v2\"")]])
    func `without a strong validator nothing goes on`(_ fields: [(String, String)]) async throws {
        try await withProxy { proxy in
            let body = noise(200_000)
            let origin = try Self.breaking(body, after: 100_000, fields) { session, request, _ in
                try Self.sendRest(&session, request, of: body, fields: fields)
            }
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            #expect(client.failure() == .reset)
            #expect(origin.requests.count == 1)
        }
    }

    @Test(arguments: [3, 4])
    func `mostResumptions bounds how often it goes on`(_ breaks: Int) async throws {
        try await withProxy { proxy in
            let body = noise(200_000)
            // The first connection is one of the breaks.
            let origin = try Self.breaking(body, after: 100_000) { session, request, number in
                try Self.sendRest(&session, request, of: body, most: number <= breaks ? 1_000 : .max)
                if number <= breaks { session.close() }
            }
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"))
            if breaks == 3 {
                #expect(try client.answer().body == body)
            } else {
                #expect(client.failure() == .reset)
            }
            #expect(origin.requests.count == 4)
        }
    }

    @Test func `readers at every offset get the same bytes over a break`() async throws {
        try await withProxy { proxy in
            let body = noise(2_000_000)
            let origin = try Self.breaking(body, after: 1_000_000) { session, request, _ in
                try session.waitForRelease()
                try Self.sendRest(&session, request, of: body)
            }
            let clients = try (0..<4).map { _ in try proxy.client() }
            try clients[0].send("GET", origin.url("/a"))
            #expect(origin.waitForRequests(2))
            for client in clients[1...] {
                try client.send("GET", origin.url("/a"), fields: ["Range": "bytes=900000-"])
            }
            try proxy.waitForReaders(4, of: origin.url("/a"))
            origin.release()
            #expect(try clients[0].answer().body == body)
            for client in clients[1...] { #expect(try client.answer().body == Array(body[900_000...])) }
            #expect(origin.requests.count == 2)
        }
    }

    @Test func `a hundred who waited for what cannot be shared ask in parallel`() async throws {
        try await withProxy { proxy in
            let all = Latch()
            let seen = Lock(0)
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    let number = seen.withLock { seen in
                        seen += 1
                        return seen
                    }
                    // The first waits to be joined; the others until all of them are here.
                    if number == 1 { try session.waitForRelease() }
                    if number == 101 { all.signal() }
                    if number > 1 { #expect(all.wait(atMost: .seconds(15))) }
                    try session.respond(fields: ["Cache-Control": "no-store"], text: "answer \(number)")
                }
            }
            let clients = try (0..<101).map { _ in try proxy.client() }
            for client in clients { try client.send("GET", origin.url("/a")) }
            try proxy.waitForReaders(101, of: origin.url("/a"))
            origin.release()
            let answers = try clients.map { try $0.answer().text }
            #expect(Set(answers).count == 101)
        }
    }
}
