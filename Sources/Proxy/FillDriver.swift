import Cache
import Core
import Inspection
import Relay
import Sessions
import Storage
import Platform
import Wire

/// Who started a fill and may take part in it: the exchange of its first client.
protocol FillOwner: AnyObject {
    /// An interim answer (1xx) of the origin.
    func fillInterim(_ head: ResponseHead)
    /// The request's body may be sent, or more of it.
    func fillWantsBody()
}

/// Drives one download: asks the origin, feeds the fill, enters the result.
///
/// The life of a download, and who makes each move:
///
///     connecting   a connection is being had       start()
///     asking       the request is sent             connected(_:)
///     receiving    the head has come               originHead(_:_:_:)
///     looking      its beginning may show a secret lookThrough(_:isEnd:)    FillDriver+Echo
///     storing      all bytes have come             originEnd(_:_:)
///     ended        complete, failed, or 304        end(_:)
///
/// It belongs to its loop and not to its first client, who may leave.
// Confined to its loop; it travels through the strand only to come back to the loop.
final class FillDriver: OriginDelegate, @unchecked Sendable {
    /// What to ask, and what its answer may be used for.
    struct Order {
        var url: RequestURL
        /// As it goes to the origin: end-to-end fields, ours put in.
        var head: RequestHead
        var framing: BodyFraming
        var admission: Admission.Request
        /// The stored response that the request's conditions are about.
        var validates: StoredEntry?
        /// Whose connection it must be, because it carries credentials.
        var credentialScope: String?
        /// The session's secret that the origin gets, and that must not come back.
        var secret: Secret?
        /// Whether the body of the answer may be stored.
        var keepsBody = true
        /// What finds out about the body.
        var engine: InspectionEngine
        /// The turn of the session that began it.
        var lane: Int
    }

    private let loop: ProxyLoop
    let fill: Fill
    let order: Order
    /// Where it is counted: what the session that began it uses.
    private let ledger: SessionLedger
    /// Bytes that were counted there.
    private var counted: Int64 = 0
    weak var owner: (any FillOwner)?
    /// The head for the owner alone, once known.
    private(set) var admission: Admission?

    private var request: Cancellable?
    private var connection: OriginConnection?
    private var ingest: BodyIngest?
    private var started = MonotonicTime(nanoseconds: 0)
    private var requestTime: Int64 = 0
    private var responseTime: Int64 = 0
    private var mayRetry: Bool
    private var hasEnded = false
    private var hasSentBody = false
    /// Whether the body is among those that wait to be stored together.
    private var isArrived = false
    /// What is needed to go on when the connection breaks: the origin's fields and the body's length.
    private var resumable: (fields: Fields, size: Int64)?
    /// Bytes of the body that have come.
    private var taken: Int64 = 0
    private var resumptions = 0
    /// The request for the rest, and why it is made.
    private var resuming: (head: RequestHead, failure: FillFailure)?
    /// Bytes of the rest that were there already.
    private var skip: Int64 = 0
    private var isCountedWhole = false
    /// What has come of an answer that must not hold a secret, until enough of it was looked through.
    var held: [UInt8]?
    /// Since when nobody reads, and how much had come by then.
    private var orphaned: (since: MonotonicTime, received: Int64)?

    /// Makes a download that `ledger` has counted, and counts it off at its end.
    init(loop: ProxyLoop, fill: Fill, ledger: SessionLedger, order: Order) {
        self.loop = loop
        self.fill = fill
        self.ledger = ledger
        self.order = order
        mayRetry = order.framing == .none && order.head.isIdempotent
    }

    // MARK: - Asking

    func start() {
        loop.started(self)
        loop.counters.openFills.add()
        started = loop.loop.now
        acquire(fresh: false)
    }

    private func acquire(fresh: Bool) {
        let key = OriginKey(
            scheme: order.url.scheme, authority: order.url.authority,
            upstreamProxy: loop.upstream.proxy(for: order.url.scheme, authority: order.url.authority),
            credentialScope: order.credentialScope)
        request = loop.pool.acquire(key, fresh: fresh) { [weak self] result in
            guard let self, !hasEnded else {
                if case .success(let connection) = result { connection.cancel() }
                return
            }
            request = nil
            switch result {
            case .success(let connection): connected(connection)
            case .failure(let error): failed(error)
            }
        }
    }

