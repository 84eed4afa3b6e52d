import Testing
import Wire

@Suite struct HeadScannerTests {
    private static let head = Array("\r\nGET /a HTTP/1.1\r\nHost: h.example\r\nA: b\tc\u{E9}\r\n\r\n".utf8)

    @Test func `the end is found at every split`() throws {
        let head = Self.head
        let wire = head + Array("GET /b".utf8)
        for split in 0...head.count {
            var scanner = HeadScanner()
            let early = try scanner.scan(wire.span.extracting(first: split))
            #expect(early == (split == head.count ? head.count : nil))
            if early == nil { #expect(try scanner.scan(wire.span) == head.count) }
        }
    }

    @Test func `byte by byte it says the same, and again after a reset`() throws {
        var scanner = HeadScanner()
        for _ in 0..<2 {
            for count in 0..<Self.head.count {
                #expect(try scanner.scan(Self.head.span.extracting(first: count)) == nil)
            }
            #expect(try scanner.scan(Self.head.span) == Self.head.count)
            scanner.reset()
        }
    }

    @Test(arguments: [
        "\u{16}\u{3}\u{1}", " GET", "GET / HTTP/1.1\n", "\n", "GET /\0", "A\rB", "GET / HTTP/1.1\r\r\n",
        "A: b\r\n\u{1B}",
        "\r\n\r ",
    ]) func `what cannot become a head is refused at once, at every split`(wire: String) {
        let bytes = Array(wire.utf8)
        for split in 0...bytes.count {
            #expect(
                failure {
                    var scanner = HeadScanner()
                    _ = try scanner.scan(bytes.span.extracting(first: split))
                    _ = try scanner.scan(bytes.span)
                } == 400, "split at \(split)")
        }
    }

    @Test func `one empty line before a head is tolerated, two end it`() throws {
        var scanner = HeadScanner()
        #expect(try scanner.scan(Array("\r\n\r\nGET".utf8).span) == 4)
        #expect(failure { try request("\r\n\r\n") } == 400)
    }

    @Test func `the limit counts the whole head`() throws {
        let line = Array("GET / HTTP/1.1\r\n".utf8)
        let whole =
            line + Array("A: ".utf8) + Array(repeating: 0x61, count: 100 - line.count - 7) + Array("\r\n\r\n".utf8)
        #expect(whole.count == 100)
        var exact = HeadScanner(limit: 100)
        #expect(try exact.scan(whole.span) == 100)
        #expect(
            failure {
                var scanner = HeadScanner(limit: 99)
                return try scanner.scan(whole.span)
            } == 431)
        #expect(
            failure {
                var scanner = HeadScanner(limit: 10)
                return try scanner.scan(whole.span)
            } == 414)
        var waiting = HeadScanner(limit: 100)
        #expect(try waiting.scan(whole.span.extracting(first: 99)) == nil)
    }
}
