import Core

extension ExchangeRow {
    /// Notes how a transfer ended that was recorded before: in the row and in its JSON.
    ///
    /// JSON that is no object stays as it is.
    ///
    /// - Parameters:
    ///   - bytes: Body bytes given to the client.
    ///   - reason: Why that was less than the whole; `nil` when it was not.
    public mutating func ended(delivered bytes: Int64, truncated reason: String?) {
        delivered = bytes
        isTruncated = reason != nil
        guard let json = try? JSONValue(parsing: download), case .object(var members) = json else { return }
        members["delivered"] = .integer(bytes)
        members["truncated"] = reason.map { _ in .bool(true) }
        if let reason {
            let before = members["reason"]?.text ?? ""
            members["reason"] = .string(before.isEmpty ? reason : reason + "; " + before)
        }
        download = JSONValue.object(members).json
    }
}
