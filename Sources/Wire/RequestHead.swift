/// The head of a request: its line and its fields.
package struct RequestHead: Sendable, Equatable {
    /// A token, case-sensitive.
    package var method: String
    /// The request target exactly as it came: visible ASCII and bytes above 127.
    package var target: [UInt8]
    package var version: HTTPVersion
    package var fields: Fields

    package init(method: String, target: [UInt8], version: HTTPVersion = .http11, fields: Fields = Fields()) {
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
    }

    package init(method: String, target: String, version: HTTPVersion = .http11, fields: Fields = Fields()) {
        self.init(method: method, target: Array(target.utf8), version: version, fields: fields)
    }

    /// Appends the request line, the fields and the empty line.
    package func serialise(into out: inout [UInt8]) {
        out.reserveCapacity(out.count + method.utf8.count + target.count + fields.serialisedSize + 14)
        out.append(copying: method.utf8Span.span)
        out.append(ASCII.space)
        out.append(contentsOf: target)
        out.append(ASCII.space)
        out.append(copying: version.text.utf8Span.span)
        out.append(ASCII.carriageReturn)
        out.append(ASCII.lineFeed)
        fields.serialise(into: &out)
        out.append(ASCII.carriageReturn)
        out.append(ASCII.lineFeed)
    }

    /// Whether the client wants to go on using the connection (RFC 9112, section 9.3).
    ///
    /// An HTTP/1.0 client that believes in `Proxy-Connection` is taken at its word.
    package var wantsPersistence: Bool {
        if fields.hasToken("connection", "close") { return false }
        if version == .http11 { return true }
        return fields.hasToken("connection", "keep-alive") || fields.hasToken("proxy-connection", "keep-alive")
    }

    /// What the client wants to hear before it sends its body (RFC 9110, section 10.1.1).
    package enum Expectation: Sendable, Equatable { case nothing, `continue`, unknown }

    /// The `Expect` field; an HTTP/1.0 client's is ignored, an unknown one deserves 417.
    package var expectation: Expectation {
        guard version == .http11, fields.contains("expect") else { return .nothing }
        return fields.count(of: "expect") == 1 && fields.hasValue("expect", "100-continue") ? .continue : .unknown
    }

    /// Whether repeating the request has no further effect (RFC 9110, section 9.2.2).
    package var isIdempotent: Bool {
        switch method {
        case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE": true
        default: false
        }
    }
}
