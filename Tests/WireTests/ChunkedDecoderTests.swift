import Testing
import Wire

@Suite struct ChunkedDecoderTests {
    /// Feeds the pieces one after the other; gives the data, the trailers, and how many bytes were left over.
    private func decode(_ pieces: [[UInt8]]) throws -> (data: [UInt8], trailers: Fields?, left: Int) {
        var decoder = ChunkedDecoder()
        var data: [UInt8] = []
        var trailers: Fields?
        var left = 0
        for piece in pieces {
            var offset = 0
            steps: while true {
                switch try decoder.next(piece.span, from: &offset) {
                case .needMore:
                    #expect(offset == piece.count)
                    break steps
                case .data(let range):
                    #expect(!range.isEmpty && range.upperBound == offset)
                    data += piece[range]
                case .end(let found):
                    if trailers == nil { trailers = found }
                    left += piece.count - offset
                    break steps
                }
            }
        }
        return (data, trailers, left)
    }

    private static let good: [(String, String, Int)] = [
        ("0\r\n\r\n", "", 0),
        ("5\r\nhello\r\n0\r\n\r\n", "hello", 0),
        ("005\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n", "hello0123456789", 0),
        ("5;a=b;c=\"x;\ty\"\r\nhello\r\n0;last\r\n\r\nGET", "hello", 0),
        ("1\r\n\n\r\n1\r\n\r\r\n0\r\nX: y\r\nZ:\r\n\r\n", "\n\r", 2),
    ]

    @Test(arguments: good) func `good bodies decode the same at every split`(wire: String, data: String, trailers: Int)
        throws
    {
        let bytes = Array(wire.utf8)
        let extra = wire.hasSuffix("GET") ? 3 : 0
        for split in 0...bytes.count {
            let result = try decode([Array(bytes[..<split]), Array(bytes[split...])])
            #expect(text(result.data) == data)
            #expect(result.trailers?.count == trailers)
            #expect(result.left == extra)
        }
        #expect(text(try decode(bytes.map { [$0] }).data) == data)
    }

    @Test(arguments: [
        "\r\n", ";a\r\n", "x\r\n", "+5\r\n", "-5\r\n", "0x5\r\n", " 5\r\n", "5 \r\n", "5 ;a\r\n", "5\n", "5\rx",
        "5;a\n",
        "5;a\rb\r\n", "5;\0\r\n", "5;\u{7F}\r\n", "5\r\nhelloX", "5\r\nhello\n", "5\r\nhello\rX", "5,5\r\n", "5_0\r\n",
        "4000000000000001\r\n", "FFFFFFFFFFFFFFFF\r\n", "10000000000000000\r\n", "00000000000000005\r\n",
        "0\r\nX y: z\r\n\r\n", "0\r\nX : z\r\n\r\n", "0\r\n y\r\n\r\n", "0\r\nX: a\n\r\n", "0\r\nX: a\rb\r\n\r\n",
        "0\r\nContent-Length: 5\r\n\r\n", "0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\n", "0\r\n\r\r\n\r\n",
        "0\n\n",
    ]) func `bad bodies are refused at every split`(wire: String) {
        let bytes = Array(wire.utf8)
        for split in 0...bytes.count {
            #expect(
                failure { try decode([Array(bytes[..<split]), Array(bytes[split...])]) } == 400, "split at \(split)")
        }
        #expect(failure { try decode(bytes.map { [$0] }) } == 400)
    }

    @Test func `a chunk of two to the 62nd bytes is the largest`() throws {
        var decoder = ChunkedDecoder()
        var offset = 0
        let wire = Array("4000000000000000\r\nx".utf8)
        #expect(try decoder.next(wire.span, from: &offset) == .data(18..<19))
        #expect(try decoder.next(wire.span, from: &offset) == .needMore)
    }

    @Test func `a body of mostly extensions is refused, extensions in proportion are not`() throws {
        let long = String(repeating: "e", count: 17 * 1024)
        #expect(failure { try decode([Array("1;\(long)\r\n".utf8)]) } == 400)
        let small = String(repeating: "1;\(String(repeating: "e", count: 100))\r\nx\r\n", count: 1000)
        #expect(failure { try decode([Array(small.utf8)]) } == 400)
        let plain = String(repeating: "1\r\nx\r\n", count: 50_000) + "0\r\n\r\n"
        #expect(try decode([Array(plain.utf8)]).data.count == 50_000)
        let signed = String(
            repeating:
                "80;chunk-signature=\(String(repeating: "a", count: 64))\r\n\(String(repeating: "x", count: 128))\r\n",
            count: 5000)
        #expect(try decode([Array((signed + "0\r\n\r\n").utf8)]).data.count == 640_000)
    }

    @Test func `trailers are bounded and lose what must not stand in them`() throws {
        let wire = "0\r\nX-Sum: 1\r\nHost: evil\r\nAuthorization: x\r\nSet-Cookie: a=b\r\nETag: \"x\"\r\n\r\n"
        let result = try decode([Array(wire.utf8)])
        #expect(result.trailers == fields(("X-Sum", "1"), ("ETag", "\"x\"")))
        let long = String(repeating: "a", count: ChunkedDecoder.trailerLimit)
        #expect(failure { try decode([Array("0\r\nX: \(long)\r\n\r\n".utf8)]) } == 431)
        let many = String(repeating: "X: y\r\n", count: 65)
        #expect(failure { try decode([Array("0\r\n\(many)\r\n".utf8)]) } == 431)
    }

    @Test func `what the encoder writes the decoder reads`() throws {
        var generator = SeededGenerator(seed: 20_310)
        var wire: [UInt8] = []
        var data: [UInt8] = []
        for size in [1, 9, 15, 16, 17, 255, 256, 4095, 4096, 65_536] {
            let chunk = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
            ChunkedEncoder.appendChunkHeader(size: size, to: &wire)
            wire += chunk + [13, 10]
            data += chunk
        }
        let trailers = fields(("X", "y"))
        ChunkedEncoder.appendLastChunk(trailers: trailers, to: &wire)
        let result = try decode([wire])
        #expect(result.data == data && result.trailers == trailers && result.left == 0)
        var header: [UInt8] = []
        ChunkedEncoder.appendChunkHeader(size: 0x1AF0, to: &header)
        #expect(text(header) == "1AF0\r\n")
    }
}
