/// Takes the chunked coding apart, strictly and without copying data (RFC 9112, section 7.1).
///
/// Chunk extensions are skipped. They and the size lines of tiny chunks count against a budget that data refills, so that a
/// body cannot be mostly framing. Trailers are parsed like a header section of at most 16 KiB and 64 lines:
/// `Content-Length` and `Transfer-Encoding` in them are errors; other fields that must not stand there (RFC 9110, section
/// 6.5.1: routing, conditions, credentials, caching, content) are dropped.
package struct ChunkedDecoder: Sendable {
    /// What the decoder found.
    package enum Step: Equatable {
        /// All input is consumed; call again with more.
        case needMore
        /// These bytes of the input are data.
        case data(Range<Int>)
        /// The body has ended; input after the offset belongs to the next message.
        case end(trailers: Fields)
    }

    /// The largest chunk.
    package static let chunkLimit: Int64 = 1 << 62
    /// The largest trailer section in bytes.
    package static let trailerLimit = 16 * 1024

    private static let overheadLimit: Int64 = 16 * 1024
    private static let digitLimit = 16

    private enum State: Sendable {
        case size(digits: Int)
        case extensions
        case sizeLineFeed
        case data
        case dataReturn
        case dataLineFeed
        case trailers
        case ended
    }

    private var state = State.size(digits: 0)
    /// The size of the chunk while its line is read, then what is missing of its data.
    private var remaining: Int64 = 0
    /// Bytes of framing beyond what the data seen so far excuses.
    private var overhead: Int64 = 0
    private var section: [UInt8] = []
    private var trailerScan = 0
    private var trailerLineStart = 0

    package init() {}

    /// Makes one step, beginning at `offset`, which moves past what was consumed.
    ///
    /// - Returns: the step; after `end` every further call answers `end` without trailers and consumes nothing.
    /// - Throws: 400 for what is no strict chunked coding.
    package mutating func next(_ input: Span<UInt8>, from offset: inout Int) throws(MessageError) -> Step {
        while offset < input.count {
            let byte = input[offset]
            switch state {
            case .size(let digits):
                try readSize(byte, digits: digits)
            case .extensions:
                try skipExtension(byte)
            case .sizeLineFeed:
                guard byte == ASCII.lineFeed else { throw .bad("a chunk size line contains a bare CR") }
                state = remaining > 0 ? .data : .trailers
            case .data:
                let count = Int(min(Int64(input.count - offset), remaining))
                let range = offset..<offset + count
                offset += count
                remaining -= Int64(count)
                overhead = max(0, overhead - 2 * Int64(count))
                if remaining == 0 { state = .dataReturn }
                return .data(range)
            case .dataReturn:
                guard byte == ASCII.carriageReturn else { throw .bad("chunk data is longer than its size") }
                state = .dataLineFeed
            case .dataLineFeed:
                guard byte == ASCII.lineFeed else { throw .bad("chunk data is not followed by CR LF") }
                state = .size(digits: 0)
            case .trailers:
                if let trailers = try readTrailers(input, from: &offset) { return .end(trailers: trailers) }
                return .needMore
            case .ended:
                return .end(trailers: Fields())
            }
            offset += 1
        }
        if case .ended = state { return .end(trailers: Fields()) }
        return .needMore
    }

    private mutating func readSize(_ byte: UInt8, digits: Int) throws(MessageError) {
        if let value = ASCII.hexValue(byte) {
            guard digits < Self.digitLimit, remaining <= (Self.chunkLimit - Int64(value)) >> 4 else {
                throw .bad("a chunk size is too large")
            }
            if digits == 0 {
                // A line of up to 16 bytes is what a chunk may cost; Int64 is wide enough for any number of chunks.
                overhead = max(0, overhead - 16)
            }
            remaining = remaining << 4 | Int64(value)
            state = .size(digits: digits + 1)
            try count(1)
            return
        }
        guard digits > 0 else { throw .bad("a chunk has no size") }
        switch byte {
        case ASCII.semicolon: state = .extensions
        case ASCII.carriageReturn: state = .sizeLineFeed
        default: throw .bad("a chunk size is not hexadecimal")
        }
        try count(1)
    }

    private mutating func skipExtension(_ byte: UInt8) throws(MessageError) {
        if byte == ASCII.carriageReturn {
            state = .sizeLineFeed
        } else if !ASCII.isFieldContent(byte) {
            throw .bad("a chunk extension contains a control byte")
        }
        try count(1)
    }

    private mutating func count(_ bytes: Int64) throws(MessageError) {
        overhead += bytes
        guard overhead <= Self.overheadLimit else { throw .bad("the chunked body is mostly chunk extensions") }
    }

    /// Collects the trailer section up to its empty line.
    ///
    /// - Returns: the trailers, or nil when all input was consumed before the empty line.
    private mutating func readTrailers(_ input: Span<UInt8>, from offset: inout Int) throws(MessageError) -> Fields? {
        while offset < input.count {
            let byte = input[offset]
            offset += 1
            section.append(byte)
            guard section.count <= Self.trailerLimit else {
                throw MessageError(status: 431, reason: "the trailers are over \(Self.trailerLimit) bytes")
            }
            guard byte == ASCII.lineFeed else { continue }
            let lineLength = section.count - trailerLineStart
            guard lineLength >= 2, section[section.count - 2] == ASCII.carriageReturn else {
                throw .bad("a trailer line ends with a bare LF")
            }
            trailerLineStart = section.count
            guard lineLength == 2 else { continue }
            var trailers = try Fields(parsing: section.span, from: 0, maxFields: 64, fault: .request)
            section = []
            state = .ended
            guard !trailers.contains("content-length"), !trailers.contains("transfer-encoding") else {
                throw .bad("the trailers contain framing fields")
            }
            if !trailers.isEmpty { trailers.removeAll(named: Self.forbiddenTrailers) }
            return trailers
        }
        return nil
    }

    /// Fields that must be known before the body and are dropped from trailers (RFC 9110, section 6.5.1).
    private static let forbiddenTrailers: Set<String> = [
        "host", "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "via", "forwarded",
        "cache-control", "expect", "max-forwards", "pragma", "range", "if-match", "if-none-match", "if-modified-since",
        "if-unmodified-since", "if-range", "authorization", "proxy-authorization", "proxy-authenticate",
        "www-authenticate", "authentication-info", "proxy-authentication-info", "cookie", "set-cookie", "age",
        "expires", "date", "location", "retry-after", "vary", "content-encoding", "content-type", "content-range",
        "content-location", "content-disposition", "x-fetch-session-id",
    ]
}
