/// Whether a response may be stored for reuse, and if not, why (RFC 9111, section 3).
package enum Storability: Sendable, Equatable {
    /// It may; `explicitFreshness` tells that it says itself how long it is fresh, and that this is not over at once.
    case storable(explicitFreshness: Bool)
    case notStorable(Reason)

    /// Why a response is not stored; the raw value is for people.
    package enum Reason: String, Sendable, Equatable, CaseIterable {
        case method = "only answers to GET are stored"
        case requestNoStore = "the request says no-store"
        case responseNoStore = "the response says no-store"
        case notFinal = "it is an interim response"
        case partialContent = "it is a part of a representation"
        case notModified = "it is a 304"
        case aboutTheRequest = "its status is about one request and not about the URL"
        case statusNotUnderstood = "it says must-understand and its status is unknown"
        case isPrivate = "the response is private"
        case authorization = "the request had Authorization and the response does not allow sharing"
        case nothingAllowsIt = "neither its status nor its fields allow storing"
        case errorWithoutFreshness = "an error without explicit freshness"
        case varyEverything = "it varies by more than the request's fields"
    }

    /// Decides about the response to one request.
    ///
    /// - Parameters:
    ///   - method: the request's method; HEAD is answered from a stored GET and never stored.
    ///   - requestFields: the request's fields, `Authorization` included.
    ///   - status: the response's status.
    ///   - responseFields: the response's fields.
    ///   - responseTime: when the head arrived, in seconds since 1970.
    ///   - shared: false for a store that serves one session and one set of credentials only, as a private cache does.
    /// - Returns: the first reason against it in the order of section 3, or that it may be stored.
    package static func of(
        method: String, requestFields: Fields, status: Int, responseFields: Fields, responseTime: Int64,
        shared: Bool = true
    ) -> Storability {
        guard method == "GET" else { return .notStorable(.method) }
        guard status >= 200 else { return .notStorable(.notFinal) }
        guard status != 206 else { return .notStorable(.partialContent) }
        guard status != 304 else { return .notStorable(.notModified) }
        guard !isAboutTheRequest(status) else { return .notStorable(.aboutTheRequest) }
        let control = CacheControl(responseFields)
        if control.mustUnderstand {
            // A cache that understands the status ignores no-store beside must-understand (section 5.2.2.3).
            guard ReasonPhrase.isKnown(status) else { return .notStorable(.statusNotUnderstood) }
        } else if control.noStore {
            return .notStorable(.responseNoStore)
        }
        guard !CacheControl(requestFields).noStore else { return .notStorable(.requestNoStore) }
        if shared {
            guard !control.isPrivate else { return .notStorable(.isPrivate) }
            // Section 3.5.
            if requestFields.contains("authorization") {
                guard control.isPublic || control.sMaxAge != nil || control.mustRevalidate else {
                    return .notStorable(.authorization)
                }
            }
        }
        let isExplicit = Freshness.isExplicit(fields: responseFields, control: control, shared: shared)
        guard
            isExplicit || control.isPublic || !shared && control.isPrivate || Freshness.isHeuristicallyCacheable(status)
        else { return .notStorable(.nothingAllowsIt) }
        let lasts =
            isExplicit
            && Freshness.lifetime(
                status: status, fields: responseFields, control: control, responseTime: responseTime, shared: shared)
                > 0
        if shared, status >= 400, !lasts { return .notStorable(.errorWithoutFreshness) }
        guard Selection.varyNames(responseFields) != nil else { return .notStorable(.varyEverything) }
        return .storable(explicitFreshness: lasts)
    }

    /// Statuses that answer conditions, ranges, credentials, expectations, the connection or the rate of one request.
    ///
    /// RFC 6585 forbids to store 428, 429, 431 and 511; RFC 9110, section 15.5.20, makes 421 the connection's. Of the others
    /// any stored one would answer requests that do not deserve it, since the key is the URL alone.
    private static func isAboutTheRequest(_ status: Int) -> Bool {
        switch status {
        case 407, 408, 412, 416, 417, 421, 425, 426, 428, 429, 431, 511: true
        default: false
        }
    }

    /// The fields of a response as they are stored (section 3.1).
    ///
    /// Without what is for one connection, what a qualified `no-cache` names, and in shared stores without what a
    /// qualified `private` names and without cookies and authentication that were meant for one user.
    package static func storedFields(of response: Fields, shared: Bool = true) -> Fields {
        var stored = response
        let control = CacheControl(response)
        HopByHop.strip(response: &stored)
        if shared { stored.removeAll { ofOneUser.contains($0) } }
        let named = shared ? control.noCacheFields + control.privateFields : control.noCacheFields
        if !named.isEmpty { stored.removeAll(named: Set(named)) }
        return stored
    }

    private static let ofOneUser = FieldNameSet(["set-cookie", "set-cookie2", "authentication-info"])
}
