import Core
import Sessions
import Wire

/// The JSON object of a recorded exchange while it is written, piece by piece (`report.md`, section 4).
///
/// The pieces stand in one order, so that those which are the same for many exchanges can be kept as bytes:
///
///     begin            times                       each exchange
///     appendTarget     method, URL                 each answer
///     address          the client's                each connection
///     appendRequest    the client's fields         each field section
///     appendAnswer     status, the answer's fields each answer, but for `Age`
///     appendBody       source, sizes, digest       each answer
///     durations        and what is rarely there    each exchange
struct RecordText {
    private(set) var bytes: [UInt8] = []

    /// Field values and reasons longer than this are recorded by their length and their beginning.
    private static let longestValue = 2_048
    private static let longestURL = 8_192

    /// Begins the object.
    mutating func begin(started: String, ended: String) {
        bytes.reserveCapacity(1_536)
        bytes.append(UInt8(ascii: "{"))
        bytes += "\"start-time\":\"\(started)\",\"end-time\":\"\(ended)\"".utf8
    }

    mutating func appendTarget(method: String, url: String, session: Session) {
        text("method", method)
        text("url", Self.url(url, session: session))
    }

    mutating func appendRequest(_ fields: Fields, session: Session) {
        text("user-agent", Self.shortened(fields.first("User-Agent") ?? ""))
        begin("request-header")
        append(fields, session)
        end()
    }

    /// Appends what the client got, up to its last field: ``end()`` follows.
    mutating func appendAnswer(status: Int, reasonPhrase: String, fields: Fields, session: Session) {
        number("status-code", Int64(status))
        text("status", status == 0 ? "" : reasonPhrase.isEmpty ? "\(status)" : "\(status) \(reasonPhrase)")
        text("content-type", Self.shortened(fields.first("Content-Type") ?? ""))
        begin("response-header")
        append(fields, session)
    }

    mutating func appendBody(source: ExchangeLog.Source, size: Int64, delivered: Int64, digest: SHA256Digest?) {
        text("source", source.rawValue)
        number("size", size)
        number("delivered", delivered)
        if let digest { text("sha256", digest.hex) }
    }

    mutating func text(_ name: StaticString, _ value: String) {
        key(name)
        JSONText.appendQuoted(value, to: &bytes)
    }

    mutating func number(_ name: StaticString, _ value: Int64) {
        key(name)
        DecimalText.append(value, to: &bytes)
    }

    mutating func raw(_ name: StaticString, _ json: String) {
        key(name)
        bytes += json.utf8
    }

    mutating func raw(_ name: StaticString, _ json: [UInt8]) {
        key(name)
        bytes += json
    }

    /// Ends the object that was begun last.
    mutating func end() { bytes.append(UInt8(ascii: "}")) }

    /// A URL as it may be shown: without its secrets, and not longer than a record's.
    static func url(_ url: String, session: Session) -> String {
        shortened(Redaction.url(url) { session.mark($0) }, longestURL)
    }

    /// Long text by its length and its beginning.
    static func shortened(_ text: String, _ limit: Int = longestValue) -> String {
        let bytes = text.utf8.count
        return bytes <= limit ? text : String(text.prefix(limit)) + "… (\(bytes) bytes)"
    }

    private mutating func key(_ name: StaticString) {
        if let last = bytes.last, last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func begin(_ name: StaticString) {
        key(name)
        bytes.append(UInt8(ascii: "{"))
    }

    /// Names in their first spelling with all their values, without their secrets.
    private mutating func append(_ fields: Fields, _ session: Session) {
        fields.forEachName { name in
            if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
            if !JSONText.appendQuoted(ascii: name, to: &bytes) {
                JSONText.appendQuoted(String(copying: name), to: &bytes)
            }
            bytes.append(UInt8(ascii: ":"))
            bytes.append(UInt8(ascii: "["))
        } body: { name, value in
            if bytes.last != UInt8(ascii: "[") { bytes.append(UInt8(ascii: ",")) }
            // Nearly all are short, harmless and plain.
            if value.count <= Self.longestValue, Redaction.isHarmless(name),
                JSONText.appendQuoted(ascii: value, to: &bytes)
            {
                return
            }
            let shown = Redaction.value(of: name, value) { session.mark($0) }
            JSONText.appendQuoted(Self.shortened(shown), to: &bytes)
        } end: {
            bytes.append(UInt8(ascii: "]"))
        }
    }
}

/// Numbers as decimal text, without a string in between.
enum DecimalText {
    static func append(_ value: Int64, to bytes: inout [UInt8]) {
        if value < 0 {
            bytes += String(value).utf8
            return
        }
        append(UInt64(value), width: 1, to: &bytes)
    }

    /// Appends the digits, with zeros in front up to `width`.
    static func append(_ value: UInt64, width: Int, to bytes: inout [UInt8]) {
        var digits = 1
        var rest = value / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        let count = max(digits, width)
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: count))
        rest = value
        var index = start + count - 1
        while rest > 0 {
            bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            index -= 1
        }
    }
}
