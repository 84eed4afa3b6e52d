import Wire

/// The chunked coding: a split changes nothing, data is never more than input, and what is encoded is decoded.
enum ChunkedProperties {
    struct Result: Equatable {
        var data: [UInt8] = []
        var trailers: Fields?
        var consumed = 0
        var error: MessageError?
    }

    static func check(_ bytes: [UInt8]) throws {
        let whole = try decode([bytes])
        for cut in cuts(bytes) {
            try hold(try decode([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "cut at \(cut) it differs")
        }
        try hold(try decode(bytes.map { [$0] }) == whole, "byte by byte it differs")
        try hold(whole.data.count <= bytes.count, "more data than input")
        try hold(whole.trailers.map { $0.serialisedSize <= 2 * bytes.count } ?? true, "the trailers grow")

        var encoded: [UInt8] = []
        let middle = bytes.count / 2
        for piece in [bytes[..<middle], bytes[middle...]] where !piece.isEmpty {
            ChunkedEncoder.appendChunkHeader(size: piece.count, to: &encoded)
            encoded += piece
            encoded += [0x0D, 0x0A]
        }
        encoded += Array("0\r\n\r\n".utf8)
        let decoded = try decode([encoded])
        try hold(decoded.data == bytes && decoded.trailers == Fields(), "what was encoded is not decoded")
        try hold(decoded.consumed == encoded.count, "not everything is consumed")
    }

    private static func decode(_ pieces: [[UInt8]]) throws -> Result {
        var decoder = ChunkedDecoder()
        var result = Result()
        for piece in pieces {
            var offset = 0
            do {
                steps: while true {
                    switch try decoder.next(piece.span, from: &offset) {
                    case .needMore:
                        try hold(offset == piece.count, "it wants more and has not taken everything")
                        break steps
                    case .data(let range):
                        try hold(!range.isEmpty && range.upperBound == offset, "data that is not there")
                        result.data += piece[range]
                    case .end(let trailers):
                        result.trailers = trailers
                        result.consumed += offset
                        return result
                    }
                }
            } catch let error as MessageError {
                result.error = error
                // How far it came before the error depends on the pieces, and is of no use to anybody.
                result.consumed = 0
                return result
            }
            result.consumed += offset
        }
        return result
    }
}
