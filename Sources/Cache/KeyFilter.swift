internal import Platform

/// Which keys the catalog may have, so that a key that nobody has asked for before needs no look into it.
///
/// A hash for each key, entered before its response is; a hash never goes, and two keys may share one: a filter says "may
/// be there" for what is not, never the reverse. Until ``complete()`` it says so for everything.
final class KeyFilter: Sendable {
    private struct State {
        /// The upper halves of the hashes, by their lowest bits, so that growing one set takes a short moment only.
        var hashes: [Set<UInt32>]
        var isComplete = false
        var count = 0
    }

    private static let parts = 256
    /// About 80 MB; a catalog with more keys is asked each time.
    private static let mostHashes = 8 << 20

    private let state = Lock(State(hashes: Array(repeating: [], count: parts)))

    /// Whether the catalog may have something with this hash.
    func mayHave(_ hash: UInt64) -> Bool {
        state.withLock { !$0.isComplete || $0.hashes[Self.part(hash)].contains(Self.kept(hash)) }
    }

    /// Enters hashes; `false` when there are too many for it to be of use.
    @discardableResult
    func insert(_ hashes: some Sequence<UInt64>) -> Bool {
        state.withLock { state in
            for hash in hashes where state.hashes[Self.part(hash)].insert(Self.kept(hash)).inserted {
                state.count += 1
            }
            guard state.count > Self.mostHashes else { return true }
            state = State(hashes: Array(repeating: [], count: Self.parts))
            return false
        }
    }

    /// Says that every key that the catalog had at the start has been entered.
    func complete() { state.withLock { $0.isComplete = true } }

    /// Makes room for so many hashes at once, which leaves less memory behind than growing.
    func reserve(_ count: Int) {
        guard count <= Self.mostHashes else { return }
        for part in 0..<Self.parts {
            state.withLock { $0.hashes[part].reserveCapacity(count / Self.parts) }
        }
    }

    private static func part(_ hash: UInt64) -> Int { Int(hash % UInt64(parts)) }

    private static func kept(_ hash: UInt64) -> UInt32 { UInt32(hash >> 32) }
}
