/// How the cache handled a request, told to the client in `Cache-Status` (RFC 9211).
///
/// Answers that are our own (refusals, errors) have no such member (section 2), unless they are made from a stored
/// response, as 206 and 304 are.
package enum CacheStatus: Sendable, Equatable {
    /// Fresh, from the store; without `ttl` the text is the same for every use.
    case hit(ttl: Int64?)
    /// Stale, from the store without asking.
    case stale(ttl: Int64, StaleUse)
    /// The origin was asked and said 304.
    case revalidated(Forward, ttl: Int64)
    /// The origin was asked and could not answer; a stale response stands in (RFC 5861, section 4).
    case staleOnError(ttl: Int64, status: Int?)
    /// The origin answered this request.
    case forwarded(Forward, status: Int, ttl: Int64?, stored: Bool, detail: String? = nil)
    /// The origin answered a request of somebody else, and the answer is for this one too.
    case collapsed(Forward, status: Int, ttl: Int64?, stored: Bool)
    /// The wait for somebody else's answer was in vain; the origin was asked again for this request.
    case collapsedInVain(Forward, status: Int, detail: String? = nil)
    /// The request was never looked up: private, with a body, or not cacheable at all.
    case bypass(status: Int, detail: String? = nil)
    /// `only-if-cached` and nothing suitable: our 504.
    case onlyIfCached
    /// Refused by us.
    case refused
    /// Failed before there was an answer.
    case error

    /// Why a request went to the origin (section 2.2).
    package enum Forward: String, Sendable, Equatable, CaseIterable {
        case bypass
        case method
        case uriMiss = "uri-miss"
        case varyMiss = "vary-miss"
        case miss
        case request
        case stale
        case partial
    }

    /// Why a stale response was used.
    package enum StaleUse: String, Sendable, Equatable, CaseIterable {
        case maxStale = "max-stale"
        case whileRevalidating = "stale-while-revalidate"
    }

    /// Appends our member after those of caches nearer to the origin; nothing for ``refused``, ``error`` and
    /// ``onlyIfCached``, which are no uses of the cache's content.
    package func append(to fields: inout Fields, cache: String) {
        written(cache: cache)?.append(to: &fields, "Cache-Status")
    }

    /// The member, or nil where there is none.
    package func value(cache: String) -> String? { written(cache: cache)?.value }

    private func written(cache: String) -> StatusWriter? {
        var writer = StatusWriter(name: cache)
        switch self {
        case .hit(let ttl):
            writer.flag("hit")
            if let ttl { writer.number("ttl", ttl) }
        case .stale(let ttl, let use):
            writer.flag("hit")
            writer.number("ttl", ttl)
            writer.token("detail", use.rawValue)
        case .revalidated(let forward, let ttl):
            writer.token("fwd", forward.rawValue)
            writer.number("fwd-status", 304)
            writer.number("ttl", ttl)
        case .staleOnError(let ttl, let status):
            writer.token("fwd", Forward.stale.rawValue)
            if let status { writer.number("fwd-status", Int64(status)) }
            writer.number("ttl", ttl)
            writer.token("detail", "stale-if-error")
        case .forwarded(let forward, let status, let ttl, let stored, let detail):
            writer.token("fwd", forward.rawValue)
            writer.number("fwd-status", Int64(status))
            if stored { writer.flag("stored") }
            if let ttl { writer.number("ttl", ttl) }
            if let detail { writer.string("detail", detail) }
        case .collapsed(let forward, let status, let ttl, let stored):
            writer.token("fwd", forward.rawValue)
            writer.number("fwd-status", Int64(status))
            writer.flag("collapsed")
            if stored { writer.flag("stored") }
            if let ttl { writer.number("ttl", ttl) }
        case .collapsedInVain(let forward, let status, let detail):
            writer.token("fwd", forward.rawValue)
            writer.number("fwd-status", Int64(status))
            writer.token("collapsed", "?0")
            if let detail { writer.string("detail", detail) }
        case .bypass(let status, let detail):
            writer.token("fwd", Forward.bypass.rawValue)
            writer.number("fwd-status", Int64(status))
            if let detail { writer.string("detail", detail) }
        case .onlyIfCached, .refused, .error: return nil
        }
        return writer
    }
}

extension CacheStatus.Forward {
    /// Why a stored response is not used without asking, in the words of section 2.2.
    package init(_ why: Reuse.Why) {
        switch why {
        case .requestNoCache, .requestMaxAge, .requestMinFresh: self = .request
        case .responseNoCache, .stale, .mustRevalidate: self = .stale
        }
    }
}
