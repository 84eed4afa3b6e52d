import Core
import MemoryStorage
import Proxy
import Relay
import RelayTesting
import Storage
import Platform
import Testing
import Wire

/// Origins that lie, break off or talk nonsense: the client sees it, the record says it, nothing of it is stored.
@Suite struct BadOriginTests {
    /// What an origin sends in place of a good answer before it ends the connection.
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        /// Ends with a reset instead of an orderly end.
        var resets = false
        /// The client accepts gzip, so it is asked for and undone.
        var asksForGzip = false
        /// So much of the body can be with the client before that is noticed.
        var isStreamed = false

        init(
            _ description: String, _ head: String, body: [UInt8] = [], resets: Bool = false, asksForGzip: Bool = false,
            isStreamed: Bool = false
        ) {
            testDescription = description
            bytes = Array(head.utf8) + body
            self.resets = resets
            self.asksForGzip = asksForGzip
            self.isStreamed = isStreamed
        }
    }

    private static let ok = "HTTP/1.1 200 OK\r\nCache-Control: max-age=1000\r\n"
    private static let coded = ok + "Content-Encoding: gzip\r\n"

    private static func sized(_ body: [UInt8], _ fields: String = ok) -> String {
        fields + "Content-Length: \(body.count)\r\n\r\n"
    }

    private static func damaged(_ body: [UInt8], at index: Int) -> [UInt8] {
        var body = body
        body[index] ^= 0x55
        return body
    }

    static let cases: [Case] = {
        let small = gzip(noise(1_000))
        let large = gzip(noise(400_000))
        return [
            Case("it says nothing", ""),
            Case("it ends within the head", "HTTP/1.1 200 OK\r\nCache-"),
            Case("it is no HTTP", "220 mail.example ESMTP\r\n\r\n"),
            Case("two lengths", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            Case(
                "length and chunks", ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
            Case("a folded field", ok + " folded\r\nContent-Length: 0\r\n\r\n"),
            Case("a small body is short", ok + "Content-Length: 100\r\n\r\n", body: noise(50)),
            Case("a small body is reset", ok + "Content-Length: 100\r\n\r\n", body: noise(50), resets: true),
            Case(
                "a large body is short", ok + "Content-Length: 500000\r\n\r\n", body: noise(300_000), isStreamed: true),
            Case(
                "a large body is reset", ok + "Content-Length: 500000\r\n\r\n", body: noise(300_000), resets: true,
                isStreamed: true),
            Case("a bad chunk size", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"),
            Case("a chunk without its end", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n"),
            Case("no last chunk", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            Case(
                "no last chunk after much", ok + "Transfer-Encoding: chunked\r\n\r\n30d40\r\n", body: noise(200_000),
                isStreamed: true),
            Case(
                "no gzip at all", sized(Array("plain text".utf8), coded), body: Array("plain text".utf8),
                asksForGzip: true),
            Case("gzip with a wrong checksum", sized(small, coded), body: damaged(small, at: 500), asksForGzip: true),
            Case(
                "gzip that ends early", sized(Array(small.dropLast(9)), coded), body: small.dropLast(9),
                asksForGzip: true),
            Case(
                "gzip followed by garbage", sized(small + [1, 2, 3], coded), body: small + [1, 2, 3], asksForGzip: true),
            Case(
                "much gzip with a wrong checksum", sized(large, coded), body: damaged(large, at: large.count - 6),
                asksForGzip: true, isStreamed: true),
            Case(
                "much gzip that ends early", sized(Array(large.dropLast(8)), coded), body: large.dropLast(8),
                asksForGzip: true, isStreamed: true),
        ]
    }()

    @Test(arguments: cases, [false, true])
    func `the client gets 502 or a reset and nothing is stored`(_ bad: Case, _ isTunnelled: Bool) async throws {
        let blobs = TamperingStore()
        var options = ProxyOptions()
        options.blobs = blobs
        try await withProxy(options) { proxy in
            let tls = isTunnelled ? try TestCertificates.shared.get().server() : nil
            let origin = try ScriptedOrigin(tls: tls) { session in
                guard try session.readRequest() != nil else { return }
                try session.send(bad.bytes)
                if bad.resets { session.reset() }
            }
            let client = try isTunnelled ? proxy.tunnel(to: origin) : proxy.client()
            let url = isTunnelled ? "/bad" : origin.url("/bad")
            try client.send("GET", url, fields: bad.asksForGzip ? ["Accept-Encoding": "gzip"] : [:])
            do {
                let answer = try client.answer()
                #expect(answer.head.status == 502, "\(answer.head.status)")
                #expect(!answer.text.isEmpty)
            } catch let fault as ConnectionFault {
                // OpenSSL reports a reset as an error of its own.
                #expect(fault.kind == .reset || isTunnelled && fault.kind == .tls, "\(fault)")
                #expect(bad.isStreamed, "\(fault)")
            }
            let row = try #require(try proxy.rows(kind: .failure, atLeast: 1).first)
            #expect(!row.reason.isEmpty)
            #expect(row.row.digest == nil)
            #expect(try proxy.rows().count == 1)
            #expect(try proxy.catalog.totals().responses == 0)
            let deadline = Deadline()
            while blobs.stagedWrites > 0 { try deadline.check() }
        }
    }

    @Test func `more bytes than announced are not delivered and not pooled`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                guard try session.readRequest() != nil else { return }
                try session.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
                _ = try session.readRequest()
            }
            let client = try proxy.client()
            #expect(try client.get(origin.url("/1")).text == "ab")
            #expect(try client.get(origin.url("/2")).text == "ab")
            #expect(origin.connectionCount == 2)
        }
    }

    @Test func `a partial answer that nobody asked for is 502`() async throws {
        try await withProxy { proxy in
            let origin = try ScriptedOrigin { session in
                while try session.readRequest() != nil {
                    try session.respond(206, fields: ["Content-Range": "bytes 0-1/10"], text: "ab")
                }
            }
            let client = try proxy.client()
            #expect(try client.get(origin.url("/1")).head.status == 502)
            #expect(try proxy.catalog.totals().responses == 0)
        }
    }

    @Test func `an origin that is not there is 502 and one that is silent 504`() async throws {
        var options = ProxyOptions()
        options.settings.relay.headTimeout = .milliseconds(200)
        try await withProxy(options) { proxy in
            let client = try proxy.client()
            let free = try Listener(.loopback4(port: 0)).address.port
            #expect(try client.get("http://127.0.0.1:\(free)/").head.status == 502)
            let silent = try ScriptedOrigin { session in
                _ = try session.readRequest()
                try session.waitForRelease()
            }
            #expect(try client.get(silent.url()).head.status == 504)
            silent.release()
            let names = try client.get("http://no-such-host.invalid/")
            #expect(names.head.status == 502)
        }
    }

    @Test func `a gzip bomb is stopped`() async throws {
        var options = ProxyOptions()
        options.settings.largestExpansion = 10
        try await withProxy(options) { proxy in
            // Highly compressed: a stored block repeated would not do, so a fixed one of zeros is used.
            let origin = try ScriptedOrigin { session in
                guard try session.readRequest() != nil else { return }
                try session.respond(fields: ["Content-Encoding": "gzip"], body: zeros)
            }
            let client = try proxy.client()
            try client.send("GET", origin.url(), fields: ["Accept-Encoding": "gzip"])
            let answer = try? client.answer()
            #expect(answer == nil || answer?.head.status == 502)
            let row = try #require(try proxy.rows(kind: .failure, atLeast: 1).first)
            #expect(row.reason.contains("expands"), "\(row.reason)")
        }
    }

    /// Four megabytes of zeros: blocks of fixed Huffman codes with runs of 258 bytes (RFC 1951, section 3.2.6).
    private static var zerosInGzip: [UInt8] {
        var bits: [UInt8] = []
        func put(_ value: Int, _ count: Int) { for index in 0..<count { bits.append(UInt8(value >> index & 1)) } }
        func code(_ value: Int, _ count: Int) {
            for index in (0..<count).reversed() { bits.append(UInt8(value >> index & 1)) }
        }
        put(1, 1)
        put(1, 2)
        code(0b0011_0000, 8)  // the literal 0
        var size = 1
        while size < 4 << 20 {
            code(0b1100_0101, 8)  // length 258
            code(0, 5)  // distance 1
            size += 258
        }
        code(0, 7)
        while bits.count % 8 != 0 { bits.append(0) }
        var out: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
        for start in stride(from: 0, to: bits.count, by: 8) {
            out.append((0..<8).reduce(0) { $0 | bits[start + $1] << $1 })
        }
        // The checksum does not matter: the cap comes first.
        out += [UInt8](repeating: 0, count: 8)
        return out
    }
    private let zeros = BadOriginTests.zerosInGzip
}
