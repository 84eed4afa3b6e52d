internal import Core

/// How often each secret of a session was used, counted in the record.
///
/// An exchange for which there was a secret says so in its JSON: `secret` is its index, and `secret-unused` why it was not
/// put into the request, if it was not.
package struct SecretUses: Sendable, Hashable {
    /// Exchanges of one secret.
    package struct Count: Sendable, Hashable {
        /// Those whose request had it.
        package var uses: Int64 = 0
        /// Those that it was for and whose request went without.
        package var unused: Int64 = 0

        /// Whether no request was one that it was for.
        package var isEmpty: Bool { uses == 0 && unused == 0 }
    }

    /// By the index of the secret.
    package private(set) var counts: [Count]

    private static let pageLength = 200

    /// Counts; reads all exchanges of a session with secrets, page by page, and nothing of one without.
    ///
    /// - Throws: ``StoreError``.
    package init(of session: SessionRow, in records: any Records) throws(StoreError) {
        counts = Array(repeating: Count(), count: session.secrets.count)
        guard !counts.isEmpty else { return }
        var last: Int64 = 0
        while true {
            let page = try records.exchanges(of: session.id, category: nil, after: last, limit: Self.pageLength)
            guard let end = page.last else { return }
            last = end.number
            for row in page { add(row) }
        }
    }

    private mutating func add(_ row: ExchangeRow) {
        let members = RawObject(row.download)
        guard let text = members["secret"], let index = Int(String(decoding: text, as: UTF8.self)),
            counts.indices.contains(index)
        else { return }
        if members["secret-unused"] == nil { counts[index].uses += 1 } else { counts[index].unused += 1 }
    }

    /// The indices of secrets that no request was for.
    package var neverMatched: [Int] { counts.indices.filter { counts[$0].isEmpty } }
}
