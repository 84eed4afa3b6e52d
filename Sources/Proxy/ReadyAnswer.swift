import Cache
import Core
import Inspection
import Sessions
import Storage
import Wire

/// A stored answer that went out before, with everything that does not change from one use to the next.
///
/// It is for one session, one field section and one request target. What may change is asked at each use: whether the stored
/// responses of the key are still the same (by their stamp), and once a second whether they are still fresh.
///
/// Judging is a function of the body's facts, the URL and the request, all of which are the same here, so that its outcome is
/// too.
// Confined to its loop.
final class ReadyAnswer {
    /// The request line's target as it came.
    let target: [UInt8]
    let url: RequestURL
    let recordedURL: String
    let verdict: RequestVerdict
    let result: ExchangeRow.Result
    let judgement: [UInt8]
    let entry: StoredEntry
    /// The body's bytes in the store, for bodies that memory does not keep, or not for long.
    let reader: (any BlobReader)?

    private let key: FillKey
    private let stamp: UInt64
    private let entries: [StoredEntry]
    private let fields: Fields
    private let acceptsGzip: Bool
    /// The head as it is sent, up to the value of `Age`.
    private let headStart: [UInt8]
    private let targetText: [UInt8]
    private let answerText: [UInt8]
    private let bodyText: [UInt8]
    private let fillText: [UInt8]
    private var second: Int64
    private var age: Int64
    /// When it was used last, for forgetting it.
    private(set) var lastUse: MonotonicTime

    /// Keeps what an exchange has found and sent.
    ///
    /// - Returns: `nil` when something of it was for that exchange only.
    init?(
        _ exchange: Exchange, in section: RepeatedSection, entry: StoredEntry, age: Int64, result: ExchangeRow.Result,
        judgement: [UInt8]
    ) {
        guard let url = exchange.url, let verdict = exchange.verdict, let head = exchange.responseHead,
            let whole = exchange.whole, whole.digest == entry.response.digest, let delivery = exchange.delivery
        else { return nil }
        let key = FillKey(partition: entry.response.partition, key: url.key)
        guard let (entries, stamp) = exchange.loop.cache.recollection(key) else { return nil }
        switch delivery.source {
        case .bytes: reader = exchange.bodyReader
        case .reader(let reader): self.reader = reader
        case .none, .fill: return nil
        }
        target = exchange.request.target
        self.url = url
        recordedURL = exchange.recordedURL
        self.verdict = verdict
        self.result = result
        self.judgement = judgement
        self.entry = entry
        self.key = key
        self.stamp = stamp
        self.entries = entries
        self.age = age
        second = exchange.started.seconds
        lastUse = exchange.startedMonotonic
        fields = section.fields
        acceptsGzip = ContentCoding.acceptsGzip(section.fields)

        var head1 = head
        head1.fields.remove("Age")
        var line = head1
        line.version = .http11
        var bytes: [UInt8] = []
        line.serialise(into: &bytes)
        // The empty line makes room for one more field.
        bytes.removeLast(2)
        headStart = bytes + "Age: ".utf8

        var text = RecordText()
        text.appendTarget(method: exchange.request.method, url: recordedURL, session: exchange.session)
        targetText = text.bytes
        text = RecordText()
        text.appendAnswer(
            status: head.status, reasonPhrase: head.reason, fields: head1.fields, session: exchange.session)
        answerText = text.bytes + ",\"Age\":[\"".utf8
        text = RecordText()
        text.appendBody(source: .cache, size: whole.size, delivered: whole.size, digest: whole.digest)
        bodyText = text.bytes
        text = RecordText()
        if exchange.fillNanoseconds > 0 { text.number("fill-duration-ns", exchange.fillNanoseconds) }
        fillText = text.bytes
    }

    /// About how many bytes of memory it takes.
    var cost: Int { 1_024 + headStart.count + targetText.count + answerText.count + bodyText.count + judgement.count }

    /// Where the body is, or `nil` when the answer may not be used as it is any more.
    func use(_ cache: ResponseCache, now: WallTime, at moment: MonotonicTime) -> Delivery.Source? {
        lastUse = moment
        let second = now.seconds
        if second != self.second {
            let decision = CacheDecision.of(
                entries, for: fields, acceptsGzip: acceptsGzip, hasOwnCredentials: false, now: second)
            guard case .use(let chosen, let age) = decision, chosen === entry else { return nil }
            self.age = age
            self.second = second
        }
        switch cache.recall(key, stamp: stamp, body: entry.response.digest) {
        case .body(let bytes): return .bytes(bytes)
        case .unchanged:
            guard let reader else { return nil }
            reader.noteReuse()
            return .reader(reader)
        case .changed: return nil
        }
    }

    /// The head as it is sent now.
    var head: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headStart.count + 24)
        bytes += headStart
        DecimalText.append(age, to: &bytes)
        bytes += [0x0d, 0x0a, 0x0d, 0x0a]
        return bytes
    }

    /// The record of one use; see ``RecordText``.
    func text(started: TimeText, ended: WallTime, duration: Duration, address: [UInt8], request: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(
            224 + targetText.count + address.count + request.count + answerText.count + bodyText.count)
        bytes += "{\"start-time\":\"".utf8
        started.append(to: &bytes)
        bytes += "\",\"end-time\":\"".utf8
        started.append(ended, to: &bytes)
        bytes += "\",".utf8
        bytes += targetText
        bytes.append(UInt8(ascii: ","))
        bytes += address
        bytes.append(UInt8(ascii: ","))
        bytes += request
        bytes.append(UInt8(ascii: ","))
        bytes += answerText
        DecimalText.append(age, to: &bytes)
        bytes += "\"]},".utf8
        bytes += bodyText
        bytes += ",\"duration-ns\":".utf8
        DecimalText.append(duration.wholeNanoseconds, to: &bytes)
        if !fillText.isEmpty {
            bytes.append(UInt8(ascii: ","))
            bytes += fillText
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}

/// A time with its text, which is the same up to the second for many times that follow each other.
struct TimeText {
    let time: WallTime
    private let second: Int64
    /// The text up to and with the dot.
    private let start: [UInt8]

    init(_ time: WallTime) {
        self.time = time
        second = time.seconds
        start = Array(time.rfc3339.utf8.prefix(20))
    }

    /// The text of another time, with what can be kept of this one's.
    func at(_ time: WallTime) -> TimeText {
        time.seconds == second ? TimeText(time: time, second: second, start: start) : TimeText(time)
    }

    private init(time: WallTime, second: Int64, start: [UInt8]) {
        self.time = time
        self.second = second
        self.start = start
    }

    /// Appends the text (RFC 3339 with nine digits).
    func append(to bytes: inout [UInt8]) {
        bytes += start
        DecimalText.append(UInt64(time.nanoseconds - second * 1_000_000_000), width: 9, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// Appends the text of another time.
    func append(_ other: WallTime, to bytes: inout [UInt8]) {
        if other.seconds == second { at(other).append(to: &bytes) } else { bytes += other.rfc3339.utf8 }
    }
}
