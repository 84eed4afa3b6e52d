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
        (partition, hasCredentials) = CacheDecision.partition(
            session: session.id, fields: request.fields, url: url, digest: SHA256Hasher.digest)
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
            serve(entry, age: age)
        case .unsatisfiable:
            refuse(504, "the answer is not in the cache and the request says only-if-cached", category: .failure)
        case .validate(let entry) where request.method == "GET" && attempts <= Self.mostAttempts:
            if hasCredentials, entry.response.partition == .shared {
                // What is asked with credentials is not about what everybody shares.
                join(own, validating: nil)
            } else {
                join(FillKey(partition: entry.response.partition, key: own.key), validating: entry)
            }
        case .validate, .absent:
            if request.method == "HEAD" {
                passThrough()
            } else if attempts > Self.mostAttempts || CacheControl(request.fields).noStore {
                fillAlone(partition: own.partition)
            } else {
                join(own, validating: nil)
            }
        }
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
