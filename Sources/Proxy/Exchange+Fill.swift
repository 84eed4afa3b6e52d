import Cache
import Core
import Cryptography
import Inspection
import Relay
import Sessions
import Storage
import Wire

extension Exchange: FillOwner {
    /// Starts a download that others may join, or joins the one in progress; looks up again when one has just ended.
    ///
    /// - Parameters:
    ///   - key: What is downloaded.
    ///   - entry: The stored response that is validated.
    ///   - known: The stored responses that were seen when this was decided.
    func join(_ key: FillKey, validating entry: StoredEntry?, known: [StoredEntry]) {
        let cache = loop.cache
        let role = cache.fills.join(key) {
            (cache.remembered(key) ?? []).contains { entry in !known.contains { $0 === entry } }
        }
        switch role {
        case .leader(let fill):
            lead(fill, validating: entry)
        case .follower(let fill):
            source = .joined
            follow(fill)
        case nil: lookUp()
        }
    }

    /// Starts a download for this request only.
    func fillAlone(partition: Partition) {
        guard let url else { return }
        lead(Fill(key: FillKey(partition: partition, key: url.key)), validating: nil)
    }

    /// Sends a request on whose answer may not be stored: another method, a body, a HEAD.
    func passThrough() {
        guard let url else { return }
        (partition, hasCredentials) = (.session(session.id, credentials: Self.nobody), false)
        phase = .lookingUp
        if request.method != "GET", request.method != "HEAD" { forward = .method }
        lead(Fill(key: FillKey(partition: partition, key: url.key)), validating: nil)
    }

    private static let nobody = SHA256Digest(words: (0, 0, 0, 0))

    private func lead(_ fill: Fill, validating entry: StoredEntry?) {
        guard let url else { return }
        if let refusal = member.ledger.addFill() {
            loop.cache.fills.close(fill)
            fill.fail(FillFailure(status: 429, reason: refusal))
            return refuse(429, refusal, fields: [("Retry-After", "10")])
        }
        source = .network
        isLeader = true
        let hidesErrors =
            standIn?.policy.allowsUseOnError(at: WallTime.now().seconds, requestFields: request.fields) == true
        let driver = driver(for: fill, url, validating: entry, hidesErrors: hidesErrors)
        self.driver = driver
        driver.owner = self
        enter(fill)
        driver.start()
    }

    func driver(
        for fill: Fill, _ url: RequestURL, validating entry: StoredEntry?, hidesErrors: Bool
    ) -> FillDriver {
        let isGet = request.method == "GET" && !hasRequestBody
        let (head, askedForGzip) = forwardedHead(url, validating: entry)
        let hasSecrets = secretUse != nil || !SharingRules.credentialFields(request.fields).isEmpty
        let asksForToken = isTokenWanted(url)
        return FillDriver(
            loop: loop, fill: fill, ledger: member.ledger,
            order: FillDriver.Order(
                url: url, head: head, framing: secretUse?.framing ?? requestFraming,
                admission: Admission.Request(
                    method: request.method, fields: request.fields, partition: fill.key.partition, session: session.id,
                    askedForGzip: askedForGzip,
                    neverStored: !isGet || asksForToken || CacheControl(request.fields).noStore,
                    namesItsContent: ContentNaming.isFixed(url), hidesErrors: hidesErrors),
                validates: entry, credentialScope: hasSecrets ? session.id.text : nil,
                secret: secretUse?.injected, keepsBody: !asksForToken, engine: engine, lane: session.lane))
    }

    private func follow(_ fill: Fill) {
        isLeader = false
        enter(fill)
    }

    private func enter(_ fill: Fill) {
        self.fill = fill
        phase = .waiting
        let eventLoop = loop.loop
        fillToken = fill.enter(for: session.id) { [weak self] in
            guard let self else { return }
            eventLoop.execute { self.fillChanged() }
        }
        // What happened before we entered is news as well.
        loop.loop.soon { [weak self] in self?.fillChanged() }
    }

