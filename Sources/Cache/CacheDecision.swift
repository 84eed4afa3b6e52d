package import Core
package import Storage
package import Wire

/// What the stored responses of a key mean for one request.
package enum CacheDecision: Sendable {
    /// One may be sent, with this `Age` in seconds.
    case use(StoredEntry, age: Int64)
    /// One may be sent although it is stale, with this `Age` in seconds (RFC 9111, section 4.2.4; RFC 5861, section 3).
    case useStale(StoredEntry, age: Int64, CacheStatus.StaleUse)
    /// One fits, but the origin must be asked first; it may stand in when the origin cannot answer.
    case validate(StoredEntry, why: CacheStatus.Forward)
    /// None fits, or what fits is stale and cannot be validated: that one may stand in when the origin cannot answer.
    case absent(why: CacheStatus.Forward, stale: StoredEntry?)
    /// None may be used, and the request forbids asking (RFC 9111, section 5.2.1.7).
    case unsatisfiable

    /// Decides.
    ///
    /// - Parameters:
    ///   - entries: The stored responses of one key and partition, the most recent first.
    ///   - fields: The request's fields.
    ///   - acceptsGzip: Whether the client would have been answered in gzip, which is what decoded bodies stand for.
    ///   - hasOwnCredentials: Whether the request has credentials although the entries are shared.
    ///   - validatedSince: Answers validated at or after this second need no further validation for this request.
    ///   - now: Seconds since the epoch.
    /// - Returns: What to do.
    package static func of(
        _ entries: [StoredEntry], for fields: Fields, acceptsGzip: Bool, hasOwnCredentials: Bool,
        validatedSince: Int64? = nil, now: Int64
    ) -> CacheDecision {
        var toValidate: (entry: StoredEntry, why: CacheStatus.Forward)?
        var whileRevalidating: (entry: StoredEntry, age: Int64)?
        var missing = CacheStatus.Forward.uriMiss
        for entry in entries {
            let response = entry.response
            guard !response.decoded || acceptsGzip,
                Selection.fits(names: response.varyNames, variant: response.variant, requestFields: fields)
            else {
                missing = .varyMiss
                continue
            }
            let isForeign = hasOwnCredentials && response.partition == .shared
            if isForeign,
                !SharingRules.sharedMayAnswerCredentials(status: response.status, storedFields: entry.head.fields)
            {
                missing = .miss
                continue
            }
            // Request directives are advisory (RFC 9111, section 5.2.1): what proves itself needs no validation.
            let isProven = entry.isSelfCertifying && !CacheControl(fields).noStore
            if isProven || validatedSince.map({ response.responseTime >= $0 }) == true {
                return .use(entry, age: entry.policy.age(at: now))
            }
            switch Reuse.decide(requestFields: fields, policy: entry.policy, now: now) {
            case .fresh(let age): return .use(entry, age: age)
            case .stale(let age): return .useStale(entry, age: age, .maxStale)
            case .staleWhileRevalidating(let age):
                // Who revalidates behind the client's back is the service: only for what it shares, only for everybody.
                if !isForeign, response.partition == .shared {
                    whileRevalidating = whileRevalidating ?? (entry, age)
                } else {
                    toValidate = toValidate ?? (entry, .stale)
                }
            case .revalidate(let why), .unsatisfiable(let why):
                toValidate = toValidate ?? (entry, CacheStatus.Forward(why))
            }
        }
        if let (entry, age) = whileRevalidating { return .useStale(entry, age: age, .whileRevalidating) }
        if CacheControl(fields).onlyIfCached { return .unsatisfiable }
        guard let (entry, why) = toValidate else { return .absent(why: missing, stale: nil) }
        return Validators.hasAny(entry.head.fields) ? .validate(entry, why: why) : .absent(why: why, stale: entry)
    }

    /// Who may be answered, judging by the request alone.
    ///
    /// - Parameters:
    ///   - session: Whose request it is.
    ///   - fields: Its fields.
    ///   - url: Its URL.
    ///   - secret: The index of the session's secret that the request is for.
    ///   - digest: SHA-256, for the credential values.
    /// - Returns: The request's own partition, and whether its own credentials make it so: not with a secret, with which
    ///   nothing that is shared is an answer.
    package static func partition(
        session: SessionID, fields: Fields, url: RequestURL, secret: Int? = nil, digest: ([UInt8]) -> SHA256Digest
    ) -> (Partition, hasCredentials: Bool) {
        let credentials = SharingRules.credentialFields(fields)
        guard credentials.isEmpty, secret == nil else {
            var text: [UInt8] = secret.map { Array("secret \($0):".utf8) } ?? []
            for (name, value) in credentials {
                // The lengths keep one list from looking like another.
                text += "\(name.utf8.count):\(value.utf8.count):\(name)\(value)".utf8
            }
            return (.session(session, credentials: digest(text)), secret == nil)
        }
        let isPrivate =
            !url.isOrdinary || SharingRules.requestKeepsPrivate(fields)
            || fields.serialisedSize > SharingRules.largestSharedHead
        return (isPrivate ? .session(session, credentials: digest([])) : .shared, false)
    }
}
