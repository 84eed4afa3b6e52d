/// A user and a password as they stand in `Authorization` or `Proxy-Authorization` (RFC 7617).
package struct BasicCredentials: Sendable, Equatable {
    package var user: String
    package var password: String

    package init(user: String, password: String) {
        self.user = user
        self.password = password
    }

    /// Reads `Basic <base64 of user:password>`.
    ///
    /// The scheme may come in any case; the first colon separates; nil for all else, also for what is no UTF-8.
    package init?(fieldValue: String) { self.init(fieldValue: fieldValue.utf8Span.span) }

    /// Reads the raw field value; see ``init(fieldValue:)-(String)``.
    package init?(fieldValue bytes: Span<UInt8>) {
        guard ASCII.hasPrefixIgnoringCase(bytes, "basic "),
            let decoded = Base64.decode(bytes.extracting(ASCII.trimmed(bytes, 6..<bytes.count))),
            let colon = decoded.firstIndex(of: ASCII.colon),
            let user = String(validating: decoded[..<colon], as: UTF8.self),
            let password = String(validating: decoded[(colon + 1)...], as: UTF8.self)
        else { return nil }
        self.init(user: user, password: password)
    }

    /// The value of an `Authorization` field.
    package var fieldValue: String { "Basic " + Base64.encode(Array("\(user):\(password)".utf8)) }
}