    /// The head for the origin: what is for this hop removed, ours put in.
    private func forwardedHead(_ url: RequestURL, validating entry: StoredEntry?) -> (RequestHead, askedForGzip: Bool) {
        var fields = request.fields
        HopByHop.strip(request: &fields)
        fields.set("Host", url.authority.hostHeader(for: url.scheme))
        var asked = false
        if request.method == "GET", !hasRequestBody {
            // Conditions and ranges are answered by us from the whole.
            Validators.removeConditions(from: &fields)
            // What comes in answer to a secret is looked through as it comes.
            asked =
                secretUse == nil && ContentCoding.acceptsGzip(request.fields) && !request.fields.contains("Range")
            if relayReason == nil {
                fields.remove("Range")
            } else if let condition = request.fields.first("If-Range") {
                fields.set("If-Range", condition)
            }
            fields.set("Accept-Encoding", asked ? "gzip" : "identity")
            if let entry { Validators.addConditions(to: &fields, from: entry.head.fields) }
        } else {
            fields.remove("Range")
            fields.remove("If-Range")
            if isStrict || secretUse != nil { fields.set("Accept-Encoding", "identity") }
        }
        secretUse?.adapt(&fields)
        Via.append(to: &fields, received: request.version, pseudonym: loop.context.pseudonym)
        return (
            RequestHead(method: request.method, target: url.forwardedTarget, version: .http11, fields: fields), asked
        )
    }

    // MARK: - Following the download

    /// Something changed in the fill.
    func fillChanged() {
        guard let fill, phase != .ended else { return }
        let state = fill.look(fillToken)
        switch state.progress {
        case .waiting: break
        case .notModified:
            leave(fill)
            source = isLeader ? .revalidated : source
            validatedSince = started.seconds
            lookUp()
        case .streaming:
            if phase == .waiting { headCame(state) }
            advance(state)
        case .complete(let completion):
            if phase == .waiting { headCame(state, completion) }
            completed(completion)
        case .failed(let failure):
            fillFailed(failure)
        }
    }

    func leave(_ fill: Fill) {
        fill.leave(fillToken)
        self.fill = nil
        driver = nil
    }

    private func headCame(_ state: Fill.Snapshot, _ completion: Fill.Completion? = nil) {
        guard let head = state.head else { return }
        if ReusePolicy.isError(head.response.status), standsIn(for: nil, status: head.response.status) { return }
        // A body that is not kept can be read by those only who were there from its first byte on.
        if !isLeader, !fits(head) || state.stagingFailure != nil {
            if let fill { leave(fill) }
            source = .none
            waitedInVain = true
            // Others wait as we did: each asks for itself, in parallel.
            return asksForRange
                ? relayRange("the whole is being fetched by another request whose answer is not for this one")
                : fillAlone(partition: partition)
        }
        if isLeader, let url, Invalidation.isCaused(method: request.method, status: head.response.status) {
            invalidate(url, head.response)
        }
        cacheStatus = status(of: head, isStored: state.stagingFailure == nil)
        if request.method == "HEAD", isLeader { learnFromHead(head) }
        var response = isLeader ? driver?.admission?.ownHead ?? head.response : head.response
        if isStrict, !(200..<300).contains(response.status) { return replaceForStrict(response) }
        let length = request.method == "HEAD" ? head.length : completion?.size ?? head.length
        if let obstacle = obstacle(to: response.fields, size: length) { return refuse(403, obstacle) }
        if request.method == "GET", !hasRequestBody, response.status == 200 || response.status == 206 {
            if let length, completion == nil, isLoneRange(of: response, length: length) {
                if let driver, let fill {
                    leave(fill)
                    driver.owner = nil
                    driver.cancel("only a part of it is wanted")
                }
                if let url {
                    let key = FillKey(partition: partition, key: url.key)
                    loop.largeBodies.note(key, size: length, now: loop.loop.now)
                }
                return relayRange(tooLarge(length))
            }
            if request.fields.contains("Range") || request.fields.contains("If-None-Match")
                || request.fields.contains("If-Modified-Since") || Conditions.concernOrigin(request.fields)
            {
                // Without a length nobody can say where a range lies: the whole is answered.
                guard answerConditions(&response, size: length) else { return }
            }
        }
        if form == .notModified { return startDelivery(response, source: .none, end: 0, length: 0) }
        if length == nil, request.version == .http10, request.method != "HEAD" {
            // Without chunks only a known length tells this client where the body ends: it waits for the whole.
            pendingHead = response
            return
        }
        startFillDelivery(response, length: length)
    }

    /// What an unsafe request changed is not answered from the cache any more (RFC 9111, section 4.4).
    private func invalidate(_ url: RequestURL, _ response: ResponseHead) {
        let (own, _) = CacheDecision.partition(
            session: session.id, fields: request.fields, url: url, secret: secretUse?.secret.index,
            digest: SHA256Hasher.digest)
        for key in [url.key] + Invalidation.alsoAffected(response.fields, of: url).map(\.key) {
            loop.cache.invalidate(FillKey(partition: .shared, key: key))
            if own != .shared { loop.cache.invalidate(FillKey(partition: own, key: key)) }
        }
    }

