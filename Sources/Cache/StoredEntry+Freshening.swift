internal import Storage
package import Wire

extension StoredEntry {
    /// The entry with the fields of a 304, or of the answer to a HEAD (RFC 9111, sections 4.3.4 and 4.3.5).
    ///
    /// - Parameters:
    ///   - update: The fields of that answer.
    ///   - requestTime: When it was asked for, in seconds since the epoch.
    ///   - responseTime: When its head came.
    /// - Returns: `nil` when it brought what forbids keeping the entry, or another `Vary`.
    package func freshened(by update: Fields, requestTime: Int64, responseTime: Int64) -> StoredEntry? {
        guard
            case .updated(let fields) = Validators.freshened(
                stored: head.fields, status: head.status, by: update, requestFields: Fields(),
                responseTime: responseTime, shared: response.partition == .shared),
            Selection.varyNames(fields) == response.varyNames
        else { return nil }
        var fresh = head
        fresh.fields = fields
        fresh.fields.remove("Set-Cookie")
        var row = response
        row.requestTime = requestTime
        row.responseTime = responseTime
        row.head = []
        fresh.serialise(into: &row.head)
        return StoredEntry(row, head: fresh)
    }

    /// Which stored responses a 304 is about (RFC 9111, section 4.3.4).
    ///
    /// - Parameters:
    ///   - entries: The stored responses of the key, the most recent first.
    ///   - asked: The one whose validators the request carried.
    ///   - notModified: The fields of the 304.
    ///   - requestFields: The fields of the request.
    /// - Returns: None when it is not about the one that was asked about; else that one, and the others that the request
    ///   could have got and that have the same strong validator.
    package static func selected(
        among entries: [StoredEntry], asked: StoredEntry, by notModified: Fields, requestFields: Fields
    ) -> [StoredEntry] {
        guard Validators.selects(stored: asked.head.fields, by: notModified) else { return [] }
        let others = entries.filter { other in
            other !== asked && other.response.partition == asked.response.partition
                && other.response.decoded == asked.response.decoded
                && Selection.fits(
                    names: other.response.varyNames, variant: other.response.variant, requestFields: requestFields)
        }
        guard !others.isEmpty else { return [asked] }
        let all = [asked] + others
        let chosen = Validators.selected(among: all.map(\.head.fields), by: notModified)
        return [asked] + chosen.filter { $0 != 0 }.map { all[$0] }
    }
}
