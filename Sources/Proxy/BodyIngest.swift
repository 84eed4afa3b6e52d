import Cache
import Core
import Cryptography
import Storage
import Platform
import Wire

/// The way of a body into the store: undo gzip, count, digest, stage, commit.
///
/// Its work runs in the order of the calls on a strand of the pool, beside the relay; the fill is told of every step. That
/// of a body that is small as a whole can be done in one call together with that of others (``ArrivedBodies``).
/// Used by one producer; everything below "On the strand" is touched by the strand's jobs alone.
final class BodyIngest: @unchecked Sendable {
    /// What is known when the answer's head has arrived.
    struct Plan: Sendable {
        /// Who may read the stored bytes.
        var scope: BlobScope
        /// The body's length, if known.
        var length: Int64?
        /// Whether the body may be stored; else it is delivered from memory, and in strict sessions only when it is small.
        var isKept = true
        /// Undo gzip, with this cap on the bytes out per byte in.
        var largestExpansion: Int64?
        var largestBody: Int64
        /// Whose turn in the pool its work takes.
        var lane = 0
        /// Called on the strand with a small body and its digest when it is in the store.
        var examine: @Sendable (SHA256Digest, [UInt8]) -> Void = { _, _ in }
    }

    /// How the body ended.
    enum Ending: Sendable {
        case complete(Fill.Completion)
        case failed(FillFailure)
    }

    private let fill: Fill
    private let store: any BlobStore
    private let strand: Strand
    private let plan: Plan

    // On the producer's side: what a body may consist of as a whole, so that one job does it all.
    private var gathered: [[UInt8]] = []
    private var gatheredSize = 0
    private var given = 0

    // On the strand.
    private var hasher: SHA256Stream?
    private var decoder: GzipBox?
    private var sink: (any BlobSink)?
    private var small: [[UInt8]] = []
    private var bytesIn: Int64 = 0
    private var size: Int64 = 0
    private var failure: FillFailure?
    private var stagingFailed = false

    /// Bytes handed over and not yet decoded, for backpressure where the fill cannot see them.
    private let undecoded = Lock<Int64>(0)

    init(fill: Fill, store: any BlobStore, pool: WorkerPool, plan: Plan) {
        self.fill = fill
        self.store = store
        self.plan = plan
        strand = Strand(pool: pool, lane: plan.lane)
        hasher = SHA256Stream()
    }

    /// Takes bytes as the origin sent them.
    ///
    /// `.pause` asks for a rest, until the fill's `onResume`.
    func take(_ bytes: [UInt8]) -> Fill.Pressure {
        guard plan.largestExpansion == nil else {
            let waiting = undecoded.withLock { waiting in
                waiting += Int64(bytes.count)
                return waiting
            }
            strand.submit { self.decode(bytes) }
            // Decoded bytes are the fill's to count; these here are few and the next piece is taken when they are done.
            return waiting >= Self.mostUndecoded || fill.isPaused ? .pause : .goOn
        }
        let pressure = fill.append(bytes)
        gathered.append(bytes)
        gatheredSize += bytes.count
        given += bytes.count
        if Int64(gatheredSize) > (given > gatheredSize ? Self.mostGathered : Fill.smallBody) { handOver() }
        return pressure
    }

    /// Of a large body so much goes to the strand at once: a hand-over costs as much as hashing some KiB.
    private static let mostGathered: Int64 = 256 << 10

    private func handOver() {
        let pieces = gathered
        gathered = []
        gatheredSize = 0
        strand.submit { for piece in pieces { self.ingest(piece) } }
    }

    /// Whether the pieces that wait for decoding are few enough to go on.
    var hasRoom: Bool { undecoded.withLock { $0 } < Self.mostUndecoded && !fill.isPaused }

    private static let mostUndecoded: Int64 = 256 << 10

    /// Called on the strand whenever a piece was decoded; set before the first piece.
    var decodedSome: (@Sendable () -> Void)?

    /// Whether all that has come waits here, so that ``finishHere(trailers:mayExamine:)`` can do the whole work.
    var isGathered: Bool { plan.largestExpansion == nil && gatheredSize == given }

    /// Does the whole work for a body that is gathered, where it is called; blocks.
    ///
    /// Nothing else may be called before or after. `mayExamine` says whether there is time to look into the body.
    func finishHere(trailers: Fields, mayExamine: Bool) -> Ending {
        for piece in gathered { ingest(piece) }
        gathered = []
        return conclude(trailers, mayExamine: mayExamine)
    }

