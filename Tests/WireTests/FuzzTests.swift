import Testing
import Wire

/// Mutated messages never trap, and what is accepted means the same when it is written and read again.
@Suite struct FuzzTests {
    private static let requests = [
        "GET http://h.example/a?b=c HTTP/1.1\r\nHost: h.example\r\nAccept: */*\r\nCookie: a=b; c=\"d,e\"\r\n\r\n",
        "POST /up HTTP/1.1\r\nHost: h.example:443\r\nContent-Length: 12\r\nContent-Type: x/y\r\n\r\n",
        "PUT https://[::1]:8443/%2e%2e/;x HTTP/1.1\r\nHost:\t[::1]:8443 \r\nTransfer-Encoding: chunked\r\nX:\r\n\r\n",
        "CONNECT h.example:443 HTTP/1.0\r\nProxy-Authorization: Basic aWQ6eA==\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h.example\r\nRange: bytes=0-5,-7\r\nIf-None-Match: W/\"a\", \"b\"\r\n"
            + "Cache-Control: max-age=5, no-cache=\"x\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
    ]
    private static let alphabet = Array("\r\n\t :;,=\"\\%/?#@[].0aZ*\u{7F}\0\u{E9}".utf8) + [0xFF, 0x80]

    private static func mutate(_ seed: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let index = Int.random(in: 0..<max(bytes.count, 1), using: &generator)
            let byte = alphabet.randomElement(using: &generator) ?? 0
            switch Int.random(in: 0..<6, using: &generator) {
            case 0 where !bytes.isEmpty: bytes[index] = byte
            case 1 where !bytes.isEmpty: bytes.remove(at: index)
            case 2: bytes.insert(byte, at: min(index, bytes.count))
            case 3 where !bytes.isEmpty: bytes.removeSubrange(index...)
            case 4 where !bytes.isEmpty:
                let end = Int.random(in: index..<bytes.count, using: &generator)
                bytes.insert(contentsOf: bytes[index...end], at: index)
            default: bytes.append(byte)
            }
        }
        return bytes
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `mutated requests never trap and accepted ones round-trip`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var accepted = 0
        let authority = try Authority(parsing: "h.example:443", defaultPort: nil)
        for round in 0..<8000 {
            let original = Array(Self.requests[round % Self.requests.count].utf8)
            let wire = Self.mutate(original, using: &generator)
            var scanner = HeadScanner()
            let end = try? scanner.scan(wire.span)
            guard let head = try? HeadParser.request(wire.span.extracting(first: (end ?? nil) ?? wire.count)) else {
                continue
            }
            accepted += 1
            #expect((end ?? nil) != nil, "seed \(seed), round \(round): the parser takes what the scanner refuses")
            let again = try HeadParser.request(bytes(head).span)
            #expect(again == head, "seed \(seed), round \(round)")
            #expect(bytes(again) == bytes(head), "seed \(seed), round \(round)")
            exercise(head, authority: authority)
        }
        #expect(accepted > 500)
    }

    /// Calls every rule on a head; only traps count.
    private func exercise(_ head: RequestHead, authority: Authority) {
        _ = try? head.framing()
        for url in [
            try? RequestURL.proxied(head), try? RequestURL.tunnelled(head, scheme: .https, authority: authority),
        ].compactMap({ $0 }) {
            _ = (url.key, url.recorded, url.path, url.query)
            _ = Redaction.url(url.recorded) { _ in "x" }
        }
        var stripped = head.fields
        HopByHop.strip(request: &stripped)
        _ = ByteRange.single(head.fields, size: 100)
        _ = Conditions.evaluate(requestFields: head.fields, method: "GET", storedFields: head.fields, storedStatus: 200)
        _ = Reuse.decide(
            requestFields: head.fields, storedStatus: 200, storedFields: head.fields, requestTime: 0, responseTime: 1,
            now: 2)
        _ = Storability.of(
            method: "GET", requestFields: Fields(), status: 200, responseFields: head.fields, responseTime: 0)
        _ = Selection.variantKey(names: ["accept", "cookie"], requestFields: head.fields)
        _ = SharingRules.requestKeepsPrivate(head.fields)
        _ = SharingRules.credentialFields(head.fields)
        _ = Redaction.fields(head.fields) { _ in "x" }
        _ = ContentCoding.acceptsGzip(head.fields)
        _ = BasicCredentials(fieldValue: head.fields.first("proxy-authorization") ?? "")
    }

    @Test func `mutated responses never trap and accepted ones round-trip`() throws {
        var generator = SeededGenerator(seed: 11)
        let original = Array(
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\nVary: Accept, *\r\nX:y\r\n\r\n".utf8)
        for round in 0..<10_000 {
            let wire = Self.mutate(original, using: &generator)
            guard let head = try? HeadParser.response(wire.span) else { continue }
            _ = try? head.framing(requestMethod: "GET")
            _ = Selection.varyNames(head.fields)
            // A reason that is no UTF-8 is shown with replacement characters, so the second writing is the fixed point.
            let again = try HeadParser.response(bytes(head).span)
            #expect(again.fields == head.fields && again.status == head.status, "round \(round)")
            #expect(bytes(again) == bytes(try HeadParser.response(bytes(again).span)), "round \(round)")
        }
    }

    @Test func `mutated chunked bodies never trap and split anywhere mean the same`() {
        var generator = SeededGenerator(seed: 12)
        let original = Array("5;x=\"y\"\r\nhello\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX: y\r\n\r\n".utf8)
        func decode(_ pieces: [ArraySlice<UInt8>]) -> (data: [UInt8], outcome: String) {
            var decoder = ChunkedDecoder()
            var data: [UInt8] = []
            for piece in pieces {
                let bytes = Array(piece)
                var offset = 0
                do {
                    steps: while true {
                        switch try decoder.next(bytes.span, from: &offset) {
                        case .needMore: break steps
                        case .data(let range): data += bytes[range]
                        case .end(let trailers): return (data, "end \(trailers)")
                        }
                    }
                } catch {
                    return (data, "error \(error)")
                }
            }
            return (data, "more")
        }
        for round in 0..<10_000 {
            let wire = Self.mutate(original, using: &generator)
            let split = Int.random(in: 0...wire.count, using: &generator)
            let (whole, parts) = (decode([wire[...]]), decode([wire[..<split], wire[split...]]))
            #expect(whole.data == parts.data && whole.outcome == parts.outcome, "round \(round), split at \(split)")
        }
    }

    @Test func `a request that is split at every byte parses to the same value`() throws {
        for wire in Self.requests {
            let bytes = Array(wire.utf8)
            let whole = try HeadParser.request(bytes.span)
            for split in 0..<bytes.count {
                var scanner = HeadScanner()
                #expect(try scanner.scan(bytes.span.extracting(first: split)) == nil)
                let end = try #require(try scanner.scan(bytes.span))
                #expect(try HeadParser.request(bytes.span.extracting(first: end)) == whole)
                #expect(failure { try HeadParser.request(bytes.span.extracting(first: split)) } == 400)
            }
        }
    }
}
