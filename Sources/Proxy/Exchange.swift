import Cache
import Core
import Cryptography
import Inspection
import Relay
import Sessions
import Storage
import Platform
import Wire

/// One request of a session and what becomes of it.
///
/// The life of an exchange, and the function that makes each move:
///
///     inspect     may the request be made?            begin()
///     authorize   does it get a secret?               chooseSecret(for:)    Exchange+Secret
///     look up     is the answer stored?               lookUp()              Exchange+Lookup
///     serve       a stored answer is sent             serve(_:age:)         Exchange+Serve
///     fill        the origin is asked, or joined      fill(_:)              Exchange+Fill
///     upload      the request's body goes out         takeBody(_:)          Exchange+Upload
///     head        what the client will get is known   headArrived(_:)       Exchange+Fill
///     deliver     bytes go as they come               pump()                Delivery
///     examine     the body is judged                  examine(_:)           Exchange+Conclude
///     record      the record is made durable          record(_:then:)       Exchange+Conclude
///     release     what was held goes                  release()             Exchange+Conclude
///     end         the connection is free again        end()
///
/// A refusal or a failure of our own goes straight to record (Exchange+Refusal).
// Confined to its loop; the closures that carry it to pools only bring it back.
final class Exchange: @unchecked Sendable {
    /// Where it stands; only for deciding what a change from outside may still do.
    enum Phase {
        case starting, lookingUp, waiting, delivering, concluding, recording, released, ended
    }

    let loop: ProxyLoop
    let session: Session
    /// The session as the loop has it, with what it uses.
    let member: ProxyLoop.Member
    /// Which of the session's limits this exchange crosses, in words.
    let limitCrossed: String?
    /// The request as the client sent it, without `Proxy-Authorization`.
    let request: RequestHead
    let requestFraming: BodyFraming
    /// What is asked for; `nil` when that could not be understood.
    let url: RequestURL?
    let recordedURL: String
    private(set) var connection: ClientConnection?
    /// The client's address.
    let client: ClientAddress

    let started = WallTime.now()
    let startedMonotonic: MonotonicTime
    var phase = Phase.starting
    var verdict: RequestVerdict?

    // What is sent.
    var delivery: Delivery?
    var responseHead: ResponseHead?
    var source = ExchangeLog.Source.none
    var mayPersist = true

    // Where it comes from.
    var partition = Partition.shared
    var hasCredentials = false
    var fill: Fill?
    var fillToken = 0
    var driver: FillDriver?
    var isLeader = false
    var attempts = 0
    /// The whole body, once all of it is known.
    var whole: (digest: SHA256Digest, size: Int64, body: Examiner.Body, scope: BlobScope)?
    /// Where the bytes of a stored body can be had when memory does not keep them.
    var bodyReader: (any BlobReader)?
    /// The stored answer that is sent, and its `Age`.
    var served: (entry: StoredEntry, age: Int64)?
    /// How long the download took that a stored answer spares.
    var fillNanoseconds: Int64 = 0
    /// What we answer with instead of the whole: a condition's outcome or a range.
    var form = Form.whole
    /// Why the origin is asked.
    var forward = CacheStatus.Forward.uriMiss
    /// A stored answer that may stand in when the origin cannot answer.
    var standIn: StoredEntry?
    /// Stored answers that the answer to this HEAD tells about.
    var toldByHead: [StoredEntry] = []
    /// Whether another's download was waited for, whose answer was not for this request.
    var waitedInVain = false
    /// How the cache handled the request, for the client.
    var cacheStatus: CacheStatus?
    /// Why the answer is our own, for the client.
    var proxyStatus: ProxyStatus?
    /// Whether the origin is asked for the client's range and not for the whole, and why.
    var relayReason: String?
    /// The length of the body of which a range is sent.
    var wholeSize: Int64?
    /// The `Content-Type` of the body, which that of several ranges is not.
    var wholeType: String?
    /// The origin has said that stored answers are right since this second, which is all that the request wants to know.
    var validatedSince: Int64?

    // The request's body.
    var uploadDigest: SHA256Stream?
    var uploadSize: Int64 = 0
    var mayUpload = false
    var isUploadComplete = false
    var continueTimer: Timer?

    /// The session's secret that the request is for; `nil` for nearly all.
    var secretUse: SecretUse?

