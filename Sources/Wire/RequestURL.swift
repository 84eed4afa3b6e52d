/// The URL that a request is for: which origin, and the target that is sent there exactly as it came.
///
/// Nothing in a path or query is ever resolved or rewritten; only ``key`` is a normal form.
package struct RequestURL: Sendable {
    package let scheme: Scheme
    package let authority: Authority
    /// Path and query as they came; `/` for an empty path, `*` for `OPTIONS` of the whole server.
    ///
    /// Bytes that are no UTF-8 show as replacement characters; forward ``forwardedTarget``.
    package let target: String
    /// False when servers may read the path differently, so that the URL is never claimed by an inspector and never shared.
    ///
    /// That is: dot segments (also percent-encoded, also between encoded separators or before path parameters),
    /// backslashes (in the path also encoded), encoded control bytes, bytes outside ASCII.
    package let isOrdinary: Bool

    /// The target's bytes when they are no UTF-8.
    let rawTarget: [UInt8]?
    /// Whether an http URL named a port, which the record shows as it came.
    let hasExplicitPort: Bool

    /// The URL of a request on the proxy port: absolute-form and plain http.
    ///
    /// The client's `Host` field says nothing; the caller replaces it by ``Authority/hostHeader(for:)``.
    ///
    /// - Throws: 400 for any other form, userinfo, a fragment, control bytes, a malformed authority, or a `Host` field
    ///   that is none.
    package static func proxied(_ head: RequestHead) throws(MessageError) -> RequestURL {
        let target = head.target.span
        guard head.method != "CONNECT" else { throw .bad("CONNECT names an authority and no URL") }
        guard ASCII.hasPrefixIgnoringCase(target, "http://") else {
            if ASCII.hasPrefixIgnoringCase(target, "https://") {
                throw .bad("https URLs are fetched through CONNECT, not by an absolute https target")
            }
            throw .bad("this is a proxy; send the request with an absolute http URL or use CONNECT")
        }
        let (authority, explicitPort, rest) = try splitAbsolute(target, from: 7, scheme: .http)
        if let host = try hostField(head, scheme: .http), host == nil { throw .bad("the Host field is malformed") }
        return try RequestURL(
            scheme: .http, authority: authority, hasExplicitPort: explicitPort, rest: target.extracting(rest),
            method: head.method)
    }

    /// The URL of a request inside a tunnel, whose authority alone decides where it goes.
    ///
    /// - Throws: 421 when `Host` or an absolute target names another origin; 400 for a malformed one, a nested CONNECT,
    ///   a fragment or control bytes.
    package static func tunnelled(_ head: RequestHead, scheme: Scheme, authority: Authority) throws(MessageError)
        -> RequestURL
    {
        let misdirected = MessageError(status: 421, reason: "the request names another origin than its tunnel")
        guard head.method != "CONNECT" else { throw .bad("CONNECT inside a tunnel") }
        let target = head.target.span
        var rest = 0..<target.count
        if target.isEmpty || target[0] != ASCII.slash {
            if ASCII.hasPrefixIgnoringCase(target, "http://") || ASCII.hasPrefixIgnoringCase(target, "https://") {
                let prefix = scheme.rawValue + "://"
                guard ASCII.hasPrefixIgnoringCase(target, prefix) else { throw misdirected }
                let (named, _, range) = try splitAbsolute(target, from: prefix.utf8.count, scheme: scheme)
                guard named == authority else { throw misdirected }
                rest = range
            } else if !(head.method == "OPTIONS" && target.count == 1 && target[0] == 0x2A) {
                throw .bad("the request target is neither a path nor a URL")
            }
        }
        if let host = try hostField(head, scheme: scheme) {
            guard let host else { throw .bad("the Host field is malformed") }
            guard host == authority else { throw misdirected }
        }
        return try RequestURL(
            scheme: scheme, authority: authority, hasExplicitPort: authority.port != scheme.defaultPort,
            rest: target.extracting(rest), method: head.method)
    }

    /// Builds a URL from parts that are known, such as the service's own requests.
    package init(scheme: Scheme, authority: Authority, target: String) throws(MessageError) {
        try self.init(
            scheme: scheme, authority: authority, hasExplicitPort: authority.port != scheme.defaultPort,
            rest: target.utf8Span.span, method: "GET")
    }

    /// Parses an absolute http or https URL, such as one in a `Location` or a configuration.
    package init(parsing url: String) throws(MessageError) {
        let bytes = url.utf8Span.span
        guard let scheme = Scheme.allCases.last(where: { ASCII.hasPrefixIgnoringCase(bytes, $0.rawValue + "://") })
        else { throw .bad("the URL is neither http nor https") }
        let (authority, explicitPort, rest) = try RequestURL.splitAbsolute(
            bytes, from: scheme.rawValue.utf8.count + 3, scheme: scheme)
        try self.init(
            scheme: scheme, authority: authority, hasExplicitPort: explicitPort, rest: bytes.extracting(rest),
            method: "GET")
    }

    private init(
        scheme: Scheme, authority: Authority, hasExplicitPort: Bool, rest: Span<UInt8>, method: String
    ) throws(MessageError) {
        self.scheme = scheme
        self.authority = authority
        self.hasExplicitPort = hasExplicitPort
        var isPlain = true
        var isASCII = true
        for index in rest.indices {
            let byte = rest[index]
            guard byte > ASCII.space, byte != 0x7F else { throw .bad("the URL contains a blank or a control byte") }
            guard byte != ASCII.hash else { throw .bad("the URL contains a fragment") }
            if byte >= 0x80 { isASCII = false }
            if byte == ASCII.backslash { isPlain = false }
        }
        if rest.isEmpty {
            // RFC 9112, section 3.2.4: OPTIONS of a URL without path is for the whole server.
            target = method == "OPTIONS" ? "*" : "/"
            rawTarget = nil
        } else if rest[0] == ASCII.question {
            var bytes = [ASCII.slash]
            bytes.append(copying: rest)
            target = String(copying: bytes.span)
            rawTarget = isASCII || target.utf8.elementsEqual(bytes) ? nil : bytes
        } else {
            target = String(copying: rest)
            var bytes: [UInt8]?
            if !isASCII {
                var copy: [UInt8] = []
                copy.append(copying: rest)
                bytes = target.utf8.elementsEqual(copy) ? nil : copy
            }
            rawTarget = bytes
        }
        isOrdinary = isPlain && isASCII && !RequestURL.isAmbiguous(rest)
    }

    /// Takes the authority of an absolute URL apart from what follows it.
    private static func splitAbsolute(_ url: Span<UInt8>, from start: Int, scheme: Scheme) throws(MessageError)
        -> (authority: Authority, hasExplicitPort: Bool, rest: Range<Int>)
    {
        var end = start
        while end < url.count, url[end] != ASCII.slash, url[end] != ASCII.question, url[end] != ASCII.hash {
            guard url[end] != ASCII.at else { throw .bad("the URL contains userinfo") }
            end += 1
        }
        let text = url.extracting(start..<end)
        let authority = try Authority(parsing: text, defaultPort: scheme.defaultPort)
        var explicit = false
        for index in text.indices.reversed() where text[index] == ASCII.colon || text[index] == 0x5D {
            explicit = text[index] == ASCII.colon
            break
        }
        return (authority, explicit, end..<url.count)
    }

    /// The authority in the `Host` field: nil without the field, `.some(nil)` when it is malformed.
    private static func hostField(_ head: RequestHead, scheme: Scheme) throws(MessageError) -> Authority?? {
        guard head.fields.count(of: "host") <= 1 else { throw .bad("the request has more than one Host field") }
        return head.fields.withFirst("host") { value in
            try? Authority(parsing: value, defaultPort: scheme.defaultPort)
        }
    }

    /// The request target to send, byte for byte as it came.
    package var forwardedTarget: [UInt8] { rawTarget ?? Array(target.utf8) }

    /// The target up to the query.
    package var path: String {
        guard let mark = target.utf8.firstIndex(of: ASCII.question) else { return target }
        return String(target[..<mark])
    }

    /// What follows the first `?`, or nil without one.
    package var query: String? {
        guard let mark = target.utf8.firstIndex(of: ASCII.question) else { return nil }
        return String(target[target.index(after: mark)...])
    }
}

extension RequestURL: Hashable {
    /// Whether both send the same request to the same origin.
    package static func == (a: RequestURL, b: RequestURL) -> Bool {
        a.scheme == b.scheme && a.authority == b.authority && a.target == b.target && a.rawTarget == b.rawTarget
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(scheme)
        hasher.combine(authority)
        hasher.combine(target)
    }
}
