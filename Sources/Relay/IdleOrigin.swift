import Core
import Platform

/// An unused connection to an origin: closed when its time is over, and at any byte or end that comes (an answer without a
/// request is either an error or an attack).
///
/// Confined to its loop.
final class IdleOrigin: StreamHandler, @unchecked Sendable {
    let channel: OriginChannel
    private var timer: Timer?
    private let onClose: (IdleOrigin) -> Void

    init(channel: OriginChannel, timeout: Duration, onClose: @escaping (IdleOrigin) -> Void) {
        self.channel = channel
        self.onClose = onClose
        let stream = channel.stream
        stream.handler = self
        timer = stream.loop.schedule(after: timeout) { [weak self] in self?.close() }
        // TLS may have something already (session tickets), a plain read that filled its buffer may not have been the last.
        if stream.isReadable { stream.requestTurn() }
    }

    func refusal(by policy: DestinationPolicy) -> DestinationPolicy.Refusal? { channel.refusal(by: policy) }

    func streamReady(_ stream: ByteStream) {
        if !isQuiet() { close() }
    }

    /// Asks the kernel, too: an end may have come that no event has told of yet.
    func isSilent() -> Bool {
        channel.stream.isReadable = true
        return isQuiet()
    }

    private func isQuiet() -> Bool {
        guard channel.stream.failure == nil else { return false }
        let one = UnsafeMutableRawBufferPointer(rebasing: channel.stream.loop.stagingBuffer[..<1])
        return channel.stream.read(into: one) == .wouldBlock
    }

    /// Gives the connection away.
    func take() -> OriginChannel {
        timer?.cancel()
        channel.stream.handler = nil
        return channel
    }

    func close() {
        onClose(self)
        take().stream.abort()
    }
}

/// The unused connections of a pool, by key, the latest last.
struct IdleShelf {
    private var entries: [OriginKey: [IdleOrigin]] = [:]
    /// All of them, the oldest first; ordered by when they were put here.
    private var order: [IdleOrigin] = []

    var count: Int { order.count }

    /// All of them, as they are now.
    var all: [IdleOrigin] { order }

    mutating func add(_ entry: IdleOrigin) {
        entries[entry.channel.key, default: []].append(entry)
        order.append(entry)
    }

    mutating func takeLatest(_ key: OriginKey) -> IdleOrigin? {
        guard let entry = entries[key]?.last else { return nil }
        remove(entry)
        return entry
    }

    mutating func remove(_ entry: IdleOrigin) {
        let key = entry.channel.key
        entries[key]?.removeAll { $0 === entry }
        if entries[key]?.isEmpty == true { entries[key] = nil }
        order.removeAll { $0 === entry }
    }

    /// The oldest entry that must go before another one of `key` fits; nil when there is room.
    func makeRoom(for key: OriginKey, perKey: Int, total: Int) -> IdleOrigin? {
        if let same = entries[key], same.count >= perKey { return same.first }
        return order.count >= total ? order.first : nil
    }
}
