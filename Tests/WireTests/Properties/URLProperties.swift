import Wire

/// URLs: the key is a normal form, the target goes on as it came, references stay inside what they may name.
enum URLProperties {
    static func check(_ bytes: [UInt8]) throws {
        let parts = lines(bytes, most: 2)
        let text = String(decoding: parts[0], as: UTF8.self)
        if let url = try? RequestURL(parsing: text) {
            try checkForms(url)
            if parts.count > 1, let resolved = url.resolving(String(decoding: parts[1], as: UTF8.self)) {
                try hold(resolved.target == "*" || resolved.target.utf8.first == 0x2F, "a target without slash")
                // A reference without path means the same document, whose dot segments stay as they came.
                let path = resolved.path
                let isSame = parts[1].isEmpty || parts[1][0] == 0x23
                try hold(isSame || !path.contains("/../") && !path.contains("/./"), "dot segments stay: \(path)")
                try checkForms(resolved)
            }
        }
        for target in [parts[0], Array("http://".utf8) + parts[0]] {
            let head = RequestHead(
                method: "GET", target: target, fields: fields("Host", raw: [Array("h.example".utf8)]))
            if let url = try? RequestURL.proxied(head) {
                try hold(url.scheme == .http, "another scheme")
                // Only the slash of an empty path may come before what was sent.
                let forwarded = url.forwardedTarget
                try hold(
                    target.reversed().starts(with: forwarded.reversed())
                        || forwarded.first == 0x2F && target.reversed().starts(with: forwarded.dropFirst().reversed()),
                    "the target is rewritten")
                try checkForms(url)
            }
            if let authority = try? Authority(parsing: "h.example:443", defaultPort: nil),
                let url = try? RequestURL.tunnelled(head, scheme: .https, authority: authority)
            {
                try hold(url.authority == authority && url.scheme == .https, "another origin than the tunnel's")
                if target.first == 0x2F { try hold(url.forwardedTarget == target, "the target is rewritten") }
            }
        }
        let first = parts[0]
        if let authority = try? Authority(parsing: first.span, defaultPort: 80) {
            let again = try Authority(parsing: authority.text, defaultPort: nil)
            try hold(again == authority && again.text == authority.text, "an authority is read back as another")
        }
    }

    private static func checkForms(_ url: RequestURL) throws {
        let key = url.key
        try hold(key.utf8.allSatisfy { $0 < 0x80 && $0 != 0x20 }, "the key is not visible ASCII")
        try hold(key.utf8.count <= 3 * url.forwardedTarget.count + url.authority.host.utf8.count + 32, "the key grows")
        guard !key.utf8.contains(0x01) else { return }
        let again = try RequestURL(parsing: key)
        try hold(again.key == key, "the key of the key differs: \(key), \(again.key)")
        try hold(again.isOrdinary == url.isOrdinary, "the key of what is not ordinary is: \(key)")
        if url.target != "*" {
            let recorded = try RequestURL(parsing: url.recorded)
            try hold(recorded.key == key, "the recorded URL has another key")
        }
        _ = Redaction.url(url.recorded) { _ in "x" }
        _ = ContentNaming.isFixed(url)
    }
}
