/// What one attempt to move bytes came to.
package enum IOResult: Sendable, Equatable {
    /// So many bytes moved; for a read, 0 is the end.
    case count(Int)
    /// Nothing can move now: wait for readiness.
    case wouldBlock
    /// The `errno` of the failure.
    case failed(CInt)
}
