/// The head of a response: its status line and its fields.
package struct ResponseHead: Sendable, Equatable {
    /// 100 to 999.
    package var status: Int
    /// The reason phrase, decoded as UTF-8 with replacement characters; often empty.
    package var reason: String
    package var version: HTTPVersion
    package var fields: Fields

    package init(status: Int, reason: String? = nil, version: HTTPVersion = .http11, fields: Fields = Fields()) {
        self.status = status
        self.reason = reason ?? ReasonPhrase.of(status)
        self.version = version
        self.fields = fields
    }

    /// Appends the status line, the fields and the empty line.
    ///
    /// Control bytes in the reason become spaces.
    package func serialise(into out: inout [UInt8]) {
        out.reserveCapacity(out.count + reason.utf8.count + fields.serialisedSize + 18)
        out.append(copying: version.text.utf8Span.span)
        out.append(ASCII.space)
        out.append(decimal: Int64(status))
        out.append(ASCII.space)
        for byte in reason.utf8 { out.append(ASCII.isFieldContent(byte) ? byte : ASCII.space) }
        out.append(ASCII.carriageReturn)
        out.append(ASCII.lineFeed)
        fields.serialise(into: &out)
        out.append(ASCII.carriageReturn)
        out.append(ASCII.lineFeed)
    }

    /// Whether the server will go on using the connection after this response (RFC 9112, section 9.3).
    ///
    /// A body that ends with the connection ends it too, which only the framing knows.
    package var allowsPersistence: Bool {
        if fields.hasToken("connection", "close") { return false }
        return version == .http11 || fields.hasToken("connection", "keep-alive")
    }

    /// Whether it is an interim response (1xx).
    package var isInterim: Bool { status < 200 }
}
