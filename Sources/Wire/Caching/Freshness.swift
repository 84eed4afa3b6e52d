/// How long responses stay fresh and how old they are (RFC 9111, section 4.2).
///
/// All times are in seconds since 1970.
package enum Freshness {
    /// The longest heuristic lifetime.
    package static let longestHeuristic: Int64 = 24 * 3600
    /// The longest lifetime of 4xx and 5xx in what sessions share.
    package static let longestSharedError: Int64 = 60

    /// The freshness lifetime of a response (section 4.2.1).
    ///
    /// `s-maxage` (shared caches), `max-age`, `Expires` less `Date`; else, for statuses that are heuristically cacheable or
    /// marked `public`, a tenth of the time since `Last-Modified`, a day at most. Unreadable explicit times are 0. For
    /// shared caches 4xx and 5xx have no heuristics and 60 s at most.
    ///
    /// - Parameters:
    ///   - status: the response's status.
    ///   - fields: the response's fields.
    ///   - responseTime: when the response arrived; stands for a missing `Date`.
    ///   - shared: false for a store that serves one session only.
    /// - Returns: seconds, never negative.
    package static func lifetime(status: Int, fields: Fields, responseTime: Int64, shared: Bool = true) -> Int64 {
        lifetime(
            status: status, fields: fields, control: CacheControl(fields), responseTime: responseTime, shared: shared)
    }

    static func lifetime(status: Int, fields: Fields, control: CacheControl, responseTime: Int64, shared: Bool) -> Int64
    {
        let isCapped = shared && status >= 400
        if let explicit = explicitLifetime(
            fields: fields, control: control, responseTime: responseTime, shared: shared)
        {
            return isCapped ? min(explicit, longestSharedError) : explicit
        }
        guard !isCapped, isHeuristicallyCacheable(status) || control.isPublic,
            let modified = date(fields, "last-modified", near: responseTime)
        else { return 0 }
        let date = date(fields, "date", near: responseTime) ?? responseTime
        return min(max(0, (date - modified) / 10), longestHeuristic)
    }

    /// Whether the response says itself how long it is fresh, readably or not.
    package static func isExplicit(fields: Fields, shared: Bool = true) -> Bool {
        isExplicit(fields: fields, control: CacheControl(fields), shared: shared)
    }

    static func isExplicit(fields: Fields, control: CacheControl, shared: Bool) -> Bool {
        control.maxAge != nil || shared && control.sMaxAge != nil || fields.contains("expires")
    }

    private static func explicitLifetime(fields: Fields, control: CacheControl, responseTime: Int64, shared: Bool)
        -> Int64?
    {
        if shared, let seconds = control.sMaxAge { return seconds }
        if let seconds = control.maxAge { return seconds }
        let lines = fields.count(of: "expires")
        guard lines > 0 else { return nil }
        // Several dates, or none that can be read ("0"), mean that it has expired already (section 5.3).
        guard lines == 1, let expires = date(fields, "expires", near: responseTime) else { return 0 }
        let date = date(fields, "date", near: responseTime) ?? responseTime
        return min(max(0, expires - date), CacheControl.longest)
    }

    /// Whether the status allows heuristic lifetimes and storing without more ado.
    ///
    /// RFC 9110, section 15.1; 451 by RFC 7725, section 3.
    package static func isHeuristicallyCacheable(_ status: Int) -> Bool {
        switch status {
        case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501: true
        default: false
        }
    }

    /// The age of a stored response (section 4.2.3).
    ///
    /// - Parameters:
    ///   - fields: the response's fields; the first `Age` counts, an unreadable one is ignored (section 5.1).
    ///   - requestTime: when the request that brought the response was sent.
    ///   - responseTime: when its head arrived.
    ///   - now: the present.
    /// - Returns: seconds, never negative, whatever the clocks did.
    package static func currentAge(fields: Fields, requestTime: Int64, responseTime: Int64, now: Int64) -> Int64 {
        initialAge(fields: fields, requestTime: requestTime, responseTime: responseTime)
            + elapsed(from: responseTime, to: now)
    }

    /// The age that a response had when it arrived: `corrected_initial_age` of section 4.2.3.
    static func initialAge(fields: Fields, requestTime: Int64, responseTime: Int64) -> Int64 {
        let date = date(fields, "date", near: responseTime) ?? responseTime
        let apparent = elapsed(from: date, to: responseTime)
        let stated = ageField(fields) + elapsed(from: requestTime, to: responseTime)
        return min(max(apparent, stated), CacheControl.longest)
    }

    /// Seconds between two times; 0 when the clock went back, and held at ``CacheControl/longest``.
    static func elapsed(from start: Int64, to end: Int64) -> Int64 {
        let (seconds, overflow) = end.subtractingReportingOverflow(start)
        guard !overflow else { return end > start ? CacheControl.longest : 0 }
        return min(max(0, seconds), CacheControl.longest)
    }

    /// The first member of `Age`; 0 for one that is no number (section 5.1).
    private static func ageField(_ fields: Fields) -> Int64 {
        let first = fields.withFirst("age") { value -> Int64? in
            var end = 0
            while end < value.count, value[end] != ASCII.comma { end += 1 }
            let digits = value.extracting(ASCII.trimmed(value, 0..<end))
            guard digits.isEmpty || digits[0] != ASCII.quote else { return nil }
            return CacheControl.seconds(digits)
        }
        return (first ?? nil) ?? 0
    }

    static func date(_ fields: Fields, _ name: String, near now: Int64) -> Int64? {
        fields.withFirst(name) { HTTPDate.parse($0, now: now) } ?? nil
    }

    /// Supplies a `Date` where none is that can be read (RFC 9110, section 6.6.1).
    ///
    /// - Parameters:
    ///   - fields: the fields of a final response.
    ///   - responseTime: when it was received.
    package static func supplyDate(in fields: inout Fields, responseTime: Int64) {
        guard date(fields, "date", near: responseTime) == nil else { return }
        fields.set("Date", HTTPDate.format(responseTime))
    }
}
