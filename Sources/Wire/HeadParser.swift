/// Parses complete heads, strictly: what two parsers could read differently is an error (RFC 9112).
package enum HeadParser {
    /// The longest request target in bytes.
    package static let targetLimit = 32 * 1024
    /// The longest method in bytes.
    package static let methodLimit = 64

    /// Parses a request head, of the length that ``HeadScanner`` found.
    ///
    /// Typically three allocations: the target, the field lines, the table of fields. One empty line before the request
    /// line is skipped. `Host` may be missing only in HTTP/1.0 and in CONNECT, and may stand there once.
    ///
    /// - Throws: 400 for bad syntax, 414 for a target over 32 KiB, 431 for too many fields, 501 for an endless method,
    ///   505 for another major version.
    package static func request(_ bytes: Span<UInt8>, maxFields: Int = 200) throws(MessageError) -> RequestHead {
        let end = bytes.count
        var cursor = 0
        if end >= 2, bytes[0] == ASCII.carriageReturn, bytes[1] == ASCII.lineFeed { cursor = 2 }

        let methodStart = cursor
        while cursor < end, ASCII.isToken(bytes[cursor]) { cursor += 1 }
        guard cursor > methodStart, cursor < end, bytes[cursor] == ASCII.space else {
            throw .bad("the request line does not begin with a method and one space")
        }
        let methodEnd = cursor
        guard methodEnd - methodStart <= methodLimit else {
            throw MessageError(status: 501, reason: "the method is over \(methodLimit) bytes")
        }

        cursor += 1
        let targetStart = cursor
        while cursor < end, bytes[cursor] > ASCII.space, bytes[cursor] != 0x7F { cursor += 1 }
        let targetEnd = cursor
        guard targetEnd > targetStart, cursor < end, bytes[cursor] == ASCII.space else {
            throw .bad("the request line has no target, no version, or a control byte")
        }
        guard targetEnd - targetStart <= targetLimit else {
            throw MessageError(status: 414, reason: "the request target is over \(targetLimit) bytes")
        }

        let versionStart = cursor + 1
        cursor = versionStart + HTTPVersion.length
        guard let known = HTTPVersion.parse(bytes, at: versionStart), cursor + 1 < end,
            bytes[cursor] == ASCII.carriageReturn, bytes[cursor + 1] == ASCII.lineFeed
        else { throw .bad("the request line does not end with an HTTP version") }
        guard let version = known else {
            throw MessageError(status: 505, reason: "only HTTP/1.1 and HTTP/1.0 are spoken here")
        }

        let fields = try Fields(parsing: bytes, from: cursor + 2, maxFields: maxFields, fault: .request)
        let method = String(copying: bytes.extracting(methodStart..<methodEnd))
        let hosts = fields.count(of: "host")
        guard hosts <= 1 else { throw .bad("the request has more than one Host field") }
        guard hosts == 1 || version == .http10 || method == "CONNECT" else {
            throw .bad("the request has no Host field")
        }
        var target: [UInt8] = []
        target.append(copying: bytes.extracting(targetStart..<targetEnd))
        return RequestHead(method: method, target: target, version: version, fields: fields)
    }

    /// Parses a response head, of the length that ``HeadScanner`` found.
    ///
    /// The reason phrase may be empty, also without the space before it. No line may stand before the status line.
    ///
    /// - Throws: 502 for whatever is wrong: an origin's fault.
    package static func response(_ bytes: Span<UInt8>, maxFields: Int = 200) throws(MessageError) -> ResponseHead {
        let fault = SectionFault.response
        let end = bytes.count
        guard let known = HTTPVersion.parse(bytes, at: 0) else {
            throw fault.error("the origin's answer does not begin with an HTTP version")
        }
        guard let version = known else { throw fault.error("the origin answered in another version of HTTP") }
        var cursor = HTTPVersion.length
        guard cursor + 4 < end, bytes[cursor] == ASCII.space, ASCII.isDigit(bytes[cursor + 1]),
            ASCII.isDigit(bytes[cursor + 2]), ASCII.isDigit(bytes[cursor + 3])
        else { throw fault.error("the origin's status line has no status of three digits") }
        let digits = bytes.extracting(cursor + 1..<cursor + 4)
        guard let status = ASCII.decimal(digits), status >= 100 else {
            throw fault.error("the origin's status is below 100")
        }
        cursor += 4
        if bytes[cursor] == ASCII.space {
            cursor += 1
        } else if bytes[cursor] != ASCII.carriageReturn {
            throw fault.error("the origin's status has more than three digits")
        }
        let reasonStart = cursor
        while cursor < end, ASCII.isFieldContent(bytes[cursor]) { cursor += 1 }
        guard cursor + 1 < end, bytes[cursor] == ASCII.carriageReturn, bytes[cursor + 1] == ASCII.lineFeed else {
            throw fault.error("the origin's status line contains a control byte or has no end")
        }
        let reason = String(copying: bytes.extracting(reasonStart..<cursor))
        let fields = try Fields(parsing: bytes, from: cursor + 2, maxFields: maxFields, fault: fault)
        return ResponseHead(status: Int(status), reason: reason, version: version, fields: fields)
    }
}
