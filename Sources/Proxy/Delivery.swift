import Cache
import Core
import Glibc
import Relay
import Storage
import Platform
import Wire

/// What one exchange sends to its client, and how far it has come.
///
/// It pulls: bytes are taken from where they are (memory, a stored blob, a fill in progress) only when the socket takes
/// them, so a slow client costs no memory. What is held waits behind ``limit`` and ``isReleased``.
struct Delivery {
    /// Where the body is.
    enum Source {
        case none
        case bytes([UInt8])
        case reader(any BlobReader)
        case fill(Fill, token: Int)
    }

    /// How the client finds the end of the body.
    enum Framing: Equatable {
        /// No body, or one whose length stands in the head.
        case length
        case chunked
    }

    /// What came of one attempt to send.
    enum Step {
        /// All is sent.
        case finished
        /// Nothing to send until bytes arrive or are released.
        case waiting
        /// The socket takes no more now.
        case blocked
        /// A fair share is sent; more at the next turn.
        case turn
        /// The client is gone.
        case clientFailed(String)
        /// The bytes cannot be had any more.
        case sourceFailed(String)
        /// The store cannot give the bytes.
        case storeFailed(StoreError)
    }

    var source: Source
    var framing: Framing
    /// The next byte of the source to be sent.
    private(set) var position: Int64
    /// Where the body ends in the source, once that is known.
    var end: Int64?
    /// How far the body may be sent before the release.
    private(set) var limit: Int64
    /// Whether the head may go before the release.
    private(set) var headMayGo: Bool
    private(set) var isReleased = false
    var trailers = Fields()

    private var outbox: [UInt8]
    private var outboxSent = 0
    private var chunkLeft = 0
    /// Several ranges of the source, and which of them is being sent.
    private let parts: MultipartRanges?
    private var part = 0
    private var hasQueuedLast = false

    init(
        head: [UInt8], source: Source, framing: Framing, start: Int64 = 0, end: Int64?, limit: Int64 = 0,
        headMayGo: Bool = false, parts: MultipartRanges? = nil
    ) {
        outbox = parts.map { head + $0.opening(of: 0) } ?? head
        self.parts = parts
        self.source = source
        self.framing = framing
        position = start
        self.end = end
        self.limit = limit
        self.headMayGo = headMayGo
    }

    /// Bytes of the source given to the socket.
    private(set) var delivered: Int64 = 0

    /// Bytes given to the socket, those of head and framing included.
    private(set) var sent: Int64 = 0

    /// Whether anything of the answer has been given to the socket.
    private(set) var hasBegun = false

    /// Bytes up to this offset of the source may go before the release, and so may the head.
    mutating func allow(upTo offset: Int64) {
        limit = max(limit, offset)
        headMayGo = true
    }

    /// Whether there is a byte to ``trickle()``: only where a part has been let go, and never the last one.
    var mayTrickle: Bool {
        guard headMayGo, !isReleased, let end else { return false }
        return limit < end - 1
    }

    /// Lets one more byte of what is held go, so that the client sees that somebody is there.
    mutating func trickle() {
        if mayTrickle { limit += 1 }
    }

    /// The record is durable and the verdict, where one is needed, is in: everything may go.
    mutating func release() {
        isReleased = true
        headMayGo = true
        limit = .max
    }

    /// What one call gives to the socket at most, and what a connection may send before others have their turn.
    ///
    /// Half a turn's worth in each of several calls costs a tenth more for large bodies; twice as much in one keeps the socket's
    /// queue so full that it is not in the processor's cache any more.
    private static let largestPiece = 512 << 10

    /// Sends what may be sent, about ``largestPiece`` and at most twice as much.
    mutating func pump(_ stream: ByteStream) -> Step {
        guard headMayGo else { return .waiting }
        var budget = Self.largestPiece
        while budget > 0 {
            let before = (position, outboxSent)
            let outcome: ByteStream.Outcome?
            switch nextPiece(atMost: Self.largestPiece) {
            case .nothing:
                if !hasQueuedLast, isReleased, position == end {
                    if beginNextPart() { continue }
                    hasQueuedLast = true
                    if framing == .chunked { ChunkedEncoder.appendLastChunk(trailers: trailers, to: &outbox) }
                }
                guard outboxSent < outbox.count else { return hasQueuedLast ? .finished : .waiting }
                outcome = sendOutbox(stream, more: false)
            case .memory(let bytes, let from, let count):
                outcome = bytes.withUnsafeBytes { send($0, from: from, count: count, to: stream) }
            case .reader(let reader, let count):
                if stream.canSendFile, let mapped = reader.mapped {
                    outcome = withExtendedLifetime(reader) {
                        let body = UnsafeRawBufferPointer(rebasing: mapped[Int(position)..<Int(position) + count])
                        return sendWithOutbox { stream.write(head: $0, mapped: body) }
                    }
                } else if let file = reader.plainFile, stream.canSendFile {
                    outcome = sendFile(file, reader, count: count, to: stream)
                } else {
                    do throws(StoreError) {
                        outcome = try send(from: reader, count: count, to: stream)
                    } catch {
                        return .storeFailed(error)
                    }
                }
            case .gone:
                return .sourceFailed("the client was too slow for a body that could not be stored")
            }
            switch outcome {
            case .count: hasBegun = true
            case .wouldBlock: return .blocked
            case .end: return .sourceFailed("the stored body is shorter than it should be")
            case .failed(let reason): return .clientFailed(reason)
            case nil: return .sourceFailed("the stored body cannot be read")
            }
            let count = Int(position - before.0) + outboxSent - before.1
            budget -= count
            sent += Int64(count)
            if outboxSent == outbox.count, outboxSent > 0 {
                outbox.removeAll(keepingCapacity: framing == .chunked)
                outboxSent = 0
            }
        }
        return .turn
    }

