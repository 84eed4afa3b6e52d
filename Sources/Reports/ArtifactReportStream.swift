package import Core
package import Storage

/// One artifact of a report as a stream of compact JSON.
///
/// Holds the rows of this artifact's uses, and writes them piece by piece.
package struct ArtifactReportStream {
    private let uses: [ExchangeRow]
    private let digest: SHA256Digest
    private let policy: SessionPolicy
    private var phase = Phase.head

    private enum Phase { case head, downloads(Int), judgements(Int), tail, done }

    /// Pieces end at the first row that takes them beyond this.
    static let pieceSize = 48 << 10

    /// Reads an artifact's uses.
    ///
    /// - Throws: ``StoreError``.
    package init(session: SessionRow, digest: SHA256Digest, records: any Records) throws(StoreError) {
        self.init(
            uses: try records.exchanges(of: session.id, digest: digest), digest: digest, policy: session.policy)
    }

    init(uses: [ExchangeRow], digest: SHA256Digest, policy: SessionPolicy) {
        self.uses = uses.filter { $0.category == .artifact }
        self.digest = digest
        self.policy = policy
    }

    /// Bytes of the artifact.
    var size: Int64 { uses.first?.size ?? 0 }

    var downloads: Int { uses.count }

    /// What the report says of the artifact as a whole.
    ///
    /// `Rejected` if any delivered use was: in a permissive session every use is delivered (a 304 delivers without a
    /// byte), in a strict one those of which the client got bytes. Then `Unknown` if any is unfinished.
    package var result: ExchangeRow.Result {
        let isRejected = uses.contains {
            $0.result == .rejected && (policy == .permissive || $0.delivered > 0)
        }
        if isRejected { return .rejected }
        if uses.contains(where: { $0.result == nil || $0.result == .unknown }) { return .unknown }
        return uses.contains { $0.result == .approved } ? .approved : .rejected
    }

    /// The next piece, or `nil` at the end.
    package mutating func next() -> [UInt8]? {
        var json: [UInt8] = []
        while json.count < Self.pieceSize {
            switch phase {
            case .head:
                appendHead(to: &json)
                phase = .downloads(0)
            case .downloads(let index) where index < uses.count:
                if index > 0 { json.append(UInt8(ascii: ",")) }
                uses[index].appendDownload(to: &json)
                phase = .downloads(index + 1)
            case .downloads:
                json += "],\"judgements\":[".utf8
                phase = .judgements(0)
            case .judgements(let index) where index < uses.count:
                if index > 0 { json.append(UInt8(ascii: ",")) }
                appendJudgement(of: uses[index], to: &json)
                phase = .judgements(index + 1)
            case .judgements: phase = .tail
            case .tail:
                json += "]}".utf8
                phase = .done
            case .done: return json.isEmpty ? nil : json
            }
        }
        return json
    }

    private func appendHead(to json: inout [UInt8]) {
        let first = RawObject(uses.first?.judgement ?? [])
        json += "{\"artifact-metadata-version\":\"0.3\",\"request-inspection\":".utf8
        json += first["request-inspection"] ?? Self.nothing
        json += ",\"response-inspection\":".utf8
        json += first["response-inspection"] ?? Self.nothing
        json += ",\"result\":\"\(result.rawValue)\",\"metadata\":".utf8
        let described = uses.lazy.compactMap { RawObject($0.judgement)["metadata"] }.first
        json += described ?? unknownMetadata[...]
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
    package mutating func next() -> [UInt8]? {
        if let piece = stream.next() { return indenter.indented(piece) }
        guard !isDone else { return nil }
        isDone = true
        return [UInt8(ascii: "\n")]
    }
}

extension ExchangeRow {
    /// Appends the exchange's JSON with its number as the first member.
    func appendDownload(to json: inout [UInt8]) {
        json += "{\"number\":\(number)".utf8
        let members = download.first == UInt8(ascii: "{") ? download.dropFirst() : Array("}".utf8)[...]
        if members.first != UInt8(ascii: "}") { json.append(UInt8(ascii: ",")) }
        json += members
    }
}
