/// What a commit survives.
package enum Durability: String, Hashable, Sendable, CaseIterable {
    /// The end of the process; no fsync per commit.
    case process
    /// The end of the machine; one fsync per commit.
    case power
}
