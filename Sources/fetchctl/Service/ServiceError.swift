/// Why there is no service to work with, and what to do about it.
struct ServiceError: Error, Sendable, CustomStringConvertible {
    /// Made safe for a terminal; it may have several lines.
    var description: String

    init(_ description: String) { self.description = description }
}