    /// Goes on with the next of several ranges, or ends them.
    ///
    /// Several ranges go after the release only: no ``limit`` holds them.
    private mutating func beginNextPart() -> Bool {
        guard let parts else { return false }
        part += 1
        guard part < parts.parts.count else {
            outbox += parts.closing
            return false
        }
        outbox += parts.opening(of: part)
        position = parts.parts[part].first
        end = parts.parts[part].last + 1
        return true
    }

    private enum Piece {
        case nothing
        case memory([UInt8], from: Int, count: Int)
        case reader(any BlobReader, count: Int)
        case gone
    }

    /// Finds the next bytes that may go, and opens a chunk for them where the body is chunked.
    private mutating func nextPiece(atMost most: Int) -> Piece {
        let allowed = min(end ?? .max, limit) - position
        guard allowed > 0 else { return .nothing }
        var count = Int(min(Int64(most), allowed))
        if chunkLeft > 0 { count = min(count, chunkLeft) }
        let piece: Piece
        switch source {
        case .none: return .nothing
        case .bytes(let bytes):
            count = min(count, bytes.count - Int(position))
            piece = .memory(bytes, from: Int(position), count: count)
        case .reader(let reader):
            piece = .reader(reader, count: count)
        case .fill(let fill, let token):
            switch fill.bytes(at: position, for: token) {
            case .memory(let bytes, let from):
                count = min(count, bytes.count - from)
                piece = .memory(bytes, from: from, count: count)
            case .staged(let reader, let available):
                count = Int(min(Int64(count), available))
                piece = .reader(reader, count: count)
            case .notYet: return .nothing
            case .gone: return .gone
            }
        }
        guard count > 0 else { return .nothing }
        if framing == .chunked, chunkLeft == 0 {
            ChunkedEncoder.appendChunkHeader(size: count, to: &outbox)
            chunkLeft = count
        }
        return piece
    }

    private mutating func sendOutbox(_ stream: ByteStream, more: Bool) -> ByteStream.Outcome {
        let outcome = outbox.withUnsafeBytes {
            stream.write(UnsafeRawBufferPointer(rebasing: $0[outboxSent...]), more: more)
        }
        if case .count(let count) = outcome { outboxSent += count }
        return outcome
    }

    private mutating func send(
        _ bytes: UnsafeRawBufferPointer, from: Int, count: Int, to stream: ByteStream
    ) -> ByteStream.Outcome {
        let body = UnsafeRawBufferPointer(rebasing: bytes[from..<from + count])
        return sendWithOutbox { stream.write(head: $0, body: body) }
    }

    /// Sends what waits in the outbox together with bytes of the source, and counts both.
    private mutating func sendWithOutbox(
        _ write: (UnsafeRawBufferPointer) -> ByteStream.Outcome
    ) -> ByteStream.Outcome {
        let waiting = outbox.count - outboxSent
        let outcome = outbox.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[outboxSent...])) }
        if case .count(let sent) = outcome {
            outboxSent += min(sent, waiting)
            advance(max(0, sent - waiting))
        }
        return outcome
    }

    private mutating func send(
        from reader: any BlobReader, count: Int, to stream: ByteStream
    ) throws(StoreError) -> ByteStream.Outcome {
        var outcome = ByteStream.Outcome.end
        let before = position
        try reader.lend(at: position, count: count, scratch: stream.loop.scratch) { bytes in
            outcome = send(bytes, from: 0, count: bytes.count, to: stream)
            return Int(position - before)
        }
        return outcome
    }

    private mutating func sendFile(
        _ file: (descriptor: Int32, offset: Int64), _ reader: any BlobReader, count: Int, to stream: ByteStream
    ) -> ByteStream.Outcome {
        if outboxSent < outbox.count { return sendOutbox(stream, more: true) }
        let outcome = withExtendedLifetime(reader) {
            stream.sendFile(descriptor: file.descriptor, offset: file.offset + position, count: count)
        }
        if case .count(let sent) = outcome { advance(sent) }
        return outcome
    }

    private mutating func advance(_ count: Int) {
        position += Int64(count)
        delivered += Int64(count)
        guard framing == .chunked, count > 0 else { return }
        chunkLeft -= count
        if chunkLeft == 0 { outbox += [0x0d, 0x0a] }
    }
}
