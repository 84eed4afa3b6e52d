import Core
package import Storage

/// The artifacts of a session as an indented JSON list, also while it is active.
///
/// Each stands there as in the report, as far as it is known now. What is in memory at a time is a page.
package struct ArtifactListStream {
    private let session: SessionRow
    private let context: ReportContext
    private let records: any Records
    private var indenter = JSONIndenter()
    private var page: ArraySlice<(digest: SHA256Digest, firstNumber: Int64)> = []
    private var artifact: ArtifactReportStream?
    private var lastNumber: Int64 = 0
    private var phase = Phase.start

    private enum Phase { case start, artifacts(isFirst: Bool), done }

    private static let pageLength = 200

    /// Makes a stream; nothing is read before the first piece is asked for.
    package init(session: SessionRow, records: any Records, context: ReportContext) {
        self.session = session
        self.records = records
        self.context = context
    }

    /// The next piece, which ends between two tokens, or `nil` at the end.
    ///
    /// - Throws: ``StoreError``; the stream is not to be used further then.
    package mutating func next() throws(StoreError) -> [UInt8]? {
        switch phase {
        case .start:
            phase = .artifacts(isFirst: true)
            return indenter.indented([UInt8(ascii: "[")])
        case .artifacts(let isFirst):
            if let piece = try artifact?.next() { return indenter.indented(piece) }
            if page.isEmpty {
                page = try records.artifacts(of: session.id, after: lastNumber, limit: Self.pageLength)[...]
            }
            guard let (digest, number) = page.popFirst() else {
                phase = .done
                return indenter.indented([UInt8(ascii: "]")])
            }
            lastNumber = number
            artifact = try ArtifactReportStream(session: session, digest: digest, records: records, context: context)
            phase = .artifacts(isFirst: false)
            let comma = isFirst ? [] : indenter.indented([UInt8(ascii: ",")])
            return comma + indenter.indented(try artifact?.next() ?? [])
        case .done: return nil
        }
    }
}
