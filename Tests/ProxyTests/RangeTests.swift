import Cache
import Core
import Inspection
import Platform
import RelayTesting
import Sessions
import Storage
import Testing
import Wire

@testable import Proxy

/// Parts of bodies (RFC 9110, section 14), stored, coming, or too large to be fetched for a part.
@Suite struct RangeTests {
    private static let tagged = [("Cache-Control", "max-age=1000"), ("ETag", "\"v1\""), ("Content-Type", "x/y")]

    /// Sends the first part of a body, waits, and sends the rest; ranges as they are asked for.
    private static func halting(
        _ body: [UInt8], after count: Int, _ fields: [(String, String)] = tagged, ranges: Bool = false
    ) throws -> ScriptedOrigin {
        try ScriptedOrigin { session in
            while let request = try session.readRequest() {
                if ranges, request.head.fields.contains("Range"),
                    case .range(let range) = ByteRange.single(request.head.fields, size: Int64(body.count))
                {
                    let content = [("Content-Range", range.contentRange(size: Int64(body.count)))]
                    try session.send(head(206, fields + content, length: Int(range.count)))
                    try session.send(Array(body[Int(range.first)...Int(range.last)]))
                    continue
                }
                try session.send(head(200, fields, length: body.count))
                try session.send(Array(body[..<count]))
                try session.waitForRelease()
                try session.send(Array(body[count...]))
            }
        }
    }

    // MARK: Several ranges

    @Test(arguments: [1_000, 200_000], [false, true])
    func `RFC 9110 section 14.6: several ranges are one multipart answer`(_ count: Int, _ isTLS: Bool) async throws {
        try await withProxy { proxy in
            let body = noise(count)
            let origin = try ScriptedOrigin(serving: body, fields: Self.tagged, tls: isTLS)
            let client = try isTLS ? proxy.tunnel(to: origin) : proxy.client()
            let url = isTLS ? "/a" : origin.url("/a")
            // Of what is not stored as well as of what is.
            for _ in 0..<2 {
                let answer = try client.get(url, fields: ["Range": "bytes=900-, 0-9, 20-29"])
                #expect(answer.head.status == 206)
                let type = try #require(answer.head.fields.first("Content-Type"))
                let boundary = try #require(type.split(separator: "=").last.map { String($0) })
                #expect(type == "multipart/byteranges; boundary=\(boundary)")
                var wanted: [UInt8] = []
                for (first, last) in [(900, count - 1), (0, 9), (20, 29)] {
                    wanted += Array((wanted.isEmpty ? "" : "\r\n").utf8)
                    wanted += Array("--\(boundary)\r\nContent-Type: x/y\r\n".utf8)
                    wanted += Array("Content-Range: bytes \(first)-\(last)/\(count)\r\n\r\n".utf8)
                    wanted += body[first...last]
                }
                wanted += Array("\r\n--\(boundary)--\r\n".utf8)
                #expect(answer.body == wanted)
                let row = try #require(try proxy.rows().last)
                #expect(row.row.digest == sha256(body))
                #expect(row.row.delivered == Int64(count - 900 + 20))
                #expect(row.download["range"]?.text == "bytes 900-\(count - 1),0-9,20-29/\(count)")
            }
            #expect(origin.requests.count == 1)
            // The connection goes on.
            #expect(try client.get(url).body == body)
        }
    }

