/// Answers a request's conditions from a response that is at hand (RFC 9110, section 13; RFC 9111, section 4.3.2).
package enum Conditions {
    /// What the conditions make of the answer.
    package enum Outcome: Sendable, Equatable {
        /// The response is sent as it is.
        case proceed
        /// 304, with the fields of ``Conditions/notModifiedFields(of:)``.
        case notModified
        /// 412.
        case preconditionFailed
    }

    /// Evaluates the conditions in the order of RFC 9110, section 13.2.2.
    ///
    /// `If-Range` is not among them: see ``ByteRange/ifRangeAllows(_:storedFields:)``.
    ///
    /// - Parameters:
    ///   - requestFields: the client's fields.
    ///   - method: the client's method.
    ///   - storedFields: the fields that the client would get, with the entity tag that it would see.
    ///   - storedStatus: conditions count only for 2xx (section 13.2.1).
    ///   - responseTime: when the response arrived; stands for missing dates.
    /// - Returns: the outcome; an unreadable date is as if its condition were not there.
    package static func evaluate(
        requestFields: Fields, method: String, storedFields: Fields, storedStatus: Int, responseTime: Int64? = nil
    ) -> Outcome {
        guard (200..<300).contains(storedStatus) else { return .proceed }
        if requestFields.contains("if-match") {
            guard matches(requestFields, "if-match", storedFields, strongly: true) else { return .preconditionFailed }
        } else if let limit = date(requestFields, "if-unmodified-since"),
            let modified = date(storedFields, "last-modified"), modified > limit
        {
            return .preconditionFailed
        }
        let isRead = method == "GET" || method == "HEAD"
        if requestFields.contains("if-none-match") {
            guard matches(requestFields, "if-none-match", storedFields, strongly: false) else { return .proceed }
            return isRead ? .notModified : .preconditionFailed
        }
        if isRead, let since = date(requestFields, "if-modified-since") {
            // Without Last-Modified the time of the response stands for it (RFC 9111, section 4.3.2).
            let modified = date(storedFields, "last-modified") ?? date(storedFields, "date") ?? responseTime
            if let modified, modified <= since { return .notModified }
        }
        return .proceed
    }

    /// Whether the request has conditions that are meant for the origin (RFC 9110, sections 13.1.1 and 13.1.4).
    ///
    /// A stored response should be validated before it answers them with 412.
    package static func concernOrigin(_ requestFields: Fields) -> Bool {
        requestFields.contains("if-match") || requestFields.contains("if-unmodified-since")
    }

    /// The fields of a 304 that stands for a stored response (RFC 9110, section 15.4.5).
    package static func notModifiedFields(of stored: Fields) -> Fields {
        var fields = stored
        fields.removeAll(named: describingContent)
        return fields
    }

    private static func matches(_ request: Fields, _ name: String, _ stored: Fields, strongly: Bool) -> Bool {
        EntityTag.isNamed(in: request, name, own: Validators.tag(stored), strongly: strongly)
    }

    private static func date(_ fields: Fields, _ name: String) -> Int64? {
        guard fields.count(of: name) == 1 else { return nil }
        return fields.withFirst(name) { HTTPDate.parse($0) } ?? nil
    }

    private static let describingContent: Set<String> = [
        "content-length", "content-encoding", "content-type", "content-language", "content-range", "content-md5",
        "content-digest", "content-disposition", "transfer-encoding", "trailer",
    ]
}
