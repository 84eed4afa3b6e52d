import Core
package import Storage

/// A session's report as a stream of compact JSON, read from the record page by page.
///
/// The phases, in the order of the report: **head** (session-level keys) → **artifacts** (in the order of their first
/// exchange) → **responses**, **refusals**, **failures** (by number) → **incomplete** → **totals**. What is in memory at
/// a time is a page of each.
package struct SessionReportStream {
    private let session: SessionRow
    private let context: ReportContext
    private let records: any Records
    private var phase = Phase.head
    private var artifact: ArtifactReportStream?
    private var artifactPage: ArraySlice<(digest: SHA256Digest, firstNumber: Int64)> = []
    private var rowPage: ArraySlice<ExchangeRow> = []
    private var lastNumber: Int64 = 0
    private var isFirst = true
    private var totals: [String: Int64] = [:]
    /// Artifacts without a SHA-1, and why, as they stand under `incomplete`.
    private var gaps: [JSONValue] = []
    /// Bytes of artifacts that were read for this piece.
    private var readBytes: Int64 = 0

    private enum Phase {
        case head, artifacts, rows(Int), incomplete, totals, done
    }

    /// The lists of exchanges that are no artifacts.
    private static let lists: [(category: ExchangeRow.Category, key: String)] = [
        (.response, "responses"), (.refusal, "refused-requests"), (.failure, "failed-transfers"),
    ]
    private static let pageLength = 200
    /// How many unfinished inspections, and how many artifacts without a SHA-1, are named one by one.
    private static let mostIncomplete = 1000
    /// A piece ends when so much was read of artifacts for it, so that the reader need not wait for all of them.
    static let mostRead: Int64 = 64 << 20

    /// Makes a stream; nothing is read before the first piece is asked for.
    package init(session: SessionRow, records: any Records, context: ReportContext) {
        self.session = session
        self.records = records
        self.context = context
    }

    /// The next piece (about 64 KiB at most, but for a single larger row), or `nil` at the end.
    ///
    /// - Throws: ``StoreError``; the stream is not to be used further then.
    package mutating func next() throws(StoreError) -> [UInt8]? {
        var json: [UInt8] = []
        readBytes = 0
        while json.count < ArtifactReportStream.pieceSize, readBytes < Self.mostRead {
            switch phase {
            case .head:
                json.append(UInt8(ascii: "{"))
                let uses = try SecretUses(of: session, in: records)
                json += SessionHead(session: session, context: context, secretUses: uses).members
                begin(.artifacts, "artifacts", &json)
            case .artifacts:
                if try !appendArtifact(to: &json) { beginRows(0, &json) }
            case .rows(let list):
                if try !appendRow(of: list, to: &json) { beginRows(list + 1, &json) }
            case .incomplete:
                try appendIncomplete(to: &json)
                phase = .totals
            case .totals:
                try appendTotals(to: &json)
                phase = .done
            case .done: return json.isEmpty ? nil : json
            }
        }
        return json
    }

    // MARK: Phases

    /// Begins a list as a member of the report.
    private mutating func begin(_ phase: Phase, _ key: String, _ json: inout [UInt8]) {
        json += ",\"\(key)\":[".utf8
        self.phase = phase
        lastNumber = 0
        isFirst = true
    }

    /// Ends one list and begins the next of ``lists``, or what comes behind them.
    private mutating func beginRows(_ list: Int, _ json: inout [UInt8]) {
        json.append(UInt8(ascii: "]"))
        if list < Self.lists.count {
            begin(.rows(list), Self.lists[list].key, &json)
        } else {
            phase = .incomplete
        }
    }

    private mutating func separate(_ json: inout [UInt8]) {
        if !isFirst { json.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    /// Appends a piece of an artifact; `false` when there are no more.
    private mutating func appendArtifact(to json: inout [UInt8]) throws(StoreError) -> Bool {
        if let piece = try artifact?.next() {
            json += piece
            return true
        }
        artifact = nil
        if artifactPage.isEmpty {
            artifactPage = try records.artifacts(of: session.id, after: lastNumber, limit: Self.pageLength)[...]
        }
        guard let (digest, number) = artifactPage.popFirst() else { return false }
        lastNumber = number
        separate(&json)
        var stream = try ArtifactReportStream(session: session, digest: digest, records: records, context: context)
        if let reason = stream.gap, gaps.count <= Self.mostIncomplete {
            let isLast = gaps.count == Self.mostIncomplete
            gaps.append(
                isLast
                    ? ["reason": "the SHA-1 of more artifacts is not known than are named here"]
                    : ["sha256": .string(digest.hex), "reason": .string(reason)])
        }
        readBytes += stream.readBytes
        count("artifacts", 1)
        count("downloads", Int64(stream.downloads))
        count("size", stream.size)
        // The piece may end here.
        if let piece = try stream.next() { json += piece }
        artifact = stream
        return true
    }

    /// Appends a row of one of ``lists``; `false` when there are no more.
    private mutating func appendRow(of list: Int, to json: inout [UInt8]) throws(StoreError) -> Bool {
        if rowPage.isEmpty {
            rowPage = try records.exchanges(
                of: session.id, category: Self.lists[list].category, after: lastNumber, limit: Self.pageLength)[...]
        }
        guard let row = rowPage.popFirst() else { return false }
        lastNumber = row.number
        separate(&json)
        row.appendDownload(to: &json)
        count(Self.lists[list].key, 1)
        return true
    }

    private func appendIncomplete(to json: inout [UInt8]) throws(StoreError) {
        var gaps: [JSONValue] = []
        if !session.incompleteReason.isEmpty { gaps.append(["reason": .string(session.incompleteReason)]) }
        for row in try records.unconcluded(of: session.id, limit: Self.mostIncomplete) {
            let url = RawObject(row.download)["url"].flatMap { try? JSONValue(parsing: $0) } ?? ""
            gaps.append(["number": .integer(row.number), "url": url, "reason": "the inspection has not ended"])
        }
        if gaps.count >= Self.mostIncomplete {
            gaps.append(["reason": "more inspections have not ended than are named here"])
        }
        json += ",\"incomplete\":".utf8
        JSONValue.list(gaps + self.gaps).append(to: &json)
    }

    private mutating func appendTotals(to json: inout [UInt8]) throws(StoreError) {
        let all = try records.totals(of: session.id)
        count("exchanges", all.exchanges)
        count("delivered", all.delivered)
        for key in ["artifacts", "downloads", "size"] + Self.lists.map(\.key) { count(key, 0) }
        json += ",\"totals\":".utf8
        JSONValue.object(totals.mapValues(JSONValue.integer)).append(to: &json)
        json.append(UInt8(ascii: "}"))
    }

    private mutating func count(_ key: String, _ amount: Int64) { totals[key, default: 0] += amount }
}