    private func startFillDelivery(_ response: ResponseHead, length: Int64?) {
        guard let fill else { return }
        startDelivery(response, from: .fill(fill, token: fillToken), size: length)
        if request.expectation == .continue { continueTimer?.cancel() }
    }

    /// Whether an answer that somebody else asked for is one for this request too.
    private func fits(_ head: Fill.Head) -> Bool {
        guard head.isShareable, let names = head.varyNames else { return false }
        if head.isDecoded, !ContentCoding.acceptsGzip(request.fields) { return false }
        return Selection.variantKey(names: names, requestFields: request.fields) == head.variant
    }

    /// Bytes have arrived: what need not be held goes on.
    private func advance(_ state: Fill.Snapshot) {
        if phase == .waiting, pendingHead != nil, state.received > Fill.smallBody, let failure = state.stagingFailure {
            return sourceFailed(
                "the body cannot be kept until its length is known: \(inPublic(failure))", status: 503)
        }
        guard phase == .delivering, form != .notModified else { return }
        if isStrict, let failure = state.stagingFailure {
            return sourceFailed("the body cannot be kept for inspection: \(inPublic(failure))", status: 503)
        }
        if let obstacle = obstacle(to: Fields(), size: state.received) { return refuse(403, obstacle) }
        streamAhead(received: state.received, total: delivery?.end)
        pump()
    }

    private func completed(_ completion: Fill.Completion) {
        guard phase == .waiting || phase == .delivering, let fill else { return }
        if let head = pendingHead {
            pendingHead = nil
            startFillDelivery(head, length: completion.size)
        }
        guard phase == .delivering else { return }
        if let obstacle = obstacle(to: Fields(), size: completion.size) { return refuse(403, obstacle) }
        if form == .whole, request.method != "HEAD" {
            delivery?.end = completion.size
            delivery?.trailers = isStrict ? Wire.Fields() : completion.trailers
            if let head = responseHead, wantsDigestTrailer(head) {
                delivery?.trailers.remove("Repr-Digest")
                delivery?.trailers.append("Repr-Digest", DigestFields.value(completion.digest))
            }
        }
        let body: Examiner.Body
        if completion.size <= Fill.smallBody, let bytes = fill.allBytes() {
            body = .bytes(bytes)
            if let blob = completion.blob, blob.scope == .shared { loop.cache.rememberBody(bytes, completion.digest) }
        } else if let reader = completion.reader {
            body = .reader(reader)
        } else if isStrict {
            let reason = inPublic(fill.look(nil).stagingFailure)
            return sourceFailed("the body cannot be kept for inspection: \(reason)", status: 503)
        } else {
            body = .none(reason: fill.look(nil).stagingFailure?.reason ?? "it could not be stored")
        }
        whole = (completion.digest, completion.size, body, completion.blob?.scope ?? .session(session.id))
        conclude(verifying: nil)
    }

    private func fillFailed(_ failure: FillFailure) {
        guard phase == .waiting || phase == .delivering else { return }
        if delivery?.hasBegun != true {
            if failure.isFirstClients, !isLeader, phase == .waiting {
                if let fill { leave(fill) }
                source = .none
                waitedInVain = true
                return fillAlone(partition: partition)
            }
            if ReusePolicy.isError(failure.status), standsIn(for: failure, status: nil) { return }
            switch failure.status {
            case 403: return refuse(403, "Access denied: \(failure.reason)", error: failure.error)
            case 429 where isLeader: return refuse(429, failure.reason, fields: [("Retry-After", "10")])
            case 429 where phase == .waiting:
                // The limit of whoever began it is none of ours.
                if let fill { leave(fill) }
                source = .none
                waitedInVain = true
                return fillAlone(partition: partition)
            default: break
            }
        }
        sourceFailed(failure.reason, status: failure.status, error: failure.error)
    }
}

/// How much of a body waits for its record (DESIGN, "Two promises").
enum Held {
    /// Bodies up to this wait whole.
    static let wholeUpTo: Int64 = 64 << 10
    /// Of larger ones, the end waits.
    static let tail: Int64 = 16 << 10
}

extension RequestVerdict {
    /// Whether bytes may be sent before the verdict on the whole.
    ///
    /// - Parameters:
    ///   - policy: The session's.
    ///   - holdsStrict: Whether nothing may in strict sessions.
    /// - Returns: Whether they may, but for the end.
    func mayStream(policy: SessionPolicy, holdsStrict: Bool) -> Bool {
        policy == .permissive || (delivery == .streamed && !holdsStrict)
    }
}
