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

    /// Makes a request conditional on any of several stored responses (section 4.3.1): all their tags are named.
    ///
    /// - Parameters:
    ///   - request: the fields of the request to the origin.
    ///   - stored: the fields of the stored responses that the request could be answered from, the most recent first; only
    ///     that one's date is sent.
    /// - Returns: whether there was a validator.
    @discardableResult
    package static func addConditions(to request: inout Fields, from stored: [Fields]) -> Bool {
        removeConditions(from: &request)
        var tags: [String] = []
        for fields in stored {
            if let etag = etag(fields), !tags.contains(etag) { tags.append(etag) }
        }
        let modified = stored.first.flatMap { lastModified($0) }
        if !tags.isEmpty { request.append("If-None-Match", tags.joined(separator: ", ")) }
        if let modified { request.append("If-Modified-Since", modified) }
        return !tags.isEmpty || modified != nil
    }

    /// Which of the stored responses that a request could have been answered from a 304 updates (section 4.3.4).
    ///
    /// A strong tag, or a strong `Last-Modified`, updates all that have it; a weak one the most recent that has it. What has
    /// neither updates the one that was asked about, if it was one. That goes beyond the section, which wants that the
    /// stored response has none either: servers exist that leave the tag out, and a 304 to a request that named a single
    /// response can be about no other.
    ///
    /// - Parameters:
    ///   - stored: their fields, the most recent first, with the origin's own entity tags.
    ///   - notModified: the fields of the 304.
    /// - Returns: indices; none means that the 304 updates nothing and nothing may be answered from it.
    package static func selected(among stored: [Fields], by notModified: Fields) -> [Int] {
        if let tag = tag(notModified) {
            let matching = stored.indices.filter { index in
                guard let own = Self.tag(stored[index]) else { return false }
                return tag.isWeak ? tag.matchesWeakly(own) : tag.matchesStrongly(own)
            }
            return tag.isWeak ? Array(matching.prefix(1)) : matching
        }
        if let modified = modifiedTime(notModified) {
            let matching = stored.indices.filter { modifiedTime(stored[$0]) == modified }
            let strong = matching.filter { hasStrongDate(stored[$0]) }
            return strong.isEmpty ? Array(matching.prefix(1)) : strong
        }
        return stored.count == 1 ? [0] : []
    }

    /// Whether a 304 is about the one stored response that was asked about; see ``selected(among:by:)``.
    package static func selects(stored: Fields, by notModified: Fields) -> Bool {
        !selected(among: [stored], by: notModified).isEmpty
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
        // The names may come from either side, and hold for the fields of both.
        let control = CacheControl(stored)
        let dropped = Set(control.noCacheFields + (shared ? control.privateFields : []))
        if !dropped.isEmpty { stored.removeAll(named: dropped) }
    }

    /// What a 304 makes of a stored response.
    package enum Freshening: Sendable, Equatable {
        /// These fields are stored from now on, with the times of the 304.
        case updated(Fields)
        /// The 304 brought what forbids keeping it; it is dropped and the whole is fetched anew.
        case notStorable(Storability.Reason)
    }

    /// Updates a stored response from a 304 and looks whether it may still be stored (sections 3 and 3.2).
    ///
    /// - Parameters:
    ///   - stored: the fields of the stored response.
    ///   - status: its status.
    ///   - notModified: the fields of the 304.
    ///   - requestFields: the fields of the request that was validated.
    ///   - responseTime: when the 304 came.
    ///   - shared: false for a store that serves one session only.
    /// - Returns: the new fields, with a `Date`, or why there are none.
    package static func freshened(
        stored: Fields, status: Int, by notModified: Fields, requestFields: Fields, responseTime: Int64,
        shared: Bool = true
    ) -> Freshening {
        var fields = stored
        freshen(stored: &fields, with: notModified, shared: shared)
        Freshness.supplyDate(in: &fields, responseTime: responseTime)
        let storability = Storability.of(
            method: "GET", requestFields: requestFields, status: status, responseFields: fields,
            responseTime: responseTime, shared: shared)
        if case .notStorable(let reason) = storability { return .notStorable(reason) }
        return .updated(fields)
    }

    /// What the answer to a HEAD means for the stored answer to GET (section 4.3.5).
    package enum HeadEffect: Sendable, Equatable {
        /// It updates the stored fields, as a 304 would.
        case freshens
        /// It is about something else: the stored response is stale from now on.
        case outdates
        /// It says nothing about it.
        case none
    }

    /// Judges the answer to a HEAD that could have been answered from the stored response.
    ///
    /// - Parameters:
    ///   - status: the status of the answer; only 200 counts.
    ///   - head: its fields.
    ///   - stored: the fields of the stored response.
    ///   - size: the length of the stored body as the origin sent it; nil where that is not known.
    /// - Returns: what to do.
    package static func effect(ofHead status: Int, _ head: Fields, on stored: Fields, size: Int64?) -> HeadEffect {
        guard status == 200 else { return .none }
        if let size, let length = head.withFirst("content-length", ASCII.decimal), length != size { return .outdates }
        return headMatches(stored: stored, head: head) ? .freshens : .outdates
    }

    /// Whether the answer to a HEAD is about the same representation: every validator in it is that of the stored response.
    ///
    /// One without any matches only what has none either.
    package static func headMatches(stored: Fields, head: Fields) -> Bool {
        if let length = head.first("content-length"), let own = stored.first("content-length"), length != own {
            return false
        }
        let (tag, modified) = (tag(head), modifiedTime(head))
        if let tag, Self.tag(stored).map({ tag.matchesWeakly($0) }) != true { return false }
        if let modified, modifiedTime(stored) != modified { return false }
        return tag != nil || modified != nil || !hasAny(stored)
    }

    /// Makes the entity tag weak, for content whose coding we have undone.
    package static func weakenTag(in fields: inout Fields) {
        guard let tag = tag(fields), !tag.isWeak else { return }
        fields.set("ETag", tag.weakened.text)
    }

    private static func modifiedTime(_ fields: Fields) -> Int64? {
        fields.withFirst("last-modified") { HTTPDate.parse($0) } ?? nil
    }

    static func tag(_ fields: Fields) -> EntityTag? {
        guard fields.count(of: "etag") == 1 else { return nil }
        return fields.withFirst("etag") { EntityTag($0) } ?? nil
    }

    /// Whether `Last-Modified` is a strong validator (RFC 9110, section 8.8.2.2).
    static func hasStrongDate(_ fields: Fields) -> Bool {
        guard let modified = modifiedTime(fields), let date = fields.withFirst("date", { HTTPDate.parse($0) }) ?? nil
        else { return false }
        return date - modified >= 1
    }

    /// Fields that describe the stored bytes, which a 304 does not bring anew.
    private static let boundToContent: Set<String> = [
        "content-length", "content-encoding", "content-range", "content-md5", "content-digest",
        "repr-digest", "digest", "transfer-encoding",
    ]
}
