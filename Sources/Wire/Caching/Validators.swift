/// Asking an origin whether a stored response is still good, and using its answer (RFC 9111, section 4.3).
package enum Validators {
    /// The entity tag as it came, if it is one and the only one.
    package static func etag(_ fields: Fields) -> String? { tag(fields)?.text }

    /// The entity tag if it is strong.
    package static func strongETag(_ fields: Fields) -> String? {
        tag(fields).flatMap { $0.isWeak ? nil : $0.text }
    }

    /// `Last-Modified` as it came, if it is a date.
    package static func lastModified(_ fields: Fields) -> String? {
        fields.first("last-modified").flatMap { HTTPDate.parse($0) == nil ? nil : $0 }
    }

    /// Whether the origin can be asked about a response at all.
    package static func hasAny(_ fields: Fields) -> Bool { etag(fields) != nil || lastModified(fields) != nil }

    /// The validator for `If-Range`, when a part of the same representation is wanted.
    ///
    /// A strong tag; without any tag `Last-Modified`, if it is strong: at least a second before `Date` (RFC 9110,
    /// section 8.8.2.2).
    package static func forIfRange(_ fields: Fields) -> String? {
        if let tag = tag(fields) { return tag.isWeak ? nil : tag.text }
        return hasStrongDate(fields) ? fields.first("last-modified") : nil
    }

    /// Makes a request conditional on the stored response (section 4.3.1).
    ///
    /// The client's own conditions are removed first: they are answered by us. Both validators are sent, since origins
    /// differ in what they understand.
    ///
    /// - Parameters:
    ///   - request: the fields of the request to the origin.
    ///   - stored: the fields of the stored response, with the origin's own entity tag.
    /// - Returns: whether there was a validator, so that a 304 can come back.
    @discardableResult
    package static func addConditions(to request: inout Fields, from stored: Fields) -> Bool {
        removeConditions(from: &request)
        let etag = etag(stored)
        let modified = lastModified(stored)
        if let etag { request.append("If-None-Match", etag) }
        if let modified { request.append("If-Modified-Since", modified) }
        return etag != nil || modified != nil
    }

    /// Removes all conditions of RFC 9110, section 13.1, `If-Range` included.
    package static func removeConditions(from request: inout Fields) {
        for name in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"] {
            request.remove(name)
        }
    }

    /// Whether a 304 is about this stored response (section 4.3.4).
    ///
    /// A tag in the 304 must match the stored one, strongly when it is strong; else a `Last-Modified` must be the same;
    /// without either it is about the one response that was asked about.
    package static func selects(stored: Fields, by notModified: Fields) -> Bool {
        if let tag = tag(notModified) {
            guard let own = Self.tag(stored) else { return false }
            return tag.isWeak ? tag.matchesWeakly(own) : tag.matchesStrongly(own)
        }
        if let modified = lastModified(notModified) { return lastModified(stored) == modified }
        return true
    }

    /// Updates a stored response from a 304 (section 3.2).
    ///
    /// Fields of the 304 replace those of the same name, but for what describes the stored bytes. The old `Age` and `Date`
    /// go in any case: the response's age counts from the 304 on, whose times the caller stores.
    ///
    /// - Parameters:
    ///   - stored: the fields of the stored response.
    ///   - notModified: the fields of the 304.
    ///   - shared: false for a store that serves one session only.
    package static func freshen(stored: inout Fields, with notModified: Fields, shared: Bool = true) {
        var update = Storability.storedFields(of: notModified, shared: shared)
        update.removeAll(named: boundToContent)
        var replaced: Set<String> = ["age", "date", "warning"]
        update.forEach { name, _ in replaced.insert(ASCII.lowercased(name)) }
        stored.removeAll(named: replaced)
        update.forEachRaw { name, value in stored.append(name: name, value: value) }
    }

    /// Whether the answer to a HEAD is about the same representation, so that it freshens (section 4.3.5).
    ///
    /// When it is not, the stored response must be taken for stale.
    package static func headMatches(stored: Fields, head: Fields) -> Bool {
        if let length = head.first("content-length"), let own = stored.first("content-length"), length != own {
            return false
        }
        if let tag = tag(head) { return Self.tag(stored).map { tag.matchesWeakly($0) } ?? false }
        if let modified = lastModified(head) { return lastModified(stored) == modified }
        return !hasAny(stored)
    }

    /// Makes the entity tag weak, for content whose coding we have undone.
    package static func weakenTag(in fields: inout Fields) {
        guard let tag = tag(fields), !tag.isWeak else { return }
        fields.set("ETag", tag.weakened.text)
    }

    static func tag(_ fields: Fields) -> EntityTag? {
        guard fields.count(of: "etag") == 1 else { return nil }
        return fields.first("etag").flatMap { EntityTag($0) }
    }

    /// Whether `Last-Modified` is a strong validator (RFC 9110, section 8.8.2.2).
    static func hasStrongDate(_ fields: Fields) -> Bool {
        guard let modified = fields.first("last-modified").flatMap({ HTTPDate.parse($0) }),
            let date = fields.first("date").flatMap({ HTTPDate.parse($0) })
        else { return false }
        return date - modified >= 1
    }

    /// Fields that describe the stored bytes, which a 304 does not bring anew.
    private static let boundToContent: Set<String> = [
        "content-length", "content-encoding", "content-range", "content-md5", "content-digest",
        "repr-digest", "digest", "transfer-encoding",
    ]
}
