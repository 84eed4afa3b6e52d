import Cache
import Core
import Inspection
import Logging
import Platform
import Sessions
import Storage

/// Finds out about bodies and judges their uses, on a pool of its own.
///
/// Extraction runs once per body: what it found is kept in memory and in the catalog, and those who ask meanwhile wait for
/// the one that runs. Judging runs at every use.
final class Examiner: Sendable {
    /// Where the bytes of a body are.
    enum Body: Sendable {
        case bytes([UInt8])
        case reader(any BlobReader)
        /// Nowhere: it could not be kept.
        case none(reason: String)
    }

    private struct State {
        var facts = BoundedMemory<SHA256Digest, BlobFacts>(budget: 16 << 20)
        var waiting: [SHA256Digest: [@Sendable (BlobFacts?) -> Void]] = [:]
    }

    private let cache: ResponseCache
    private let pool: WorkerPool
    private let log: Logger
    private let state = Lock(State())

    init(cache: ResponseCache, pool: WorkerPool, log: Logger) {
        self.cache = cache
        self.pool = pool
        self.log = log
    }

    /// What came of an examination: the verdict, and its JSON for the record.
    struct Outcome: Sendable {
        var verdict: ResponseVerdict
        var judgement: [UInt8]
    }

    /// Judges one use of a body about which everything is known; `nil` when ``examine(_:body:engine:done:)`` must find out.
    ///
    /// Without a wait: judging compares what is known.
    func examineKnown(_ use: ArtifactUse, engine: InspectionEngine) -> Outcome? {
        guard let facts = state.withLock({ $0.facts.use(use.digest) }) else { return nil }
        let verdict = engine.judge(use, facts: facts)
        return Outcome(verdict: verdict, judgement: verdict.judgement(of: use.request))
    }

    /// Finds out about a small body that has just come, where it is in memory anyway; blocks for the extraction.
    func prepare(_ digest: SHA256Digest, _ bytes: [UInt8], engine: InspectionEngine, _ ledger: SessionLedger) {
        let mustExtract = state.withLock { state in
            guard state.facts.use(digest) == nil, state.waiting[digest] == nil else { return false }
            state.waiting[digest] = []
            return true
        }
        guard mustExtract else { return }
        let began = MonotonicTime.now()
        let facts = extract(digest, .bytes(bytes), engine)
        ledger.addInspection(.now() - began)
        keep(facts, of: digest)
    }

    /// Judges one use; `done` is called on the pool, or at once when the pool is full.
    ///
    /// Sessions take turns in the pool, and each is charged with the time that its own artifacts take.
    func examine(
        _ use: ArtifactUse, body: Body, engine: InspectionEngine, for session: Session, _ ledger: SessionLedger,
        done: @escaping @Sendable (Outcome) -> Void
    ) {
        let job: @Sendable () -> Void = { [self] in
            facts(of: use.digest, body: body, engine: engine, ledger) { facts in
                let began = MonotonicTime.now()
                let verdict = engine.judge(use, facts: facts)
                ledger.addInspection(.now() - began)
                done(Outcome(verdict: verdict, judgement: verdict.judgement(of: use.request)))
            }
        }
        if !pool.submit(lane: session.lane, job) {
            log.warning("the inspection pool is full; an artifact is judged unseen")
            let verdict = engine.judge(use, facts: nil)
            done(Outcome(verdict: verdict, judgement: verdict.judgement(of: use.request)))
        }
    }

    /// Finds the facts, extracting them when nobody has; runs on the pool.
    private func facts(
        of digest: SHA256Digest, body: Body, engine: InspectionEngine, _ ledger: SessionLedger,
        done: @escaping @Sendable (BlobFacts?) -> Void
    ) {
        enum Step {
            case known(BlobFacts)
            case waiting
            case extract
        }
        let step: Step = state.withLock { state in
            if let facts = state.facts.use(digest) { return .known(facts) }
            if state.waiting[digest] != nil {
                state.waiting[digest]?.append(done)
                return .waiting
            }
            state.waiting[digest] = [done]
            return .extract
        }
        switch step {
        case .known(let facts): done(facts)
        case .waiting: break
        case .extract:
            let began = MonotonicTime.now()
            let facts = stored(digest) ?? extract(digest, body, engine)
            ledger.addInspection(.now() - began)
            keep(facts, of: digest)
        }
    }

    /// Remembers what was found and tells those who wait for it.
    private func keep(_ facts: BlobFacts?, of digest: SHA256Digest) {
        let cost = facts.map { 512 + $0.json.count * 2 } ?? 0
        let waiting = state.withLock { state in
            if let facts, facts.isConclusive { state.facts.set(digest, facts, cost: cost) }
            return state.waiting.removeValue(forKey: digest) ?? []
        }
        for done in waiting { done(facts) }
    }

    private func stored(_ digest: SHA256Digest) -> BlobFacts? {
        guard let json = try? cache.catalog.facts(digest, version: BlobFacts.currentVersion) else { return nil }
        return BlobFacts(json: json)
    }

    private func extract(_ digest: SHA256Digest, _ body: Body, _ engine: InspectionEngine) -> BlobFacts? {
        let bytes: any BlobBytes
        switch body {
        case .bytes(let array): bytes = ArrayBytes(bytes: array)
        case .reader(let reader): bytes = ReaderBytes(reader: reader)
        case .none(let reason):
            log.warning("an artifact cannot be inspected: \(escapedForDisplay(reason))")
            return nil
        }
        let facts = engine.extract(bytes)
        // What is found again in no time is not worth a row.
        if facts.isConclusive, bytes.size > Fill.smallBody || !facts.extractions.isEmpty || !facts.errors.isEmpty {
            cache.writer.submit([.facts(digest, version: BlobFacts.currentVersion, json: facts.json)])
        }
        return facts
    }
}

/// A body in memory, for extraction.
private struct ArrayBytes: BlobBytes {
    let bytes: [UInt8]
    var size: Int64 { Int64(bytes.count) }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard offset < size else { return 0 }
        let count = min(buffer.count, bytes.count - Int(offset))
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + count]))
        }
        return count
    }
}

/// A stored body, for extraction.
private struct ReaderBytes: BlobBytes {
    let reader: any BlobReader
    var size: Int64 { reader.size }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try reader.read(at: offset, into: buffer)
    }
}