    private func connected(_ connection: OriginConnection) {
        self.connection = connection
        connection.belongs(to: order.admission.session.lane)
        connection.delegate = self
        let authorization = order.secret?.credentials?.authorization
        if let resuming {
            return connection.start(head: resuming.head, body: .none, authorization: authorization)
        }
        requestTime = WallTime.now().seconds
        connection.start(head: order.head, body: order.framing, authorization: authorization)
        if order.framing != .none { owner?.fillWantsBody() }
    }

    /// Hands over a piece of the request's body.
    ///
    /// - Returns: How many bytes were taken; with less than all, wait for `fillWantsBody`.
    func sendBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let connection else { return 0 }
        let taken = connection.sendBody(bytes)
        if taken > 0 { hasSentBody = true }
        return taken
    }

    func endBody(trailers: Fields?) { connection?.endBody(trailers: trailers) }

    /// Whether the body is stored, as far as it can be.
    var keepsBody: Bool { order.keepsBody }

    /// Whether a connection is there to take the request's body.
    var takesBody: Bool { connection != nil }

    /// Ends the download because nobody may use it any more.
    func cancel(_ reason: String) {
        guard !hasEnded else { return }
        request?.cancel()
        connection?.delegate = nil
        connection?.cancel()
        loop.cache.fills.close(fill)
        // All of it is here already.
        guard !isArrived else { return }
        broken(FillFailure(status: 502, reason: reason, isFirstClients: true))
    }

    /// Called once a second: a download that nobody reads goes on for a while, in case somebody comes back for it.
    func sweep(now: MonotonicTime) {
        guard !hasEnded else { return }
        guard fill.readers == 0 else {
            orphaned = nil
            return
        }
        let received = fill.look(nil).received
        guard let orphaned else {
            if fill.key.partition != .shared { return cancel("nobody reads it any more") }
            self.orphaned = (now, received)
            return
        }
        let seconds = (now - orphaned.since).inSeconds
        let bytes = received - orphaned.received
        let limits = loop.settings.orphans
        if bytes > limits.mostBytes || seconds > limits.longest.inSeconds {
            cancel("nobody reads it, and what such downloads may cost is used up")
        } else if seconds > limits.trial.inSeconds, Double(bytes) / seconds < Double(limits.leastRate) {
            cancel("nobody reads it, and it is slow")
        }
    }

    // MARK: - The origin's answer

    func originInterim(_ connection: OriginConnection, _ head: ResponseHead) {
        // Others than 100 are not looked through.
        if order.secret == nil || head.status == 100 { owner?.fillInterim(head) }
    }

    func originWritable(_ connection: OriginConnection) { owner?.fillWantsBody() }

    func originHead(_ connection: OriginConnection, _ head: ResponseHead, _ framing: BodyFraming) {
        if let resuming { return resumed(connection, head, resuming.failure) }
        responseTime = WallTime.now().seconds
        if order.secret != nil {
            if let failure = lookThrough(head) { return refuse(connection, failure) }
            held = []
        }
        if let stored = order.validates, head.status == 304 { return validated(stored, by: head) }
        if head.status == 304 && order.admission.method == "GET"
            || head.status == 206 && !order.head.fields.contains("Range")
        {
            return refuse(
                connection,
                FillFailure(
                    status: 502, reason: "the origin answered \(head.status) to a request that did not ask for it"))
        }
        let length: Int64? =
            switch framing {
            case .none: order.head.method == "HEAD" ? head.fields.first("Content-Length").flatMap(Int64.init) : 0
            case .length(let length): length
            case .chunked, .untilClose: nil
            }
        let admission = Admission(
            request: order.admission, response: head, length: length, responseTime: responseTime)
        self.admission = admission
        if let length, length > loop.settings.largestBody {
            connection.delegate = nil
            connection.cancel()
            return broken(
                FillFailure(
                    status: 502,
                    reason: "the body has \(length) bytes, more than the \(loop.settings.largestBody) accepted"))
        }
        if case .length(let bytes) = framing, !admission.mustDecode {
            if let refusal = ledger.addStaged(bytes, own: 0) {
                connection.delegate = nil
                connection.cancel()
                return broken(FillFailure(status: 429, reason: refusal))
            }
            counted = bytes
            isCountedWhole = true
        }
        var plan = BodyIngest.Plan(
            scope: admission.scope, length: admission.mustDecode ? nil : length, isKept: order.keepsBody,
            largestExpansion: admission.mustDecode ? loop.settings.largestExpansion : nil,
            largestBody: loop.settings.largestBody, lane: order.lane)
        if head.status == 200, order.head.method == "GET", order.framing == .none, !admission.mustDecode, let length {
            resumable = (head.fields, length)
        }
        if (200..<300).contains(head.status) {
            plan.examine = { [examiner = loop.context.examiner, engine = order.engine, ledger] digest, bytes in
                examiner.prepare(digest, bytes, engine: engine, ledger)
            }
        }
        let ingest = BodyIngest(
            fill: fill, store: loop.cache.blobs, pool: loop.context.storagePool, plan: plan)
        let resume: @Sendable () -> Void = { [weak self, loop = loop.loop] in
            guard let self else { return }
            loop.execute { self.resumeIfRoom() }
        }
        ingest.decodedSome = resume
        fill.onResume(resume)
        self.ingest = ingest
        if !admission.head.isShareable { loop.cache.fills.close(fill) }
        if held == nil { fill.begin(admission.head) }
    }

    /// Gives up the answer that a connection brings.
    private func refuse(_ connection: OriginConnection, _ failure: FillFailure) {
        self.connection = nil
        connection.delegate = nil
        connection.cancel()
        broken(failure)
    }

    func originBody(_ connection: OriginConnection, _ bytes: [UInt8]) {
        loop.counters.received.add(bytes.count)
        guard let ingest, !hasEnded else { return }
        var bytes = bytes
        if skip > 0 {
            let known = Int(min(skip, Int64(bytes.count)))
            skip -= Int64(known)
            bytes = Array(bytes[known...])
            guard !bytes.isEmpty else { return }
        }
        taken += Int64(bytes.count)
        if let resumable, taken > resumable.size {
            connection.delegate = nil
            connection.cancel()
            let failure = FillFailure(status: 502, reason: "the origin sent more of the rest than there is")
            return ingest.abandon(failure) { [self] in ended($0) }
        }
        if case .failed = fill.look(nil).progress {
            // Decoding found that the body is no good.
            connection.delegate = nil
            connection.cancel()
            return ingest.abandon(FillFailure(status: 502, reason: "the body is damaged")) { [self] in ended($0) }
        }
        if let refusal = countMore(Int64(bytes.count)) {
            connection.delegate = nil
            connection.cancel()
            return ingest.abandon(FillFailure(status: 429, reason: refusal)) { [self] in ended($0) }
        }
        if held != nil {
            do throws(FillFailure) {
                guard let cleared = try lookThrough(bytes, isEnd: false) else { return }
                bytes = cleared
            } catch {
                return refuse(connection, error)
            }
        }
        if ingest.take(bytes) == .pause { connection.pauseReading() }
    }

    /// Counts a body whose length was not known, some ahead; the refusal when the session that began it has its share.
    ///
    /// One that other sessions read as well goes on all the same.
    private func countMore(_ bytes: Int64) -> String? {
        guard !isCountedWhole else { return nil }
        let needed = fill.look(nil).received + bytes
        guard needed > counted else { return nil }
        let step = max(needed - counted, Self.countingStep)
        if let refusal = ledger.addStaged(step, own: counted) {
            return fill.isRead(byOthersThan: order.admission.session) ? nil : refusal
        }
        counted += step
        return nil
    }

    private static let countingStep: Int64 = 1 << 20

    private func resumeIfRoom() {
        guard !hasEnded, let ingest, ingest.hasRoom else { return }
        connection?.resumeReading()
    }

    func originEnd(_ connection: OriginConnection, _ trailers: Fields) {
        self.connection = nil
        guard let ingest, !hasEnded else { return }
        if let resumable, taken < resumable.size {
            return failed(OriginError(.closedEarly, "\(resumable.size - taken) bytes of the body are missing"))
        }
        var trailers = trailers
        if order.secret != nil {
            trailers = Fields()
            do throws(FillFailure) {
                if held != nil, let cleared = try lookThrough([], isEnd: true), !cleared.isEmpty {
                    _ = ingest.take(cleared)
                }
            } catch {
                return broken(error)
            }
        }
        if ingest.isGathered {
            isArrived = true
            loop.arrived.add(ingest, trailers, of: self)
        } else {
            ingest.finish(trailers: trailers) { [self] in ended($0) }
        }
    }

    func originFailed(_ connection: OriginConnection, _ error: OriginError) {
        self.connection = nil
        failed(error, on: connection)
    }

    private func failed(_ error: OriginError, on connection: OriginConnection? = nil) {
        if let connection, connection.isReused, !connection.hasReceivedAnything, mayRetry, !hasSentBody, !hasEnded {
            // The idle connection was dead; nothing of the request had an effect that a repetition doubles.
            mayRetry = false
            return acquire(fresh: true)
        }
        let failure = FillFailure(
            status: error.status, reason: error.reason, error: ProxyStatus.Failure(error, hasBegun: ingest != nil))
        if !resume(after: failure) { broken(failure) }
    }

    // MARK: - Going on after a broken connection

    /// Asks for the rest, on condition that the body is still the same (RFC 9110, sections 13.1.5 and 14.2).
    private func resume(after failure: FillFailure) -> Bool {
        guard let resumable, !hasEnded, taken < resumable.size, resumptions < loop.settings.mostResumptions else {
            return false
        }
        var head = order.head
        guard Resumption.ask(&head.fields, from: taken, stored: resumable.fields) else { return false }
        resumptions += 1
        loop.counters.resumedFills.add()
        resuming = (head, resuming?.failure ?? failure)
        acquire(fresh: true)
        return true
    }

    /// The answer to the request for the rest: every byte that was given to readers must go on being right.
    private func resumed(_ connection: OriginConnection, _ head: ResponseHead, _ failure: FillFailure) {
        guard let resumable else { preconditionFailure("only what can be resumed is") }
        let outcome = Resumption.judge(
            status: head.status, fields: head.fields, offset: taken, stored: resumable.fields, size: resumable.size)
        if case .continues(let skip) = outcome {
            self.skip = skip
            resuming = nil
            return
        }
        self.connection = nil
        connection.delegate = nil
        connection.cancel()
        broken(failure)
    }

    private func broken(_ failure: FillFailure) {
        if let ingest {
            ingest.abandon(failure) { [self] in ended($0) }
        } else {
            fill.fail(failure)
            end(.failed)
        }
    }

    /// The stored response goes on being right (RFC 9111, section 4.3.4).
    private func validated(_ stored: StoredEntry, by head: ResponseHead) {
        let key = FillKey(partition: stored.response.partition, key: stored.response.key)
        let selected = StoredEntry.selected(
            among: loop.cache.remembered(key) ?? [], asked: stored, by: head.fields,
            requestFields: order.admission.fields)
        for entry in selected {
            let fresh = entry.freshened(by: head.fields, requestTime: requestTime, responseTime: responseTime)
            if let fresh { loop.cache.refresh(entry, with: fresh) } else { loop.cache.invalidate(key) }
        }
        // About something else than we have: the stored response is used no more.
        if selected.isEmpty { loop.cache.invalidate(key) }
        loop.cache.fills.close(fill)
        fill.endNotModified()
        end(.notModified)
    }

    // MARK: - The end

    /// Called on the strand: what is stored is entered before anybody is told that the fill is complete.
    private nonisolated func ended(_ ending: BodyIngest.Ending) {
        loop.loop.execute { [self] in finish(ending) }
    }

    /// Enters what is stored and tells the readers that the fill has ended.
    func finish(_ ending: BodyIngest.Ending) {
        guard !hasEnded else { return }
        switch ending {
        case .complete(let completion):
            if let blob = completion.blob { enter(blob, completion) }
            loop.cache.fills.close(fill)
            fill.complete(completion)
            end(.complete)
        case .failed(let failure):
            loop.cache.fills.close(fill)
            fill.fail(failure)
            end(.failed)
        }
    }

    private func enter(_ blob: StoredBlob, _ completion: Fill.Completion) {
        let now = WallTime.now()
        guard let admission, var head = admission.storedHead else { return loop.cache.retain(blob, at: now) }
        head.version = .http11
        var bytes: [UInt8] = []
        head.serialise(into: &bytes)
        var response = StoredResponse(
            partition: admission.head.partition, key: fill.key.key, varyNames: admission.head.varyNames ?? [],
            variant: admission.head.variant, status: head.status, head: bytes, digest: completion.digest,
            size: completion.size, requestTime: requestTime, responseTime: responseTime, decoded: admission.mustDecode)
        response.assumedLifetime = admission.assumedLifetime
        response.fillNanoseconds = (loop.loop.now - started).wholeNanoseconds
        loop.cache.store(StoredEntry(response, head: head), blob: blob, at: now)
    }

    private func end(_ ending: LoopCounters.FillEnding) {
        guard !hasEnded else { return }
        hasEnded = true
        loop.counters.fillEnded(ending)
        ledger.removeFill()
        ledger.removeStaged(counted)
        loop.cache.fills.close(fill)
        loop.ended(self)
    }
}