    @Test func `RULES: eight ranges are cut and nine are the whole`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin(serving: noise(100), fields: Self.tagged)
            let client = try proxy.client()
            for (count, status) in [(8, 206), (9, 200)] {
                let ranges = (0..<count).map { "\($0 * 10)-\($0 * 10 + 1)" }.joined(separator: ",")
                #expect(try client.get(origin.url("/a"), fields: ["Range": "bytes=" + ranges]).head.status == status)
            }
        }
    }

    @Test func `RFC 9110 section 15.3.7.2: ranges that overlap are put together`() async throws {
        try await withProxy { proxy in
            let body = noise(100)
            let origin = try ScriptedOrigin(serving: body, fields: Self.tagged)
            let answer = try proxy.client().get(origin.url("/a"), fields: ["Range": "bytes=0-9,5-19"])
            #expect(answer.head.fields.first("Content-Range") == "bytes 0-19/100")
            #expect(answer.body == Array(body[..<20]))
        }
    }

    // MARK: Of what is coming

    @Test(arguments: [2_000, 4_000_000])
    func `sixteen segments cost one download`(_ count: Int) async throws {
        try await withProxy { proxy in
            let body = noise(count)
            let origin = try Self.halting(body, after: count / 3)
            let step = count / 16
            let clients = try (0..<16).map { _ in try proxy.client() }
            for (index, client) in clients.enumerated() {
                let last = index == 15 ? "" : String((index + 1) * step - 1)
                try client.send("GET", origin.url("/a"), fields: ["Range": "bytes=\(index * step)-\(last)"])
            }
            try proxy.waitForReaders(16, of: origin.url("/a"))
            origin.release()
            for (index, client) in clients.enumerated() {
                let answer = try client.answer()
                #expect(answer.head.status == 206)
                #expect(answer.body == Array(body[(index * step)..<(index == 15 ? count : (index + 1) * step)]))
            }
            #expect(origin.requests.count == 1)
            #expect(try proxy.rows().allSatisfy { $0.row.digest == sha256(body) && $0.row.size == Int64(count) })
        }
    }

    @Test func `a range is answered while the whole is coming`() async throws {
        try await withProxy { proxy in
            let body = noise(1_000_000)
            let origin = try Self.halting(body, after: 600_000)
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"), fields: ["Range": "bytes=100000-399999"])
            // All but what waits for the record is there before the origin has sent the whole.
            let early = Array(body[100_000..<(400_000 - (16 << 10))])
            let got = try client.connection.readUntil { $0.count >= early.count && $0.suffix(9) == early.suffix(9) }
            #expect(got.starts(with: Array("HTTP/1.1 206 ".utf8)))
            #expect(got.suffix(early.count) == early[...])
            origin.release()
            let rest = try client.connection.read(exactly: 16 << 10)
            #expect(rest == Array(body[(400_000 - (16 << 10))..<400_000]))
        }
    }

    @Test func `a small range shows its head and single bytes while the whole is coming, never its last`() async throws
    {
        var options = ProxyOptions()
        options.settings.trickleInterval = .milliseconds(5)
        try await withProxy(options) { proxy in
            let body = noise(300_000)
            let origin = try Self.halting(body, after: 200_000)
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"), fields: ["Range": "bytes=1000-1009"])
            let wanted = Array(body[1_000..<1_010])
            let got = try client.connection.readUntil { $0.suffix(9) == wanted.prefix(9) }
            #expect(got.suffix(10) != wanted[...])
            origin.release()
            #expect(try client.connection.read(exactly: 1) == [wanted[9]])
        }
    }

    @Test func `several ranges show their head while the whole is coming`() async throws {
        try await withProxy { proxy in
            let origin = try Self.halting(noise(300_000), after: 200_000)
            let client = try proxy.client()
            try client.send("GET", origin.url("/a"), fields: ["Range": "bytes=1000-1009,0-9"])
            let got = try client.connection.readUntil { $0.suffix(4) == Array("\r\n\r\n".utf8)[...] && $0.count > 99 }
            #expect(got.starts(with: Array("HTTP/1.1 206 ".utf8)))
            origin.release()
            let rest = try client.connection.readUntil { $0.suffix(4) == Array("--\r\n".utf8)[...] }
            #expect(!rest.isEmpty)
        }
    }

    @Test func `RFC 9110 section 15.5.17: a range behind the end of what is coming is 416`() async throws {
        try await withProxy { proxy in
            let origin = try Self.halting(noise(1_000), after: 500)
            let answer = try proxy.client().get(origin.url("/a"), fields: ["Range": "bytes=1000-"])
            #expect(answer.head.status == 416)
            #expect(answer.head.fields.first("Content-Range") == "bytes */1000")
            origin.release()
        }
    }

    @Test(arguments: ["no-store", "private"])
    func `ranges that waited for what cannot be shared go to the origin as they came`(_ control: String) async throws {
        try await withProxy { proxy in
            let body = noise(100_000)
            let gate = Latch()
            let origin = try ScriptedOrigin { session in
                while let request = try session.readRequest() {
                    if case .range(let range) = ByteRange.single(request.head.fields, size: Int64(body.count)) {
                        let content = ("Content-Range", range.contentRange(size: Int64(body.count)))
                        try session.send(head(206, [content], length: Int(range.count)))
                        try session.send(Array(body[Int(range.first)...Int(range.last)]))
                    } else {
                        _ = gate.wait(atMost: .seconds(20))
                        try session.send(head(200, [("Cache-Control", control)], length: body.count) + body)
                    }
                }
            }
            let clients = try (0..<4).map { try proxy.client($0 == 0 ? proxy.other : proxy.permissive) }
            try clients[0].send("GET", origin.url("/a"), fields: ["Range": "bytes=0-9"])
            #expect(origin.waitForRequests(1))
            for index in 1..<4 {
                try clients[index].send(
                    "GET", origin.url("/a"), fields: ["Range": "bytes=\(index * 10)-\(index * 10 + 9)"])
            }
            try proxy.waitForReaders(4, of: origin.url("/a"))
            gate.signal()
            for (index, client) in clients.enumerated() {
                let answer = try client.answer()
                #expect(answer.head.status == 206)
                #expect(answer.body == Array(body[(index * 10)..<(index * 10 + 10)]))
            }
            #expect(origin.requests.count == 4)
            #expect(origin.requests.dropFirst().allSatisfy { $0.head.fields.contains("Range") })
            for row in try proxy.rows(atLeast: 3) {
                #expect(row.download["partial"]?.bool == true)
                #expect(row.download["range"]?.text.map { $0.hasSuffix("/100000") } == true)
                #expect(row.row.size == 10)
            }
        }
    }

    // MARK: Of what is too large

    private static func limited() -> ProxyOptions {
        var options = ProxyOptions()
        options.settings.largestFillForRange = 10_000
        options.inspectors.pip = InspectorsConfiguration.URLs(
            urls: (try? URLPattern("http://127.0.0.1:*/simple/**")).map { [$0] } ?? [])
        return options
    }

    @Test(arguments: [10_000, 10_001])
    func `a lone range of more than largestFillForRange is relayed and recorded as a part`(_ count: Int) async throws {
        try await withProxy(Self.limited()) { proxy in
            let body = noise(count)
            let origin = try Self.halting(body, after: 5_000, ranges: true)
            let client = try proxy.client()
            // The end of what is too large never comes, nor is it waited for.
            if count <= 10_000 { origin.release() }
            let answer = try client.get(origin.url("/a"), fields: ["Range": "bytes=7-16", "If-Range": "\"v1\""])
            #expect(answer.head.status == 206)
            #expect(answer.head.fields.first("Content-Range") == "bytes 7-16/\(count)")
            #expect(answer.body == Array(body[7...16]))
            let row = try #require(try proxy.rows().first)
            #expect(row.download["range"]?.text == "bytes 7-16/\(count)")
            let isRelayed = count > 10_000
            #expect(origin.requests.count == (isRelayed ? 2 : 1))
            #expect((row.download["partial"]?.bool == true) == isRelayed)
            #expect(row.row.digest == sha256(isRelayed ? Array(body[7...16]) : body))
            #expect(row.reason.contains("more than the 10000 that are fetched for a range") == isRelayed)
            if isRelayed {
                #expect(origin.requests.last?.head.fields.first("Range") == "bytes=7-16")
                #expect(origin.requests.last?.head.fields.first("If-Range") == "\"v1\"")
            }
        }
    }

    @Test func `the next range of what is known to be too large is one request`() async throws {
        try await withProxy(Self.limited()) { proxy in
            let body = noise(20_000)
            let origin = try Self.halting(body, after: 5_000, ranges: true)
            let client = try proxy.client()
            for first in [7, 8, 9] {
                let answer = try client.get(origin.url("/a"), fields: ["Range": "bytes=\(first)-16"])
                #expect(answer.body == Array(body[first...16]))
            }
            #expect(origin.requests.map { $0.head.fields.contains("Range") } == [false, true, true, true])
            // Several ranges are fetched as before; the download that was given up waits for a release too.
            for _ in 0..<2 { origin.release() }
            #expect(try client.get(origin.url("/a"), fields: ["Range": "bytes=0-1,5-6"]).head.status == 206)
            #expect(origin.requests.last?.head.fields.contains("Range") == false)
            #expect(try client.get(origin.url("/a"), fields: ["Range": "bytes=0-1"]).body == Array(body[..<2]))
            #expect(origin.requests.count == 5)
        }
    }

    @Test func `sizes are forgotten after their time and when there are too many`() {
        var known = LargeBodies()
        let start = MonotonicTime(nanoseconds: 0)
        func key(_ number: Int) -> FillKey { FillKey(partition: .shared, key: "\(number)") }
        known.note(key(0), size: 7, now: start)
        #expect(known.size(of: key(0), now: start + .seconds(59)) == 7)
        #expect(known.size(of: key(0), now: start + .seconds(60)) == nil)
        for number in 0..<LargeBodies.most { known.note(key(number), size: 7, now: start) }
        known.note(key(0), size: 8, now: start)
        #expect(known.size(of: key(0), now: start) == 8)
        known.note(key(-1), size: 9, now: start)
        #expect(known.size(of: key(0), now: start) == nil)
        #expect(known.size(of: key(-1), now: start) == 9)
    }

    @Test func `a relayed part is never given for the whole`() async throws {
        try await withProxy(Self.limited()) { proxy in
            let body = noise(20_000)
            let origin = try Self.halting(body, after: 5_000, ranges: true)
            let client = try proxy.client()
            #expect(try client.get(origin.url("/a"), fields: ["Range": "bytes=7-16"]).body == Array(body[7...16]))
            for _ in 0..<2 { origin.release() }
            #expect(try client.get(origin.url("/a")).body == body)
        }
    }

    @Test func `a strict session gets every range from the whole, after its verdict`() async throws {
        try await withProxy(Self.limited()) { proxy in
            for isTampered in [false, true] {
                let wheel = SampleWheel.bytes(tampered: isTampered, padding: 200_000)
                let origin = try Self.halting(wheel, after: 150_000, ranges: true)
                let client = try proxy.client(proxy.strict)
                try client.send(
                    "GET", origin.url("/simple/" + SampleWheel.fileName), fields: ["Range": "bytes=0-99999"])
                try proxy.waitForReaders(1, of: origin.url("/simple/" + SampleWheel.fileName))
                #expect(client.connection.readWhatIsThere().isEmpty, "what is held must not begin")
                origin.release()
                let got = try client.connection.readUntil {
                    $0.suffix(9) == wheel[99_991...99_999] || $0.starts(with: Array("HTTP/1.1 403".utf8))
                }
                #expect(got.starts(with: Array((isTampered ? "HTTP/1.1 403" : "HTTP/1.1 206").utf8)))
                #expect(origin.requests.count == 1)
                #expect(origin.requests.allSatisfy { !$0.head.fields.contains("Range") })
            }
            let results = try proxy.rows(proxy.strict, atLeast: 2).map(\.row.result)
            #expect(results == [.approved, .rejected])
        }
    }
}
