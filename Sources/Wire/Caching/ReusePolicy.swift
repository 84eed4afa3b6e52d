/// What a stored response says about its reuse, computed once when it is stored or freshened.
package struct ReusePolicy: Sendable, Equatable {
    /// Freshness lifetime in seconds.
    package let lifetime: Int64
    /// The age on arrival in seconds.
    package let initialAge: Int64
    /// When it arrived, in seconds since 1970.
    package let responseTime: Int64
    /// `no-cache`: never used without asking.
    package let needsValidation: Bool
    /// `must-revalidate`, or for shared stores `proxy-revalidate` or `s-maxage`: never used stale (section 4.2.4).
    package let forbidsStale: Bool
    /// `immutable` (RFC 8246).
    package let isImmutable: Bool
    /// `stale-if-error` in seconds.
    package let staleIfError: Int64?
    /// `stale-while-revalidate` in seconds.
    package let staleWhileRevalidate: Int64?

    /// Computes the policy.
    ///
    /// `assumedLifetime` is what the cache estimated where the answer says nothing (see ``ContentNaming``).
    package init(
        status: Int, fields: Fields, requestTime: Int64, responseTime: Int64, shared: Bool = true,
        assumedLifetime: Int64 = 0
    ) {
        let control = CacheControl(fields)
        let stated = Freshness.lifetime(
            status: status, fields: fields, control: control, responseTime: responseTime, shared: shared)
        lifetime =
            Freshness.isExplicit(fields: fields, control: control, shared: shared)
            ? stated : max(stated, assumedLifetime)
        initialAge = Freshness.initialAge(fields: fields, requestTime: requestTime, responseTime: responseTime)
        self.responseTime = responseTime
        needsValidation = control.noCache
        forbidsStale =
            control.mustRevalidate || control.noCache
            || shared && (control.proxyRevalidate || control.sMaxAge != nil)
        isImmutable = control.immutable
        staleIfError = control.staleIfError
        staleWhileRevalidate = control.staleWhileRevalidate
    }

    /// The age in seconds.
    package func age(at now: Int64) -> Int64 { initialAge + Freshness.elapsed(from: responseTime, to: now) }

    /// The wall clock second at which it becomes stale.
    package var freshUntil: Int64 { responseTime + lifetime - initialAge }

    /// Whether a status counts as an error that a stale response may hide (RFC 5861, section 4).
    package static func isError(_ status: Int) -> Bool {
        switch status {
        case 500, 502, 503, 504: true
        default: false
        }
    }

    /// Whether it may answer while the origin cannot be reached or answers with an ``isError(_:)`` status.
    ///
    /// A response that is still fresh may, when the request only wished for a newer one (RFC 9111, section 4.3.3). A stale
    /// one may within `stale-if-error` of the response or the request, whichever is longer. Neither may when response or
    /// request say `no-cache`.
    ///
    /// - Parameters:
    ///   - now: the present.
    ///   - requestFields: the request's fields.
    /// - Returns: whether the response is still within the time that response or request allows.
    package func allowsUseOnError(at now: Int64, requestFields: Fields) -> Bool {
        let request = CacheControl(requestFields)
        guard !needsValidation, !Reuse.demandsValidation(request, requestFields) else { return false }
        let staleness = age(at: now) - lifetime
        if staleness < 0 { return true }
        guard !forbidsStale, let seconds = [staleIfError, request.staleIfError].compactMap({ $0 }).max() else {
            return false
        }
        return staleness <= seconds
    }

    /// Whether it may answer now while it is revalidated behind the client's back (RFC 5861, section 3).
    package func allowsUseWhileRevalidating(at now: Int64) -> Bool {
        guard !forbidsStale, let seconds = staleWhileRevalidate else { return false }
        return age(at: now) - lifetime <= seconds
    }
}

/// When a stored response was asked for and when it came, in seconds since 1970 (RFC 9111, section 4.2.3).
package struct StoredTimes: Sendable, Hashable {
    package var requestTime: Int64
    package var responseTime: Int64

    package init(requestTime: Int64, responseTime: Int64) {
        self.requestTime = requestTime
        self.responseTime = responseTime
    }
}
