package import Core
package import Storage

/// One artifact of a report as a stream of compact JSON.
///
/// Its uses are read page by page: once for what is said of the artifact as a whole, once for its downloads, and once for
/// its judgements. Its SHA-1, which no use knows, is looked up by its SHA-256. Uses recorded meanwhile are left to the
/// next report. What is in memory at a time is one page.
package struct ArtifactReportStream {
    private let session: SessionID
    private let digest: SHA256Digest
    private let policy: SessionPolicy
    private let records: any Records
    private var summary = Summary()
    private var sha1 = ReportedSHA1.known("", read: 0)
    private var phase = Phase.head
    private var page: ArraySlice<ExchangeRow> = []
    private var position: Int64 = 0

    private enum Phase { case head, downloads, judgements, tail, done }

    /// What the uses come to.
    private struct Summary {
        var count = 0
        var size: Int64 = 0
        var lastNumber: Int64 = 0
        var isRejected = false
        var isUnknown = false
        var isApproved = false
        /// Members of the first use's judgement.
        var inspections: (request: [UInt8], response: [UInt8])?
        /// The first metadata that any use has.
        var metadata: [UInt8]?
        /// The uses, when they are a page or less.
        var whole: [ExchangeRow]?
    }

    /// Pieces end at the first row that takes them beyond this.
    static let pieceSize = 48 << 10
    private static let pageLength = 200

    /// Reads an artifact's uses once, and its bytes if nobody has computed their SHA-1 yet.
    ///
    /// - Throws: ``StoreError``.
    package init(
        session: SessionRow, digest: SHA256Digest, records: any Records, context: ReportContext
    ) throws(StoreError) {
        self.session = session.id
        self.digest = digest
        self.records = records
        policy = session.policy
        while true {
            let page = try records.exchanges(
                of: session.id, digest: digest, after: summary.lastNumber, limit: Self.pageLength)
            guard let last = page.last else { break }
            for use in page { add(use) }
            summary.whole = summary.count == page.count ? page : nil
            summary.lastNumber = last.number
            if page.count < Self.pageLength { break }
        }
        // Uses that an older release judged have it.
        let recorded = summary.metadata.flatMap { RawObject($0)["sha1"] }.flatMap { try? JSONValue(parsing: $0) }
        if let text = recorded?.text, !text.isEmpty {
            sha1 = .known(text, read: 0)
        } else {
            sha1 = context.sha1(session.id, digest)
        }
    }

    private mutating func add(_ use: ExchangeRow) {
        if summary.inspections == nil {
            summary.size = use.size
            let first = RawObject(use.judgement)
            summary.inspections = (
                Array(first["request-inspection"] ?? Self.nothing), Array(first["response-inspection"] ?? Self.nothing)
            )
        }
        summary.count += 1
        // In a permissive session every use is delivered (a 304 delivers without a byte).
        if use.result == .rejected, policy == .permissive || use.delivered > 0 { summary.isRejected = true }
        if use.result == nil || use.result == .unknown { summary.isUnknown = true }
        if use.result == .approved { summary.isApproved = true }
        if summary.metadata == nil { summary.metadata = RawObject(use.judgement)["metadata"].map { Array($0) } }
    }

    /// Bytes of the artifact.
    var size: Int64 { summary.size }

    var downloads: Int { summary.count }

    /// Bytes that were read for the SHA-1.
    var readBytes: Int64 {
        if case .known(_, let read) = sha1 { read } else { 0 }
    }

    /// Why there is no SHA-1.
    var gap: String? {
        if case .unknown(let reason) = sha1 { "the artifact's SHA-1 is not known: \(reason)" } else { nil }
    }

    /// What the report says of the artifact as a whole.
    ///
    /// `Rejected` if any delivered use was: in a permissive session every use is, in a strict one those of which the
    /// client got bytes. Then `Unknown` if any is unfinished.
    package var result: ExchangeRow.Result {
        if summary.isRejected { return .rejected }
        if summary.isUnknown { return .unknown }
        return summary.isApproved ? .approved : .rejected
    }

    /// The next piece, or `nil` at the end.
    ///
    /// - Throws: ``StoreError``; the stream is not to be used further then.
    package mutating func next() throws(StoreError) -> [UInt8]? {
        var json: [UInt8] = []
        while json.count < Self.pieceSize {
            switch phase {
            case .head:
                appendHead(to: &json)
                begin(.downloads)
            case .downloads:
                let isFirst = position == 0
                if let use = try nextUse() {
                    if !isFirst { json.append(UInt8(ascii: ",")) }
                    use.appendDownload(to: &json)
                } else {
                    json += "],\"judgements\":[".utf8
                    begin(.judgements)
                }
            case .judgements:
                let isFirst = position == 0
                if let use = try nextUse() {
                    if !isFirst { json.append(UInt8(ascii: ",")) }
                    appendJudgement(of: use, to: &json)
                } else {
                    phase = .tail
                }
            case .tail:
                json += "]}".utf8
                phase = .done
            case .done: return json.isEmpty ? nil : json
            }
        }
        return json
    }

    /// Begins to go through the uses.
    private mutating func begin(_ phase: Phase) {
        self.phase = phase
        position = 0
        page = summary.whole?[...] ?? []
    }

    private mutating func nextUse() throws(StoreError) -> ExchangeRow? {
        if page.isEmpty, summary.whole == nil, position < summary.lastNumber {
            page = try records.exchanges(of: session, digest: digest, after: position, limit: Self.pageLength)[...]
        }
        guard let use = page.popFirst(), use.number <= summary.lastNumber else { return nil }
        position = use.number
        return use
    }

    private func appendHead(to json: inout [UInt8]) {
        json += "{\"artifact-metadata-version\":\"0.3\",\"request-inspection\":".utf8
        json += summary.inspections?.request ?? Array(Self.nothing)
        json += ",\"response-inspection\":".utf8
        json += summary.inspections?.response ?? Array(Self.nothing)
        json += ",\"result\":\"\(result.rawValue)\",\"metadata\":".utf8
        var text = Array(Self.noText)
        if case .known(let digits, _) = sha1 { text = JSONValue.string(digits).json }
        json += RawObject(summary.metadata ?? unknownMetadata).replacing("sha1", with: text)
        json += ",\"downloads\":[".utf8
    }

    private func appendJudgement(of use: ExchangeRow, to json: inout [UInt8]) {
        let judgement = RawObject(use.judgement)
        json += "{\"number\":\(use.number),\"url\":".utf8
        json += RawObject(use.download)["url"] ?? Self.noText
        json += ",\"result\":\"\((use.result ?? .unknown).rawValue)\",\"request-inspection\":".utf8
        json += judgement["request-inspection"] ?? Self.nothing
        json += ",\"response-inspection\":".utf8
        json += judgement["response-inspection"] ?? Self.nothing
        json.append(UInt8(ascii: "}"))
    }

    /// The keys that are always there, for an artifact that was not examined yet.
    private var unknownMetadata: [UInt8] {
        let empty: JSONValue = ""
        return JSONValue.object([
            "type": "application/octet-stream", "sha1": empty, "sha256": .string(digest.hex), "size": .integer(size),
            "name": empty, "version": empty, "vendor": empty, "description": empty, "author": empty, "license": empty,
        ]).json
    }

    private static let nothing = Array("{}".utf8)[...]
    private static let noText = Array("\"\"".utf8)[...]
}

