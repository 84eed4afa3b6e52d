extension RequestURL {
    /// The URL that a reference means, seen from this one (RFC 3986, section 5.2).
    ///
    /// Fragments are dropped and dot segments removed, as clients do before they follow it.
    ///
    /// - Parameter reference: an absolute http or https URL, or a relative reference.
    /// - Returns: nil for another scheme, and for what is no URL to us.
    package func resolving(_ reference: String) -> RequestURL? {
        // Bytes all along: what follows a separator may combine with it into one character.
        let text = Substring(reference.utf8.prefix { $0 != ASCII.hash })
        guard !text.isEmpty else { return self }
        if RequestURL.hasScheme(text) {
            guard let url = try? RequestURL(parsing: String(text)) else { return nil }
            return try? RequestURL(
                scheme: url.scheme, authority: url.authority, target: RequestURL.withoutDotSegments(url.target))
        }
        if text.utf8.starts(with: "//".utf8) { return resolving("\(scheme.rawValue):\(text)") }
        let merged: String
        switch text.utf8.first {
        case ASCII.slash: merged = String(text)
        case ASCII.question: merged = path + text
        default:
            let end = path.utf8.lastIndex(of: ASCII.slash) ?? path.utf8.startIndex
            merged = "\(path[..<end])/\(text)"
        }
        return try? RequestURL(
            scheme: scheme, authority: authority, target: RequestURL.withoutDotSegments(merged))
    }

    /// Whether a reference begins with a scheme: letters, digits, `+`, `-` and `.` up to a colon.
    private static func hasScheme(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, ASCII.isLetter(first) else { return false }
        for byte in text.utf8 {
            if byte == ASCII.colon { return true }
            guard ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2B || byte == 0x2D || byte == ASCII.dot
            else { return false }
        }
        return false
    }

    /// Resolves `.` and `..` in the path of a target (RFC 3986, section 5.2.4); the query stays.
    private static func withoutDotSegments(_ target: String) -> String {
        let mark = target.utf8.firstIndex(of: ASCII.question) ?? target.utf8.endIndex
        var out: [Substring] = []
        let segments = target[..<mark].utf8.split(separator: ASCII.slash, omittingEmptySubsequences: false)
            .map { Substring($0) }
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".": if isLast { out.append("") }
            case "..":
                if out.count > 1 { out.removeLast() }
                if isLast { out.append("") }
            default: out.append(segment)
            }
        }
        let path = out.joined(separator: "/")
        return (path.utf8.first == ASCII.slash ? path : "/" + path) + target[mark...]
    }
}
