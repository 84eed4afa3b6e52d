/// Why a store could not do what it was asked.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// What callers branch on: a storage condition, never an HTTP status.
    public enum Kind: String, Hashable, Sendable {
        /// The bytes or rows there are not what was written.
        case corrupt
        /// There is no room: disk, quota or configured cap.
        case full
        /// The device or file cannot be used now.
        case unavailable
        /// What was asked cannot be done on this value: wrong length, wrong digest, use after the end.
        case rejected
    }

    /// What callers branch on.
    public var kind: Kind
    /// What was being done, such as `append to segment 12`.
    public var operation: String
    /// What went wrong and what to do, for people.
    public var reason: String
    /// The words of the system or library, for the log; may be empty.
    public var detail: String

    /// Makes an error.
    public init(_ kind: Kind, _ operation: String, _ reason: String, detail: String = "") {
        self.kind = kind
        self.operation = operation
        self.reason = reason
        self.detail = detail
    }

    /// One line for logs.
    public var description: String {
        "cannot \(operation): \(reason) (\(kind.rawValue)\(detail.isEmpty ? "" : "; \(detail)"))"
    }
}
