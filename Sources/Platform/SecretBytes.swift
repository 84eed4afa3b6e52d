import Glibc

/// Bytes of a credential in memory of their own, which is overwritten when they are not needed any more.
///
/// Nothing shows them: not a description, not a mirror. Whoever copies them wipes the copy.
package final class SecretBytes: Sendable {
    /// Guarded by the lock; `nil` once wiped.
    private struct Room: @unchecked Sendable {
        var bytes: UnsafeMutableBufferPointer<UInt8>?
    }

    private let room: Lock<Room>
    /// How many there are, or were.
    package let count: Int

    /// Copies bytes, and wipes them where they were.
    ///
    /// - Parameter bytes: Empty afterwards; what other arrays share with it stays.
    package init(taking bytes: inout [UInt8]) {
        count = bytes.count
        let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, count))
        memory.initialize(repeating: 0)
        for index in bytes.indices { memory[index] = bytes[index] }
        room = Lock(Room(bytes: memory))
        Self.wipe(&bytes)
    }

    /// Lends the bytes for one short call, in which the lock is held; `nil` once they are wiped.
    @discardableResult
    package func withSpan<R>(_ body: (Span<UInt8>) -> R) -> R? {
        room.withLock { room in
            guard let bytes = room.bytes else { return nil }
            return body(UnsafeBufferPointer(rebasing: bytes[..<count]).span)
        }
    }

    /// A copy, which the caller wipes; `nil` once the bytes are wiped.
    package func copy() -> [UInt8]? {
        withSpan { span in
            [UInt8](unsafeUninitializedCapacity: span.count) { room, count in
                for index in span.indices { room[index] = span[index] }
                count = span.count
            }
        }
    }

    /// Whether the bytes stand anywhere in others; `nil` once they are wiped.
    package func isPart(of other: Span<UInt8>) -> Bool? {
        withSpan { wanted in
            other.withUnsafeBytes { other in wanted.withUnsafeBytes { wanted in Self.contains(other, wanted) } }
        }
    }

    private static func contains(_ bytes: UnsafeRawBufferPointer, _ wanted: UnsafeRawBufferPointer) -> Bool {
        guard let first = wanted.first, let needle = wanted.baseAddress else { return true }
        guard let base = bytes.baseAddress else { return false }
        var start = 0
        while bytes.count - start >= wanted.count {
            let places = bytes.count - start - wanted.count + 1
            guard let found = memchr(base + start, CInt(first), places) else { return false }
            let offset = base.distance(to: UnsafeRawPointer(found))
            if memcmp(base + offset, needle, wanted.count) == 0 { return true }
            start = offset + 1
        }
        return false
    }

    /// Whether they are gone.
    package var isWiped: Bool { room.withLock { $0.bytes == nil } }

    /// Overwrites the bytes; later calls do nothing.
    package func wipe() {
        room.withLock { room in
            guard let bytes = room.bytes, let start = bytes.baseAddress else { return }
            // Not memset(3), which the compiler may leave out before memory is freed.
            explicit_bzero(start, bytes.count)
            bytes.deallocate()
            room.bytes = nil
        }
    }

    /// Overwrites an array and empties it; what other arrays share with it stays.
    package static func wipe(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { if let start = $0.baseAddress { explicit_bzero(start, $0.count) } }
        bytes = []
    }

    deinit { wipe() }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Says how many there are.
    package var description: String { "(\(count) secret bytes)" }

    /// The same as ``description``.
    package var debugDescription: String { description }

    /// A mirror of nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
