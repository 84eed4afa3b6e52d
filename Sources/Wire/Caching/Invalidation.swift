/// Which stored responses an exchange makes useless (RFC 9111, section 4.4).
package enum Invalidation {
    /// Whether the method is defined as safe (RFC 9110, section 9.2.1).
    package static func isSafe(_ method: String) -> Bool {
        switch method {
        case "GET", "HEAD", "OPTIONS", "TRACE": true
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
    ///   - fields: the response's fields.
    ///   - url: the request's URL.
    /// - Returns: absolute URLs and absolute paths on the same origin; relative paths are left out, as the section allows.
    package static func alsoAffected(_ fields: Fields, of url: RequestURL) -> [RequestURL] {
        ["location", "content-location"].compactMap { name in
            guard let value = fields.first(name) else { return nil }
            let text = String(value.prefix { $0 != "#" })
            let affected =
                text.hasPrefix("/") && !text.hasPrefix("//")
                ? try? RequestURL(scheme: url.scheme, authority: url.authority, target: text)
                : try? RequestURL(parsing: text)
            guard let affected, affected.scheme == url.scheme, affected.authority == url.authority else { return nil }
            return affected
        }
    }
}
