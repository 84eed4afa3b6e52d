package import Core
package import Storage
package import Wire

/// What the stored responses of a key mean for one request.
package enum CacheDecision: Sendable {
    /// One may be sent, with this `Age` in seconds.
    case use(StoredEntry, age: Int64)
    /// One fits, but the origin must be asked first.
    case validate(StoredEntry)
    /// None fits.
    case absent
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
        var toValidate: StoredEntry?
        for entry in entries {
            let response = entry.response
            guard !response.decoded || acceptsGzip else { continue }
            guard Selection.fits(names: response.varyNames, variant: response.variant, requestFields: fields) else {
                continue
            }
            if hasOwnCredentials, response.partition == .shared,
                !SharingRules.sharedMayAnswerCredentials(status: response.status, storedFields: entry.head.fields)
            {
                continue
            }
            let reuse = Reuse.decide(
                requestFields: fields, storedStatus: response.status, storedFields: entry.head.fields,
                requestTime: response.requestTime, responseTime: response.responseTime, now: now,
                assumedLifetime: response.assumedLifetime, shared: response.partition == .shared)
            // Request directives are advisory (RFC 9111, section 5.2.1): what proves itself needs no validation.
            let isProven = entry.isSelfCertifying && !CacheControl(fields).noStore
            if isProven || validatedSince.map({ response.responseTime >= $0 }) == true {
                let age = Freshness.currentAge(
                    fields: entry.head.fields, requestTime: response.requestTime, responseTime: response.responseTime,
                    now: now)
                return .use(entry, age: age)
            }
            switch reuse {
            case .fresh(let age), .stale(let age): return .use(entry, age: age)
            case .staleWhileRevalidating, .revalidate, .unsatisfiable: toValidate = toValidate ?? entry
            }
        }
        if CacheControl(fields).onlyIfCached { return .unsatisfiable }
        guard let toValidate else { return .absent }
        return Validators.hasAny(toValidate.head.fields) ? .validate(toValidate) : .absent
    }

    /// Who may be answered, judging by the request alone.
    ///
    /// - Parameters:
    ///   - session: Whose request it is.
    ///   - fields: Its fields.
    ///   - url: Its URL.
    ///   - digest: SHA-256, for the credential values.
    /// - Returns: The request's own partition, and whether its own credentials make it so.
    package static func partition(
        session: SessionID, fields: Fields, url: RequestURL, digest: ([UInt8]) -> SHA256Digest
    ) -> (Partition, hasCredentials: Bool) {
        let credentials = SharingRules.credentialFields(fields)
        guard credentials.isEmpty else {
            var text: [UInt8] = []
            for (name, value) in credentials {
                // The lengths keep one list from looking like another.
                text += "\(name.utf8.count):\(value.utf8.count):\(name)\(value)".utf8
            }
            return (.session(session, credentials: digest(text)), true)
        }
        let isPrivate =
            !url.isOrdinary || SharingRules.requestKeepsPrivate(fields)
            || fields.serialisedSize > SharingRules.largestSharedHead
        return (isPrivate ? .session(session, credentials: digest([])) : .shared, false)
    }
}