    /// The origin's answer is over; `done` is called on the strand when the bytes are stored, or are not.
    func finish(trailers: Fields, done: @escaping @Sendable (Ending) -> Void) {
        let pieces = gathered
        gathered = []
        strand.submit {
            for piece in pieces { self.ingest(piece) }
            done(self.conclude(trailers))
        }
    }

    /// The origin's answer broke off; what is staged is abandoned once its readers have gone.
    func abandon(_ failure: FillFailure, done: @escaping @Sendable (Ending) -> Void) {
        strand.submit {
            self.sink = nil
            done(.failed(self.failure ?? failure))
        }
    }

    // MARK: - On the strand

    private func decode(_ bytes: [UInt8]) {
        defer {
            undecoded.withLock { $0 -= Int64(bytes.count) }
            decodedSome?()
        }
        guard failure == nil else { return }
        bytesIn += Int64(bytes.count)
        do throws(GzipDecoder.Failure) {
            if decoder == nil { decoder = try GzipBox() }
            try decoder?.decoder.decode(bytes) { output throws(GzipDecoder.Failure) in
                let total = size + Int64(output.count)
                if total > 1 << 20, total / max(1, bytesIn) > plan.largestExpansion ?? .max {
                    throw GzipDecoder.Failure(
                        reason: "the gzip stream expands more than \(plan.largestExpansion ?? 0) times")
                }
                // Decoding waits for the store by itself: both run on this strand.
                _ = fill.append(output)
                ingest(output)
                if failure != nil { throw GzipDecoder.Failure(reason: failure?.reason ?? "") }
            }
        } catch {
            fail(error.reason)
        }
    }

    private func ingest(_ bytes: [UInt8]) {
        guard failure == nil else { return }
        size += Int64(bytes.count)
        guard size <= plan.largestBody else {
            return fail("the body is larger than \(plan.largestBody) bytes, the largest that is accepted")
        }
        hasher?.update(bytes)
        guard !stagingFailed else { return }
        guard plan.isKept else {
            // Small bodies are judged and sent from the fill's memory.
            guard size > Fill.smallBody else { return }
            stagingFailed = true
            return fill.stagingFailed(StoreError(.rejected, "store the body", "it may hold a token"))
        }
        do throws(StoreError) {
            if sink == nil {
                small.append(bytes)
                guard size > Fill.smallBody || plan.length ?? 0 > Fill.smallBody else { return }
                let opened = try store.stage(scope: plan.scope, expectedSize: plan.length)
                sink = opened
                fill.willStage(through: opened.reader())
                for piece in small { try opened.append(piece) }
                small = []
            } else {
                try sink?.append(bytes)
            }
            fill.staged(upTo: size)
        } catch {
            stagingFailed = true
            sink = nil
            small = []
            fill.stagingFailed(error)
        }
    }

    private func conclude(_ trailers: Fields, mayExamine: Bool = true) -> Ending {
        if failure == nil, let decoder, !decoder.decoder.isComplete { fail("the gzip stream ends before its end") }
        // A body announced as gzip that has no byte at all is no gzip, but every client takes it for an empty body.
        guard failure == nil, let hasher else {
            return .failed(failure ?? FillFailure(status: 502, reason: "no digest"))
        }
        self.hasher = nil
        let digest = hasher.finish()
        var completion = Fill.Completion(digest: digest, size: size, trailers: trailers, blob: nil)
        guard !stagingFailed, plan.isKept else { return .complete(completion) }
        do throws(StoreError) {
            if let sink {
                let blob = try sink.commit(digest: digest, size: size)
                completion.blob = blob
                // Before anybody can evict it.
                completion.reader = try store.open(blob)
            } else {
                let bytes = small.count == 1 ? small[0] : Array(small.joined())
                completion.blob = try store.put(bytes, digest: digest, scope: plan.scope)
                if mayExamine { plan.examine(digest, bytes) }
            }
        } catch {
            fill.stagingFailed(error)
        }
        sink = nil
        return .complete(completion)
    }

    private func fail(_ reason: String) {
        failure = FillFailure(status: 502, reason: reason)
        sink = nil
        // Readers learn it at once; the producer with its next piece or at the end.
        fill.fail(FillFailure(status: 502, reason: reason))
    }
}

/// A decoder that can stand in an optional property.
private final class GzipBox {
    var decoder: GzipDecoder

    init() throws(GzipDecoder.Failure) { decoder = try GzipDecoder() }
}
