/// Whether a stored response may answer a request now (RFC 9111, sections 4 and 5.2).
package enum Reuse: Sendable, Equatable {
    /// Fresh; sent with this `Age`.
    case fresh(age: Int64)
    /// Stale, and the request takes it so (`max-stale`); sent with this `Age`.
    case stale(age: Int64)
    /// Stale, and the response lets it be sent while the origin is asked for the next request (RFC 5861, section 3).
    case staleWhileRevalidating(age: Int64)
    /// The origin must be asked first.
    case revalidate(Why)
    /// The origin would have to be asked and the request forbids it (`only-if-cached`): 504.
    case unsatisfiable(Why)

    /// Why a stored response cannot be used without asking.
    package enum Why: String, Sendable, Equatable {
        case requestNoCache = "the request says no-cache"
        case responseNoCache = "the stored response says no-cache"
        case requestMaxAge = "it is older than the request's max-age"
        case requestMinFresh = "it is not fresh for as long as the request's min-fresh"
        case stale = "it is stale"
        case mustRevalidate = "it is stale and must be revalidated"
    }

    /// Decides about a stored response that was selected for a request.
    ///
    /// - Parameters:
    ///   - requestFields: the fields of the request at hand.
    ///   - storedStatus: the status of the stored response.
    ///   - storedFields: its fields.
    ///   - requestTime: when the request that brought or last validated it was sent, in seconds since 1970.
    ///   - responseTime: when that answer arrived.
    ///   - now: the present.
    ///   - assumedLifetime: freshness that was estimated when it was stored, in seconds.
    ///   - shared: false for a store that serves one session only.
    /// - Returns: the decision with its reason.
    package static func decide(
        requestFields: Fields, storedStatus: Int, storedFields: Fields, requestTime: Int64, responseTime: Int64,
        now: Int64, assumedLifetime: Int64 = 0, shared: Bool = true
    ) -> Reuse {
        let policy = ReusePolicy(
            status: storedStatus, fields: storedFields, requestTime: requestTime, responseTime: responseTime,
            shared: shared, assumedLifetime: assumedLifetime)
        return decide(requestFields: requestFields, policy: policy, now: now)
    }

    /// Decides by what was computed when the response was stored.
    package static func decide(requestFields: Fields, policy: ReusePolicy, now: Int64) -> Reuse {
        let control = CacheControl(requestFields)
        let age = policy.age(at: now)
        let decision = decide(control, requestFields, policy, age: age)
        if case .revalidate(let why) = decision, control.onlyIfCached { return .unsatisfiable(why) }
        return decision
    }

    private static func decide(_ control: CacheControl, _ fields: Fields, _ policy: ReusePolicy, age: Int64) -> Reuse {
        if demandsValidation(control, fields) { return .revalidate(.requestNoCache) }
        if policy.needsValidation { return .revalidate(.responseNoCache) }
        if let least = control.minFresh, policy.lifetime - age < least { return .revalidate(.requestMinFresh) }
        // A request's max-age takes ages up to it (section 5.2.1.1), except 0, by which clients mean: ask. What is immutable
        // need not be asked about while it is fresh, unless the request says no-cache (RFC 8246, section 2).
        let limit = policy.isImmutable && policy.lifetime > age ? .max : control.maxAge ?? .max
        let isYoungEnough = age <= limit && limit > 0
        if policy.lifetime > age, isYoungEnough { return .fresh(age: age) }
        if policy.lifetime <= age, policy.forbidsStale { return .revalidate(.mustRevalidate) }
        // max-stale also widens max-age; both count from when the response became too old for the request.
        if let most = control.maxStale, age - min(policy.lifetime, limit) <= most {
            return policy.lifetime > age ? .fresh(age: age) : .stale(age: age)
        }
        if let most = policy.staleWhileRevalidate, policy.lifetime <= age, isYoungEnough, age - policy.lifetime <= most
        {
            return .staleWhileRevalidating(age: age)
        }
        return .revalidate(policy.lifetime > age ? .requestMaxAge : .stale)
    }

    /// Whether the request says `no-cache`; `Pragma` counts only without `Cache-Control` (section 5.4).
    static func demandsValidation(_ control: CacheControl, _ fields: Fields) -> Bool {
        control.noCache || !control.noCacheFields.isEmpty
            || !control.isPresent && fields.hasToken("pragma", "no-cache")
    }
}
