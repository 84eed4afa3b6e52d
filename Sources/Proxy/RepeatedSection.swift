import Glibc
import Core
import Sessions
import Wire

/// A field section that clients send again and again, byte by byte the same, and the answers that went out for it.
///
/// Most clients send the same fields with every request of a connection, so that only the request line says anything new. Such a
/// request is compared with the section as a whole instead of being parsed. A section is of one session, and in a tunnel of one
/// authority; it holds nothing that asks for a special answer.
// Confined to its loop.
final class RepeatedSection {
    /// What tells sections apart.
    struct Key: Hashable {
        var session: SessionID
        /// Scheme and authority of the tunnel; empty on the proxy port itself.
        var tunnel: String
        var bytes: [UInt8]
    }

    let key: Key
    let session: Session
    /// The fields without `Proxy-Authorization`.
    let fields: Fields
    /// `user-agent` and `request-header` of the record.
    let text: [UInt8]
    private var answers: [UInt64: ReadyAnswer] = [:]

    init(_ key: Key, session: Session, fields: Fields) {
        self.key = key
        self.session = session
        self.fields = fields
        var text = RecordText()
        text.appendRequest(fields, session: session)
        self.text = text.bytes
    }

    /// Whether a request with these fields may be answered with what went out before.
    ///
    /// Excluded is what asks for a part, for a condition, or for something of this hop, and what says who is asking.
    static func isOrdinary(_ head: RequestHead) -> Bool {
        guard head.method == "GET", head.version == .http11, head.wantsPersistence,
            head.fields.serialisedSize <= SharingRules.largestSharedHead
        else { return false }
        var isOrdinary = true
        head.fields.forEachRaw { name, _ in if special.contains(name) { isOrdinary = false } }
        return isOrdinary && SharingRules.credentialFields(head.fields).isEmpty
            && !SharingRules.requestKeepsPrivate(head.fields)
    }

    private static let special = FieldNameSet([
        "range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "expect", "via",
        "upgrade", "te", "trailer", "content-length", "transfer-encoding",
    ])

    // MARK: - Matching

    /// A request that consists of a known target and this section.
    struct Match {
        var answer: ReadyAnswer
        /// The length of the whole head.
        var length: Int
    }

    /// Finds the answer for the request that begins at `start`; `nil` when it must be read in the ordinary way.
    func match(_ input: [UInt8], from start: Int) -> Match? {
        let section = key.bytes
        // "GET", blank, a target, blank, "HTTP/1.1", CR LF
        let smallest = 4 + 1 + 11 + section.count
        guard input.count - start >= smallest else { return nil }
        return input.withUnsafeBufferPointer { bytes -> Match? in
            guard bytes[start] == 0x47, bytes[start + 1] == 0x45, bytes[start + 2] == 0x54, bytes[start + 3] == 0x20
            else { return nil }
            var end = start + 4
            var hash = UInt64(14_695_981_039_346_656_037)
            let last = bytes.count - section.count - 11
            while end <= last, bytes[end] > 0x20 {
                hash = (hash ^ UInt64(bytes[end])) &* 1_099_511_628_211
                end += 1
            }
            guard end <= last, bytes[end] == 0x20, let answer = answers[hash] else { return nil }
            let target = UnsafeBufferPointer(rebasing: bytes[start + 4..<end])
            let line = UnsafeBufferPointer(rebasing: bytes[end..<end + 11])
            let rest = UnsafeBufferPointer(rebasing: bytes[end + 11..<end + 11 + section.count])
            guard Self.isEqual(target, answer.target), Self.isEqual(line, Self.lineEnd), Self.isEqual(rest, section)
            else { return nil }
            return Match(answer: answer, length: end + 11 + section.count - start)
        }
    }

    private static let lineEnd = Array(" HTTP/1.1\r\n".utf8)

    private static func isEqual(_ bytes: UnsafeBufferPointer<UInt8>, _ other: [UInt8]) -> Bool {
        other.withUnsafeBufferPointer { other in
            guard bytes.count == other.count, let left = bytes.baseAddress, let right = other.baseAddress else {
                return false
            }
            return memcmp(left, right, bytes.count) == 0
        }
    }

    // MARK: - Learning

    var count: Int { answers.count }

    /// About how many bytes of memory the answers take.
    var cost: Int { answers.values.reduce(0) { $0 + $1.cost } }

    func removeAll() { answers = [:] }

    /// Keeps an answer; one with the same hash goes.
    func learn(_ answer: ReadyAnswer) { answers[Self.hash(answer.target)] = answer }

    /// Forgets an answer that may not be used any more.
    func forget(_ answer: ReadyAnswer) { answers[Self.hash(answer.target)] = nil }

    /// Forgets what was not used since then.
    func forget(unusedSince moment: MonotonicTime) {
        answers = answers.filter { $0.value.lastUse >= moment }
    }

    private static func hash(_ target: [UInt8]) -> UInt64 {
        target.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }
}
