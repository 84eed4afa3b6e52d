/// Which stored responses an exchange makes useless (RFC 9111, section 4.4).
package enum Invalidation {
    /// Whether the method is registered as safe (RFC 9110, section 9.2.1, RFC 4918, RFC 3253, RFC 5323 and the QUERY draft).
    ///
    /// Version control through WebDAV reads with PROPFIND and REPORT all the time.
    package static func isSafe(_ method: String) -> Bool {
        switch method {
        case "GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY": true
        default: false
        }
    }

    /// Whether what is stored for the request's URL must go: an unsafe method, also an unknown one, succeeded.
    package static func isCaused(method: String, status: Int) -> Bool {
        !isSafe(method) && (200..<400).contains(status)
    }

    /// The URLs in `Location` and `Content-Location` that go too, when they are of the same origin.
    ///
    /// - Parameters:
    ///   - fields: the response's fields; of each field the first line counts.
    ///   - url: the request's URL, which relative references start from.
    /// - Returns: the URLs; none of another origin, which no response may speak about.
    package static func alsoAffected(_ fields: Fields, of url: RequestURL) -> [RequestURL] {
        ["location", "content-location"].compactMap { name in
            guard let value = fields.first(name), let affected = url.resolving(value), affected.scheme == url.scheme,
                affected.authority == url.authority
            else { return nil }
            return affected
        }
    }
}
