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
        lifetime = Freshness.isExplicit(fields: fields, shared: shared) ? stated : max(stated, assumedLifetime)
        initialAge = Freshness.initialAge(fields: fields, requestTime: requestTime, responseTime: responseTime)
        self.responseTime = responseTime
        needsValidation = control.noCache
        forbidsStale =
            control.mustRevalidate || control.noCache
            || shared && (control.proxyRevalidate || control.sMaxAge != nil)
        staleIfError = control.staleIfError
        staleWhileRevalidate = control.staleWhileRevalidate
    }

    /// The age in seconds.
    package func age(at now: Int64) -> Int64 { initialAge + max(0, now - responseTime) }

    /// The wall clock second at which it becomes stale.
    package var freshUntil: Int64 { responseTime + lifetime - initialAge }

    /// Whether it may answer while the origin cannot be reached or answers 500, 502, 503 or 504 (RFC 5861, section 4).
    ///
    /// - Parameters:
    ///   - now: the present.
    ///   - requestFields: the request, which may carry `stale-if-error` itself.
    /// - Returns: whether the response is still within the time that response or request allows.
    package func allowsUseOnError(at now: Int64, requestFields: Fields) -> Bool {
        guard !forbidsStale else { return false }
        guard let seconds = staleIfError ?? CacheControl(requestFields).staleIfError else { return false }
        return age(at: now) - lifetime <= seconds
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