    // The end.
    /// How it is answered, where that does not follow from where the answer comes from.
    var ending: ExchangeOutcome?
    var number: Int64?
    /// What follows when the row is durable; nothing means ``release()``.
    var afterRecord: (() -> Void)?
    var inspectionTimer: Timer?
    var isCut = false
    var cutReason = ""
    /// Since when the record is being waited for.
    var recordingSince = MonotonicTime(nanoseconds: 0)
    var trickleTimer: Timer?
    var pace = ReaderPace()
    /// What the client had taken when the last round came by.
    var takenBefore: Int64 = 0

    /// The head of an answer whose length an HTTP/1.0 client must wait for.
    var pendingHead: ResponseHead?
    /// Whether the row says that the inspection has not concluded.
    var hasUnconcludedRow = false
    /// A verdict that came before the row had its number.
    var lateOutcome: (result: ExchangeRow.Result, judgement: [UInt8])?

    /// What the client gets of a body.
    enum Form: Equatable {
        case whole
        case notModified
        case range(ByteRange)
        case parts(MultipartRanges)
    }

    init(
        loop: ProxyLoop, connection: ClientConnection, session: Session, request: RequestHead, framing: BodyFraming,
        url: RequestURL?, recordedURL: String
    ) {
        self.loop = loop
        self.connection = connection
        self.session = session
        self.request = request
        requestFraming = framing
        self.url = url
        self.recordedURL = recordedURL
        member = loop.member(for: session)
        limitCrossed = member.ledger.addExchange()
        client = connection.address
        startedMonotonic = loop.loop.now
        mayPersist = request.wantsPersistence
        loop.opened(self)
    }

    /// A request that was answered before; see ``begin(_:from:in:)``.
    init(
        loop: ProxyLoop, connection: ClientConnection, member: ProxyLoop.Member, section: RepeatedSection,
        answer: ReadyAnswer
    ) {
        self.loop = loop
        self.connection = connection
        self.member = member
        limitCrossed = member.ledger.addExchange()
        session = section.session
        request = RequestHead(method: "GET", target: answer.target, fields: section.fields)
        requestFraming = .none
        url = answer.url
        recordedURL = answer.recordedURL
        client = connection.address
        startedMonotonic = loop.loop.now
        loop.opened(self)
    }

    var settings: ProxySettings { loop.settings }
    var engine: InspectionEngine { member.engine }
    var isStrict: Bool { session.policy == .strict }
    var hasRequestBody: Bool { requestFraming != .none && requestFraming != .length(0) }

    // MARK: - Beginning

    /// Inspects the request and goes on to the cache or to the origin.
    func begin() {
        guard let url else { preconditionFailure("an exchange without a URL can only be refused") }
        guard request.method != "TRACE" else {
            return refuse(
                405, "TRACE is not forwarded", fields: [("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")])
        }
        guard request.expectation != .unknown else {
            return refuse(417, "only the expectation 100-continue is known here")
        }
        guard !Via.names(loop.context.pseudonym, in: request.fields) else {
            return refuse(508, "the request has passed this proxy before: it would go round for ever")
        }
        let verdict = engine.inspectRequest(
            InspectedRequest(
                method: request.method, url: recordedURL, isOrdinary: url.isOrdinary, fields: request.fields,
                policy: session.policy))
        self.verdict = verdict
        if isStrict, !verdict.isPending || verdict.isRejected {
            let why = verdict.refusalReason
            return refuse(
                403, "download authorization denied: request rejected by inspectors" + (why.isEmpty ? "" : ": \(why)"))
        }
        if case .length(let length) = requestFraming, length > settings.largestBody {
            return refuse(
                413, "the request's body is larger than \(settings.largestBody) bytes, the most that is accepted")
        }
        // Nearly all sessions have none.
        if session.secrets != nil, !chooseSecret(for: url) { return }
        if hasRequestBody || request.method != "GET" && request.method != "HEAD" {
            passThrough()
        } else {
            lookUp()
        }
    }

    // MARK: - Sending

