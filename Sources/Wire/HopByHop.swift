/// Takes out the fields that are for one connection only (RFC 9110, section 7.6.1).
package enum HopByHop {
    /// Removes what must not reach the origin, the session's own fields included.
    ///
    /// `Expect` stays: whether it goes on is the caller's decision. After this the caller states the framing anew.
    package static func strip(request fields: inout Fields) { strip(&fields) }

    /// Removes what must not reach the client; after this the caller states the framing anew.
    package static func strip(response fields: inout Fields) { strip(&fields) }

    private static func strip(_ fields: inout Fields) {
        if fields.contains("connection") {
            var named: Set<String> = []
            fields.forEachMember("connection") { member in
                guard !options.contains(member) else { return }
                let name = ASCII.lowercased(String(copying: member))
                if !isProtected(name) { named.insert(name) }
            }
            if !named.isEmpty { fields.removeAll(named: named) }
        }
        fields.removeAll { always.contains($0) }
    }

    /// Members of `Connection` that name no field of their own, or one that goes anyway.
    private static let options = FieldNameSet(["close", "keep-alive"])

    /// Fields that never pass the proxy.
    private static let always = FieldNameSet([
        "connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate",
        "proxy-authentication-info", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
        "x-fetch-session-id",
    ])

    /// Whether `Connection` may not take the field away, since that would change what the message means.
    ///
    /// These say where the message goes and how long it is, who asks, what is asked for, what a cache may do with the
    /// answer, and what the content is; also every `Content-…`, `If-…`, `Accept-…` and `Access-Control-…`.
    static func isProtected(_ name: String) -> Bool {
        protected.contains(name) || protectedPrefixes.contains { name.hasPrefix($0) }
    }

    private static let protectedPrefixes = ["content-", "if-", "accept", "access-control-"]

    private static let protected: Set<String> = [
        "host", "authorization", "cookie", "set-cookie", "www-authenticate", "authentication-info", "cache-control",
        "pragma", "expires", "age", "date", "vary", "etag", "last-modified", "range", "expect", "location",
        "retry-after", "via", "max-forwards", "forwarded", "origin", "private-token", "job-token", "x-auth-token",
        "x-jfrog-art-api", "user-agent",
    ]
}
