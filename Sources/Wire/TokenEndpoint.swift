/// Requests whose answers are tokens: their bodies are delivered, and never stored.
package enum TokenEndpoint {
    /// Whether the request looks like one for a token.
    ///
    /// A POST whose path ends in `token`, `tokens` or `access_token` (OAuth 2.0, RFC 6749, section 3.2; Keystone), or a GET
    /// of `token` that names a service or a scope (container registries).
    package static func isAsked(method: String, _ url: RequestURL) -> Bool {
        let target = url.target.utf8
        let mark = target.firstIndex(of: ASCII.question)
        let path = target[..<(mark ?? target.endIndex)]
        switch method {
        case "POST": return ["/token", "/tokens", "/access_token"].contains { Self.ends(path, with: $0) }
        case "GET":
            guard let mark, Self.ends(path, with: "/token") else { return false }
            let query = Substring(target[mark...]).dropFirst()
            return query.split(separator: "&").contains { $0.hasPrefix("service=") || $0.hasPrefix("scope=") }
        default: return false
        }
    }

    private static func ends(_ path: Substring.UTF8View, with ending: String) -> Bool {
        path.suffix(ending.utf8.count).elementsEqual(ending.utf8)
    }
}
