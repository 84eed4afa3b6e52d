/// Finds the end of a head in bytes that arrive piece by piece.
///
/// It looks at each byte once (a CR at the end of a piece twice) and refuses at once what cannot become a head (a bare LF or CR, control bytes, a first byte
/// that begins no line), so that garbage does not wait for a timeout.
package struct HeadScanner: Sendable {
    private let limit: Int
    private var position = 0
    private var lineStart = 0

    /// - Parameter limit: the largest head in bytes, its empty line included.
    package init(limit: Int = 65536) { self.limit = limit }

    /// Looks for the end of the head that begins at the first byte.
    ///
    /// - Parameter bytes: all bytes from the beginning of the head on, those already looked at included.
    /// - Returns: the length of the head with its empty line, or nil when more bytes are needed.
    /// - Throws: 400 for bytes that no head holds; 431 over the limit, 414 when not even the first line fits.
    package mutating func scan(_ bytes: Span<UInt8>) throws(MessageError) -> Int? {
        if position == 0, let first = bytes.isEmpty ? nil : bytes[0],
            first != ASCII.carriageReturn, !ASCII.isToken(first)
        {
            throw .bad("this is not an HTTP/1 message")
        }
        let end = min(bytes.count, limit)
        while position < end {
            let byte = bytes[position]
            if byte >= ASCII.space || byte == ASCII.tab {
                position += 1
                continue
            }
            guard byte == ASCII.carriageReturn else {
                throw .bad(byte == ASCII.lineFeed ? "a line ends with a bare LF" : "the head contains a control byte")
            }
            // The CR is looked at again when its LF has arrived.
            guard position + 1 < end else { break }
            guard bytes[position + 1] == ASCII.lineFeed else { throw .bad("the head contains a bare CR") }
            let isEmptyLine = position == lineStart
            position += 2
            // One empty line before the request line is tolerated (RFC 9112, section 2.2), a second ends the head.
            if isEmptyLine, lineStart > 0 { return position }
            lineStart = position
        }
        guard bytes.count < limit else {
            if lineStart == 0 { throw MessageError(status: 414, reason: "the first line is over \(limit) bytes") }
            throw MessageError(status: 431, reason: "the head is over \(limit) bytes")
        }
        return nil
    }

    /// Begins anew, for the next head.
    package mutating func reset() {
        position = 0
        lineStart = 0
    }
}