/// The file of one artifact in the spool: its part of the report, indented by tabs.
package struct ArtifactFileStream {
    private var stream: ArtifactReportStream
    private var indenter = JSONIndenter()
    private var isDone = false

    package init(_ stream: ArtifactReportStream) { self.stream = stream }

    /// The next piece, or `nil` at the end.
    ///
    /// - Throws: ``StoreError``; the stream is not to be used further then.
    package mutating func next() throws(StoreError) -> [UInt8]? {
        if let piece = try stream.next() { return indenter.indented(piece) }
        guard !isDone else { return nil }
        isDone = true
        return [UInt8(ascii: "\n")]
    }
}

extension ExchangeRow {
    /// The exchange as those are told of it who watch a session: as in the report, with its list there, the verdict, and what
    /// the inspectors said.
    package var liveEntry: [UInt8] {
        var further = ",\"category\":\"\(category.rawValue)\""
        if let result { further += ",\"result\":\"\(result.rawValue)\"" }
        let said = RawObject(judgement)
        for name in ["request-inspection", "response-inspection"] {
            if let value = said[name] { further += ",\"\(name)\":\(String(decoding: value, as: UTF8.self))" }
        }
        var json: [UInt8] = []
        appendDownload(to: &json, with: further)
        return json
    }

    /// Appends the exchange's JSON with its number as the first member, and further members behind that.
    func appendDownload(to json: inout [UInt8], with further: String = "") {
        json += "{\"number\":\(number)\(further)".utf8
        let members = download.first == UInt8(ascii: "{") ? download.dropFirst() : Array("}".utf8)[...]
        if members.first != UInt8(ascii: "}") { json.append(UInt8(ascii: ",")) }
        json += members
    }
}
