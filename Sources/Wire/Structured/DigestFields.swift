package import Core

/// `Repr-Digest`, `Content-Digest` and `Want-Repr-Digest` (RFC 9530), for SHA-256.
package enum DigestFields {
    /// The value of `Repr-Digest` or `Content-Digest`: `sha-256=:…:`.
    package static func value(_ digest: SHA256Digest) -> String { "sha-256=:\(Base64.encode(digest.bytes)):" }

    /// The SHA-256 that a sender states.
    ///
    /// - Parameters:
    ///   - fields: a header or trailer section.
    ///   - name: `Repr-Digest` or `Content-Digest`.
    /// - Returns: nil without the field or the algorithm, and for what cannot be read: it is then ignored (section 2).
    package static func sha256(_ fields: Fields, _ name: String) -> SHA256Digest? {
        guard fields.contains(name), let stated = try? StructuredParser.dictionary(fields, name),
            case .item(let item)? = stated["sha-256"], case .bytes(let bytes) = item.value
        else { return nil }
        return SHA256Digest(bytes: bytes)
    }

    /// Whether to send the digest: unless the client says that it does not want it (section 4).
    ///
    /// Without the field, or with an unreadable one, we decide, and send it. A client that only wants other algorithms gets
    /// it too, since the field states a preference.
    ///
    /// - Parameters:
    ///   - requestFields: the request's fields.
    ///   - name: `Want-Repr-Digest` or `Want-Content-Digest`.
    /// - Returns: false only where SHA-256 has the weight 0.
    package static func isWelcome(_ requestFields: Fields, _ name: String) -> Bool {
        guard requestFields.contains(name), let wanted = try? StructuredParser.dictionary(requestFields, name),
            case .item(let item)? = wanted["sha-256"]
        else { return true }
        return item.value != .integer(0)
    }

    /// Whether the client takes trailers, in which a streamed answer states its digest (RFC 9110, section 6.5.1).
    package static func acceptsTrailers(_ requestFields: Fields) -> Bool {
        var accepts = false
        requestFields.forEachMember("te") { member in
            var end = 0
            while end < member.count, member[end] != ASCII.semicolon { end += 1 }
            let name = member.extracting(ASCII.trimmed(member, 0..<end))
            if ASCII.equalIgnoringCase(name, "trailers".utf8Span.span) { accepts = true }
        }
        return accepts
    }
}
