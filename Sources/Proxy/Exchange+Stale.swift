import Cache
import Inspection
import Sessions
import Core
import Storage
import Wire

/// Stale answers, and how what the origin says changes what is stored.
extension Exchange {
    /// Asks the origin about a stale answer that is sent meanwhile (RFC 5861, section 3), unless somebody does already.
    func revalidateBehind(_ entry: StoredEntry) {
        guard let url,
            case .leader(let fill) = loop.cache.fills.join(
                FillKey(partition: entry.response.partition, key: entry.response.key))
        else { return }
        guard member.ledger.addFill() == nil else {
            loop.cache.fills.close(fill)
            return fill.fail(FillFailure(status: 429, reason: "the session has its share of downloads"))
        }
        let validated = Validators.hasAny(entry.head.fields) ? entry : nil
        driver(for: fill, url, validating: validated, hidesErrors: true).start()
    }

    /// Sends the stale answer in place of an error, where it may (RFC 5861, section 4; RFC 9111, section 4.3.3).
    ///
    /// - Parameters:
    ///   - failure: Why there is no answer of the origin.
    ///   - status: The status of the one that there is.
    /// - Returns: Whether it does.
    func standsIn(for failure: FillFailure?, status: Int?) -> Bool {
        let now = WallTime.now().seconds
        guard let entry = standIn, request.method == "GET", delivery == nil,
            entry.policy.allowsUseOnError(at: now, requestFields: request.fields)
        else { return false }
        standIn = nil
        pendingHead = nil
        if let fill {
            let driver = driver
            leave(fill)
            driver?.owner = nil
            // An error that nobody wants would take the place of what is stored.
            if fill.readers == 0 { driver?.cancel("a stale answer stands in") }
        }
        if let error = failure?.error { proxyStatus = ProxyStatus(error) }
        phase = .lookingUp
        let age = entry.policy.age(at: now)
        serve(entry, age: age, as: .staleOnError(ttl: entry.policy.lifetime - age, status: status))
        return true
    }

    /// How the cache handled what the origin answers.
    func status(of head: Fill.Head, isStored: Bool) -> CacheStatus {
        let status = head.response.status
        guard isLeader else { return .collapsed(forward, status: status, ttl: nil, stored: isStored) }
        let notStored = forward == .method || request.method == "HEAD" ? nil : driver?.admission?.notStored
        if waitedInVain { return .collapsedInVain(forward, status: status, detail: notStored) }
        if hasRequestBody, forward != .method { return .bypass(status: status, detail: notStored) }
        return .forwarded(
            forward, status: status, ttl: nil, stored: isStored && driver?.admission?.storedHead != nil,
            detail: notStored)
    }

    /// The answer to a HEAD freshens what is stored, or shows that it is out of date (RFC 9111, section 4.3.5).
    func learnFromHead(_ head: Fill.Head) {
        guard let own = driver?.admission?.ownHead, own.status == 200 else { return }
        var fields = own.fields
        if let length = head.length { fields.set("Content-Length", String(length)) }
        for entry in toldByHead {
            let response = entry.response
            // A size in another coding tells nothing.
            let isSameCoding =
                response.decoded
                ? ContentCoding.isGzip(fields) : ContentCoding.of(fields) == ContentCoding.of(entry.head.fields)
            guard isSameCoding else { continue }
            switch Validators.effect(
                ofHead: own.status, fields, on: entry.head.fields, size: response.decoded ? nil : response.size)
            {
            case .none: break
            case .freshens:
                let fresh = entry.freshened(
                    by: fields, requestTime: started.seconds, responseTime: WallTime.now().seconds)
                if let fresh {
                    loop.cache.refresh(entry, with: fresh)
                    continue
                }
                fallthrough
            case .outdates: loop.cache.invalidate(FillKey(partition: response.partition, key: response.key))
            }
        }
        toldByHead = []
    }

    /// Whether the digest of a body that is still coming is told at its end (RFC 9530, section 3; RFC 9110, section 6.5.1).
    func wantsDigestTrailer(_ head: ResponseHead) -> Bool {
        request.method == "GET" && head.status == 200 && !head.fields.contains("Repr-Digest")
            && DigestFields.acceptsTrailers(request.fields)
            && DigestFields.isWelcome(request.fields, "Want-Repr-Digest")
    }
}
