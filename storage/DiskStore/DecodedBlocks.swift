import Core
import Platform
import Storage

/// One block of a compressed blob, decoded.
///
/// Filled by whoever took it as a spare, before anybody else can have it; never changed afterwards as long as others may
/// read it.
// Sendable because of that order, which the lock of `DecodedBlocks` makes visible to other threads.
final class DecodedBlock: @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer

    /// Mapped by itself, so that the memory goes back to the kernel with the block.
    init() { memory = Memory.map(CompressedIndex.blockSize) }

    deinit { Memory.unmap(memory) }
}

/// Decoded blocks that are asked for again and again, so that popular text is decoded once and not for every client.
///
/// A block comes in when it is decoded a second time, or when its reader was left in the middle of it, and only into room
/// that is free or taken by a block that nobody has used for ``unusedFor``. So a body that is larger than all the room and
/// read from end to end by one client after the other keeps a part of its blocks here, where evicting what was used longest
/// ago would let every block go just before it is wanted. What is unused for ``keptFor`` goes at the next ``sweep(now:)``.
final class DecodedBlocks: Sendable {
    /// A block of a blob, as one file has it: another file of the same name is looked at anew.
    struct Key: Hashable {
        var digest: SHA256Digest
        var scope: BlobScope
        /// The file's number, and when it was written.
        var inode: UInt64
        var modified: Int64
        var block: Int
    }

    private struct Slot {
        var key: Key
        var block: DecodedBlock
        var lastUse: MonotonicTime
    }

    private struct State {
        var index: [Key: Int] = [:]
        var slots: [Slot] = []
        /// The slot that is looked at next when there is no room.
        var hand = 0
        /// What was decoded once, by hash: a collision lets a block in early.
        var seen: Set<Int> = []
        /// What was used just now and is in the processor's cache, the latest last.
        var spares: [DecodedBlock] = []
    }

    /// A block that was used within this time is not driven out.
    static let unusedFor = Duration.seconds(10)
    /// Unused blocks are kept for this long.
    static let keptFor = Duration.seconds(30)
    private static let mostSpares = 4
    /// What was seen of 2 GiB.
    private static let mostSeen = 8_192

    private let capacity: Int
    private let state = Lock(State())

    /// Makes an empty memory for at most so many bytes of content.
    init(budget: Int) { capacity = budget / CompressedIndex.blockSize }

    /// The block, if it is here.
    func use(_ key: Key, now: MonotonicTime) -> DecodedBlock? {
        state.withLock { state in
            guard let at = state.index[key] else { return nil }
            state.slots[at].lastUse = now
            return state.slots[at].block
        }
    }

    /// A block to decode into.
    func spare() -> DecodedBlock { state.withLock { $0.spares.popLast() } ?? DecodedBlock() }

    /// Takes back a block that nobody else has.
    func giveBack(_ block: DecodedBlock) {
        state.withLock { state in
            if state.spares.count < Self.mostSpares { state.spares.append(block) }
        }
    }

    /// Keeps a block that was decoded now, if it is worth it and there is room.
    ///
    /// - Parameters:
    ///   - block: What was decoded.
    ///   - key: Which block it is.
    ///   - isWantedAgain: Whether its reader will come for the rest.
    ///   - now: The time.
    /// - Returns: Whether it was kept; it may not be given back then.
    func keep(_ block: DecodedBlock, as key: Key, isWantedAgain: Bool, now: MonotonicTime) -> Bool {
        guard capacity > 0 else { return false }
        return state.withLock { state in
            guard state.index[key] == nil else { return false }
            if state.seen.count >= Self.mostSeen { state.seen.removeAll(keepingCapacity: true) }
            let isNew = state.seen.insert(key.hashValue).inserted
            guard isWantedAgain || !isNew else { return false }
            let slot = Slot(key: key, block: block, lastUse: now)
            if state.slots.count < capacity {
                state.index[key] = state.slots.count
                state.slots.append(slot)
                return true
            }
            state.hand = (state.hand + 1) % capacity
            guard now > state.slots[state.hand].lastUse + Self.unusedFor else { return false }
            state.index[state.slots[state.hand].key] = nil
            state.slots[state.hand] = slot
            state.index[key] = state.hand
            return true
        }
    }

    /// Lets go what has not been used for a while; called now and then.
    func sweep(now: MonotonicTime) {
        remove { now > $0.lastUse + Self.keptFor }
    }

    /// Lets go what is private to a session that has ended.
    func forget(_ session: SessionID) {
        remove { $0.key.scope == .session(session) }
    }

    /// Lets go what is of a blob that has been removed, or was found to be wrong.
    func forget(_ blob: StoredBlob) {
        remove { $0.key.digest == blob.digest && $0.key.scope == blob.scope }
    }

    /// How many blocks are here.
    var count: Int { state.withLock { $0.slots.count } }

    private func remove(where mustGo: (Slot) -> Bool) {
        // Unmapped after the lock.
        let gone: ([Slot], [DecodedBlock]) = state.withLock { state in
            guard !state.slots.isEmpty || !state.spares.isEmpty else { return ([], []) }
            var stay: [Slot] = []
            var gone: [Slot] = []
            for slot in state.slots { if mustGo(slot) { gone.append(slot) } else { stay.append(slot) } }
            guard !gone.isEmpty || state.slots.isEmpty else { return ([], []) }
            let spares = stay.isEmpty ? state.spares : []
            if stay.isEmpty { state.spares = [] }
            state.slots = stay
            state.index = [:]
            for (at, slot) in stay.enumerated() { state.index[slot.key] = at }
            return (gone, spares)
        }
        withExtendedLifetime(gone) {}
    }
}
