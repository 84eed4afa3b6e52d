import Core
import Sessions
import Storage
import Wire

/// One exchange as the record tells it.
///
/// ``row(session:)`` makes the row; its `download` is one JSON object with the contract's keys (`report.md`, section 4) and
/// ours. Secrets are replaced by marks here and nowhere else.
struct ExchangeLog: Sendable {
    /// Where the answer came from.
    enum Source: String, Sendable {
        case network, cache, revalidated, joined, none
    }

    var category: ExchangeRow.Category
    var started: WallTime
    var ended: WallTime
    var duration: Duration
    var method: String
    /// The URL in its recorded form, before redaction.
    var url: String
    var address: String
    /// As received, without `Proxy-Authorization`.
    var requestFields: Fields
    var status = 0
    var reasonPhrase = ""
    var responseFields = Fields()
    var source = Source.none
    /// How long the download took that this answer spared, in nanoseconds.
    var fillNanoseconds: Int64 = 0
    /// Bytes of the whole body, or of what was seen of it.
    var size: Int64 = 0
    var delivered: Int64 = 0
    var digest: SHA256Digest?
    var isTruncated = false
    /// Why it was refused or failed, or was not stored.
    var reason = ""
    var requestBody: (size: Int64, digest: SHA256Digest)?
    /// The part that was asked for, as `first-last/size`.
    var range: String?
    /// For a 304 of ours: what the client has.
    var standsFor: String?
    /// What the inspectors said of the request, as JSON.
    var requestInspection: [UInt8] = []
    var result: ExchangeRow.Result?
    var judgement: [UInt8] = []

    /// Field values longer than this are recorded by their length and their beginning.
    private static let longestValue = 2_048
    private static let longestURL = 8_192

    func row(session: Session) -> ExchangeRow {
        ExchangeRow(
            session: session.id, category: category, digest: digest, size: size, delivered: delivered, result: result,
            download: json(session), judgement: judgement)
    }

    private func json(_ session: Session) -> [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(1_536)
        func key(_ name: String) {
            json.append(UInt8(ascii: json.isEmpty ? "{" : ","))
            JSONText.appendQuoted(name, to: &json)
            json.append(UInt8(ascii: ":"))
        }
        func text(_ name: String, _ value: String) {
            key(name)
            JSONText.appendQuoted(value, to: &json)
        }
        func number(_ name: String, _ value: Int64) {
            key(name)
            json += String(value).utf8
        }
        let mark: (String) -> String = { session.mark($0) }
        text("start-time", started.rfc3339)
        text("end-time", ended.rfc3339)
        text("method", method)
        text("url", Self.shortened(Redaction.url(url, mark: mark), Self.longestURL))
        text("address", address)
        text("user-agent", Self.shortened(requestFields.first("User-Agent") ?? "", Self.longestValue))
        key("request-header")
        Self.append(Redaction.fields(requestFields, mark: mark), to: &json)
        number("status-code", Int64(status))
        text("status", status == 0 ? "" : reasonPhrase.isEmpty ? "\(status)" : "\(status) \(reasonPhrase)")
        text("content-type", Self.shortened(responseFields.first("Content-Type") ?? "", Self.longestValue))
        key("response-header")
        Self.append(Redaction.fields(responseFields, mark: mark), to: &json)
        text("source", source.rawValue)
        number("size", size)
        number("delivered", delivered)
        if let digest { text("sha256", digest.hex) }
        if isTruncated {
            key("truncated")
            json += "true".utf8
        }
        if !reason.isEmpty { text("reason", Self.shortened(reason, Self.longestValue)) }
        if let requestBody {
            key("request-body")
            json += "{\"size\":\(requestBody.size),\"sha256\":\"\(requestBody.digest.hex)\"}".utf8
        }
        if let range { text("range", range) }
        if let standsFor { text("stands-for", standsFor) }
        number("duration-ns", duration.wholeNanoseconds)
        if fillNanoseconds > 0 { number("fill-duration-ns", fillNanoseconds) }
        if !requestInspection.isEmpty {
            key("request-inspection")
            json += requestInspection
        }
        json.append(UInt8(ascii: "}"))
        return json
    }

    /// Names in their first spelling with all their values.
    private static func append(_ fields: [(String, String)], to json: inout [UInt8]) {
        var order: [String] = []
        var values: [String: [String]] = [:]
        for (name, value) in fields {
            let folded = name.lowercased()
            if values[folded] == nil { order.append(name) }
            values[folded, default: []].append(value)
        }
        json.append(UInt8(ascii: "{"))
        for (index, name) in order.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            JSONText.appendQuoted(name, to: &json)
            json += ":[".utf8
            for (index, value) in (values[name.lowercased()] ?? []).enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                JSONText.appendQuoted(shortened(value, longestValue), to: &json)
            }
            json.append(UInt8(ascii: "]"))
        }
        json.append(UInt8(ascii: "}"))
    }

    private static func shortened(_ text: String, _ limit: Int) -> String {
        let bytes = text.utf8.count
        return bytes <= limit ? text : String(text.prefix(limit)) + "… (\(bytes) bytes)"
    }
}