    /// Makes the answer's head ready for this client and starts the delivery.
    ///
    /// `length` is that of the body as it will be sent; `nil` when it is not known yet.
    func startDelivery(
        _ head: ResponseHead, source: Delivery.Source, start: Int64 = 0, end: Int64?, length: Int64?,
        parts: MultipartRanges? = nil
    ) {
        var head = head
        HopByHop.strip(response: &head.fields)
        head.fields.remove("Content-Length")
        var framing = Delivery.Framing.length
        let isBodyless = request.method == "HEAD" || head.status == 204 || head.status == 304 || head.status < 200
        if isBodyless {
            if request.method == "HEAD", let length, head.status != 204, head.status != 304 {
                head.fields.append("Content-Length", String(length))
            }
        } else if let length {
            head.fields.append("Content-Length", String(length))
        } else {
            precondition(request.version == .http11, "HTTP/1.0 has no chunks")
            head.fields.append("Transfer-Encoding", "chunked")
            if wantsDigestTrailer(head) { head.fields.append("Trailer", "Repr-Digest") }
            framing = .chunked
        }
        if !isUploadComplete, hasRequestBody { mayPersist = mayPersist && unreadBodyIsSmall }
        if connection?.mayStay != true { mayPersist = false }
        if !mayPersist {
            head.fields.append("Connection", "close")
        } else if request.version == .http10 {
            head.fields.append("Connection", "keep-alive")
        }
        let pseudonym = loop.context.pseudonym
        Via.append(to: &head.fields, received: head.version, pseudonym: pseudonym)
        cacheStatus?.append(to: &head.fields, cache: pseudonym)
        proxyStatus?.append(to: &head.fields, proxy: pseudonym)
        responseHead = head
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        var line = head
        line.version = .http11
        line.serialise(into: &bytes)
        delivery = Delivery(
            head: bytes, source: isBodyless ? .none : source, framing: framing, start: isBodyless ? 0 : start,
            end: isBodyless ? 0 : end, parts: isBodyless ? nil : parts)
        phase = .delivering
    }

    /// Starts the delivery of what ``form`` says, out of a body of which `source` gives all bytes.
    func startDelivery(_ head: ResponseHead, from source: Delivery.Source, size: Int64?) {
        switch form {
        case .notModified: startDelivery(head, source: .none, end: 0, length: 0)
        case .whole: startDelivery(head, source: source, end: size, length: size)
        case .range(let range):
            startDelivery(head, source: source, start: range.first, end: range.last + 1, length: range.count)
        case .parts(let parts):
            startDelivery(
                head, source: source, start: parts.parts[0].first, end: parts.parts[0].last + 1,
                length: parts.contentLength, parts: parts)
        }
    }

    /// Sends what may be sent now.
    func pump() {
        guard phase == .delivering || phase == .concluding || phase == .recording || phase == .released,
            let connection
        else { return }
        guard connection.flush() else { return }
        let before = delivery?.sent ?? 0
        let step = delivery?.pump(connection.stream) ?? .waiting
        let sent = delivery?.sent ?? 0
        if sent > before {
            if before == 0 { loop.counters.answerBegan(outcome, after: nanoseconds) }
            loop.counters.sent(Int(sent - before), of: source)
            connection.progressed()
        }
        if case .blocked = step {
            pace.note(isFull: true, now: loop.loop.now)
        } else {
            pace.note(isFull: false, now: loop.loop.now)
        }
        switch step {
        case .finished: end()
        case .waiting, .blocked: break
        case .turn: connection.stream.requestTurn()
        case .clientFailed(let reason): clientFailed("the client is gone: \(reason)")
        case .sourceFailed(let reason): sourceFailed(reason)
        case .storeFailed(let error): sourceFailed("the stored body cannot be read: \(inPublic(error))")
        }
    }

    /// How long it has been under way, by the clock of the loop.
    var nanoseconds: Int { Int(truncatingIfNeeded: loop.loop.now.nanoseconds &- startedMonotonic.nanoseconds) }

    /// All is over; the connection takes the next request or closes.
    func end() {
        guard phase != .ended else { return }
        phase = .ended
        letGo()
        let connection = connection
        self.connection = nil
        loop.closed(self)
        connection?.exchangeEnded(self, mayPersist: mayPersist)
    }

    /// Gives up the client's connection so that the client sees that something is missing, and ends.
    func abort() {
        guard phase != .ended else { return }
        phase = .ended
        ending = ending ?? .aborted
        letGo()
        let connection = connection
        self.connection = nil
        loop.closed(self)
        connection?.abort()
    }

    /// Gives up the client's connection while the record is still under way; the exchange ends with that.
    func leaveClient() {
        let connection = connection
        self.connection = nil
        connection?.abort()
    }

    /// Leaves the fill; a download that nobody else may use ends.
    func letGo() {
        continueTimer?.cancel()
        inspectionTimer?.cancel()
        trickleTimer?.cancel()
        guard let fill else { return }
        self.fill = nil
        fill.leave(fillToken)
        if let driver, isLeader {
            driver.owner = nil
            let isShared = fill.key.partition == .shared && driver.admission?.head.isShareable != false
            if !isShared, fill.readers == 0 { driver.cancel("the client has gone") }
        }
        driver = nil
    }
}
