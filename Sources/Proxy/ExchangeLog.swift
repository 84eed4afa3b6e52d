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
    enum Source: String, Sendable, CaseIterable {
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
    /// The index of the session's secret that the request was for, and why it went without, if it did.
    var secret: (index: Int, unusedBecause: String)?
    /// The part that was asked for, as `first-last/size`.
    var range: String?
    /// Whether digest and size are those of the part that was asked for, because the whole was not fetched.
    var isPartial = false
    /// For a 304 of ours: what the client has.
    var standsFor: String?
    /// What the inspectors said of the request, as JSON.
    var requestInspection: [UInt8] = []
    var result: ExchangeRow.Result?
    var judgement: [UInt8] = []

    func row(session: Session) -> ExchangeRow {
        ExchangeRow(
            session: session.id, category: category, digest: digest, size: size, delivered: delivered, result: result,
            download: json(session), judgement: judgement)
    }

    private func json(_ session: Session) -> [UInt8] {
        var json = RecordText()
        json.begin(started: started.rfc3339, ended: ended.rfc3339)
        json.appendTarget(method: method, url: url, session: session)
        json.text("address", address)
        json.appendRequest(requestFields, session: session)
        json.appendAnswer(status: status, reasonPhrase: reasonPhrase, fields: responseFields, session: session)
        json.end()
        json.appendBody(source: source, size: size, delivered: delivered, digest: digest)
        if isTruncated { json.raw("truncated", "true") }
        if !reason.isEmpty { json.text("reason", RecordText.shortened(reason)) }
        if let requestBody {
            json.raw("request-body", "{\"size\":\(requestBody.size),\"sha256\":\"\(requestBody.digest.hex)\"}")
        }
        if let secret {
            json.number("secret", Int64(secret.index))
            if !secret.unusedBecause.isEmpty { json.text("secret-unused", secret.unusedBecause) }
        }
        if let range { json.text("range", range) }
        if isPartial { json.raw("partial", "true") }
        if let standsFor { json.text("stands-for", standsFor) }
        json.number("duration-ns", duration.wholeNanoseconds)
        if let step = ended.step(since: started, over: duration) { json.number("clock-step-ns", step.wholeNanoseconds) }
        if fillNanoseconds > 0 { json.number("fill-duration-ns", fillNanoseconds) }
        if !requestInspection.isEmpty { json.raw("request-inspection", requestInspection) }
        json.end()
        return json.bytes
    }
}
