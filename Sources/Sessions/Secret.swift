package import Core
package import Storage
internal import Wire

/// A secret of a session: which requests it is for, and its credentials as long as they are there.
package final class Secret: Sendable {
    /// Its place in the session's list.
    package let index: Int
    /// What is recorded of it.
    package let row: SecretRow
    /// Its credentials; `nil` when they were lost, since they are in memory only.
    package let credentials: SecretCredentials?
    /// `nil` when the record has a pattern that this release cannot read.
    private let pattern: SecretPattern?

    init(index: Int, row: SecretRow, pattern: SecretPattern?, credentials: SecretCredentials?) {
        self.index = index
        self.row = row
        self.pattern = pattern
        self.credentials = credentials
    }

    /// How it gets into a request.
    package var type: SecretType { row.type }

    /// Whether a request is one of those that it is for.
    ///
    /// Over plain HTTP only when that is allowed; a pattern that cannot be read takes in everything, so that nothing that it
    /// was for goes out without it.
    func isFor(_ url: RequestURL) -> Bool {
        guard url.scheme == .https || row.allowsHTTP else { return false }
        return pattern?.matches(url) ?? true
    }
}

extension Secret: CustomStringConvertible {
    /// What it is for, and nothing of the credentials.
    package var description: String { "secret \(index) (\(type.rawValue) for \(row.url))" }
}
