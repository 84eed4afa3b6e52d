import Cache
import Core
import Cryptography
import Relay
import Sessions
import Storage
import Platform
import Wire

extension Exchange {
    /// The most times that an exchange looks up again after what it waited for did not fit.
    private static let mostAttempts = 3

    /// Looks the answer up: in memory, else in the catalog on the pool.
    func lookUp() {
        guard let url else { return }
        phase = .lookingUp
        attempts += 1
        standIn = nil
        (partition, hasCredentials) = CacheDecision.partition(
            session: session.id, fields: request.fields, url: url, secret: secretUse?.secret.index,
            digest: SHA256Hasher.digest)
        let own = FillKey(partition: partition, key: url.key)
        if let entries = loop.cache.remembered(own) {
            lookUpShared(own, entries)
        } else {
            load(own) { [self] in lookUpShared(own, $0) }
        }
    }

    /// A request with credentials of its own may also be answered from what is the same for everybody.
    private func lookUpShared(_ own: FillKey, _ entries: [StoredEntry]) {
        guard hasCredentials else { return decide(entries, own) }
        let shared = FillKey(partition: .shared, key: own.key)
        if let others = loop.cache.remembered(shared) {
            decide(entries + others, own)
        } else {
            load(shared) { [self] in decide(entries + $0, own) }
        }
    }

    private func load(_ key: FillKey, then: @escaping ([StoredEntry]) -> Void) {
        let cache = loop.cache
        onPool {
            try? cache.load(key)
        } then: { [self] entries in
            guard phase == .lookingUp else { return }
            // A catalog that cannot be read is as good as an empty one: the origin is asked.
            then(entries ?? [])
        }
    }

    private func decide(_ entries: [StoredEntry], _ own: FillKey) {
        guard phase == .lookingUp else { return }
        let decision = CacheDecision.of(
            entries, for: request.fields, acceptsGzip: ContentCoding.acceptsGzip(request.fields),
            hasOwnCredentials: hasCredentials, validatedSince: validatedSince, now: WallTime.now().seconds)
        switch decision {
        case .use(let entry, let age):
            if mustAskFirst(entry) {
                ask(Validators.hasAny(entry.head.fields) ? entry : nil, why: .request, own, entries)
            } else {
                serve(entry, age: age, as: statusOfUse(entry, age: age))
            }
        case .useStale(let entry, let age, let use):
            if use == .whileRevalidating {
                // A HEAD brings nothing that could be stored.
                guard request.method == "GET" else { return ask(entry, why: .stale, own, entries) }
                if !CacheControl(request.fields).onlyIfCached { revalidateBehind(entry) }
            }
            serve(entry, age: age, as: .stale(ttl: entry.policy.lifetime - age, use))
        case .unsatisfiable:
            refuse(
                504, "the answer is not in the cache and the request says only-if-cached", category: .failure,
                error: .internalResponse)
        case .validate(let entry, let why):
            standIn = entry
            toldByHead = tellable(entries, own)
            ask(entry, why: why, own, entries)
        case .absent(let why, let stale):
            standIn = stale
            toldByHead = tellable(entries, own)
            ask(nil, why: why, own, entries)
        }
    }

    /// Asks the origin, with the validators of a stored response if there is one.
    private func ask(
        _ entry: StoredEntry?, why: CacheStatus.Forward, _ own: FillKey, _ known: [StoredEntry]
    ) {
        if attempts == 1 { forward = why }
        guard request.method != "HEAD" else { return passThrough() }
        if entry == nil, let size = loop.largeBodies.size(of: own, now: loop.loop.now),
            isRelayable(size: size), loop.cache.fills.current(own) == nil
        {
            return relayRange(tooLarge(size))
        }
        if let entry, attempts <= Self.mostAttempts {
            // What is asked with credentials is not about what everybody shares.
            if hasCredentials, entry.response.partition == .shared {
                return join(own, validating: nil, known: known)
            }
            join(FillKey(partition: entry.response.partition, key: own.key), validating: entry, known: known)
        } else if attempts > Self.mostAttempts || CacheControl(request.fields).noStore {
            fillAlone(partition: own.partition)
        } else {
            join(own, validating: nil, known: known)
        }
    }

    /// Whether a condition that is meant for the origin fails here, which the origin should confirm (RFC 9110,
    /// section 13.1.1).
    private func mustAskFirst(_ entry: StoredEntry) -> Bool {
        guard Conditions.concernOrigin(request.fields), validatedSince == nil, request.method == "GET",
            attempts <= Self.mostAttempts, !CacheControl(request.fields).onlyIfCached
        else { return false }
        let head = Admission.asServed(entry.head, decoded: entry.response.decoded)
        let outcome = Conditions.evaluate(
            requestFields: request.fields, method: request.method, storedFields: head.fields,
            storedStatus: head.status)
        return outcome == .preconditionFailed
    }

    /// The stored responses that the answer to this HEAD may freshen or outdate (RFC 9111, section 4.3.5).
    private func tellable(_ entries: [StoredEntry], _ own: FillKey) -> [StoredEntry] {
        guard request.method == "HEAD" else { return [] }
        return entries.filter { entry in
            entry.response.partition == own.partition
                && Selection.fits(
                    names: entry.response.varyNames, variant: entry.response.variant, requestFields: request.fields)
        }
    }

    private func statusOfUse(_ entry: StoredEntry, age: Int64) -> CacheStatus {
        guard validatedSince != nil else { return .hit(ttl: nil) }
        let ttl = entry.policy.lifetime - age
        return isLeader
            ? .revalidated(forward, ttl: ttl) : .collapsed(forward, status: 304, ttl: ttl, stored: false)
    }

    /// Runs blocking work on the storage pool and comes back to the loop with its result.
    func onPool<Result: Sendable>(_ work: @escaping @Sendable () -> Result, then: @escaping (Result) -> Void) {
        let back = LoopBound(then)
        let eventLoop = loop.loop
        let isAccepted = loop.context.storagePool.submit(lane: session.lane) {
            let result = work()
            eventLoop.execute { back.value(result) }
        }
        if !isAccepted {
            refuse(503, "too much disk work is waiting; try again in a few seconds", category: .failure)
        }
    }
}

/// Carries something that belongs to a loop through other threads, which never look into it.
struct LoopBound<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
