import Cache
import Core
import MemoryStorage
import Platform
import Storage
import Testing
import Wire

/// A download that a test drives: what it appends and stages can be checked byte by byte.
final class DrivenFill: Sendable {
    let fill = Fill(key: FillKey(partition: .shared, key: "k"))
    let resumed = Lock(0)
    private let sink: any BlobSink
    private let sent = Lock<Int64>(0)
    static let piece: Int64 = 64 << 10

    init() throws {
        sink = try MemoryBlobStore().stage(scope: .shared, expectedSize: nil)
        fill.onResume { [resumed] in resumed.withLock { $0 += 1 } }
    }

    /// Bytes that repeat only after a prime number of them, so that no shift by a piece goes unseen.
    private static let pattern: [UInt8] = {
        var random = Numbers(state: 7)
        return (0..<65_521).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }()

    static func bytes(_ range: Range<Int64>) -> [UInt8] {
        var all: [UInt8] = []
        var offset = Int(range.lowerBound)
        while offset < range.upperBound {
            let start = offset % pattern.count
            let end = min(pattern.count, start + Int(range.upperBound) - offset)
            all += pattern[start..<end]
            offset += end - start
        }
        return all
    }

    func begin() { fill.begin(head()) }

    func head(length: Int64? = nil) -> Fill.Head {
        Fill.Head(
            response: ResponseHead(status: 200), length: length, partition: .shared, isShareable: true,
            varyNames: [], variant: "", isDecoded: false)
    }

    /// Receives bytes.
    func receive(_ count: Int64) -> Fill.Pressure {
        let start = sent.withLock { sent in
            defer { sent += count }
            return sent
        }
        return fill.append(Self.bytes(start..<start + count))
    }

    /// Receives pieces until it must pause, which it must before long.
    func receiveUntilPaused() {
        for _ in 0..<100 where receive(Self.piece) == .pause { return }
        Issue.record("the producer is never paused")
    }

    /// Stages everything up to an offset.
    func stage(to offset: Int64) throws {
        fill.willStage(through: sink.reader())
        let staged = sink.size
        if offset > staged { try sink.append(Self.bytes(staged..<offset)) }
        fill.staged(upTo: offset)
    }

    func complete() {
        let size = sent.withLock { $0 }
        fill.complete(Fill.Completion(digest: digest("x"), size: size, trailers: Fields(), blob: nil))
    }

    /// Reads everything that can be had from an offset on, checking it; where it stopped and why.
    func drain(from offset: Int64, _ token: Int) throws -> (reached: Int64, isGone: Bool) {
        var offset = offset
        while true {
            switch fill.bytes(at: offset, for: token) {
            case .memory(let bytes, let from):
                #expect(from < bytes.count)
                #expect(Array(bytes[from...]) == Self.bytes(offset..<offset + Int64(bytes.count - from)))
                offset += Int64(bytes.count - from)
            case .staged(let reader, let count):
                var piece = [UInt8](repeating: 0, count: Int(min(count, 50_000)))
                let got = try piece.withUnsafeMutableBytes { try reader.read(at: offset, into: $0) }
                #expect(got > 0)
                #expect(Array(piece[..<got]) == Self.bytes(offset..<offset + Int64(got)))
                offset += Int64(got)
            case .notYet: return (offset, false)
            case .gone: return (offset, true)
            }
        }
    }
}
