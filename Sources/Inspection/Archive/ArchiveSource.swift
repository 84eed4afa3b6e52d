/// Where an archive reader takes its bytes from.
protocol ArchiveSource: AnyObject {
    /// The next piece, valid until the next call; empty at the end.
    func next() throws(ExtractionError) -> UnsafeRawBufferPointer

    /// Goes forward without reading; returns how far, 0 when it cannot.
    func skip(_ count: Int64) -> Int64

    /// Goes to a position from the start, or returns `nil` when it cannot.
    func seek(to position: Int64) -> Int64?

    var position: Int64 { get }
    /// The whole length, or `nil` when it is not known.
    var size: Int64? { get }
}

/// A blob as the source of an archive.
final class BlobSource: ArchiveSource {
    private let bytes: any BlobBytes
    private let budget: ExtractionBudget
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 64)
    /// Small behind a seek and doubled at each read: walking many small members must not read the blob many times.
    private var pieceSize = 4 << 10
    private(set) var position: Int64 = 0
    /// Bytes that may still be read, when the phase has a limit.
    var readAllowance: Int64?

    init(_ bytes: any BlobBytes, budget: ExtractionBudget) {
        self.bytes = bytes
        self.budget = budget
    }

    deinit { buffer.deallocate() }

    var size: Int64? { bytes.size }

    func next() throws(ExtractionError) -> UnsafeRawBufferPointer {
        try budget.checkTime()
        let count = try bytes.readPiece(
            at: position, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<pieceSize]))
        if let allowance = readAllowance {
            guard allowance >= Int64(count) else {
                throw .limit("the archive's directory is longer than \(budget.limits.directoryBytes) bytes")
            }
            readAllowance = allowance - Int64(count)
        }
        position += Int64(count)
        pieceSize = min(pieceSize * 2, buffer.count)
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }

    func skip(_ count: Int64) -> Int64 {
        let distance = max(0, min(count, bytes.size - position))
        position += distance
        return distance
    }

    func seek(to position: Int64) -> Int64? {
        guard (0...bytes.size).contains(position) else { return nil }
        self.position = position
        pieceSize = 4 << 10
        return position
    }
}

/// The data of an archive's present member as the source of an archive inside it.
final class MemberSource: ArchiveSource {
    private let outer: ArchiveReader
    private(set) var position: Int64 = 0

    init(_ outer: ArchiveReader) { self.outer = outer }

    var size: Int64? { nil }

    func next() throws(ExtractionError) -> UnsafeRawBufferPointer {
        let piece = try outer.readPiece()
        position += Int64(piece.count)
        return piece
    }

    func skip(_ count: Int64) -> Int64 { 0 }

    func seek(to position: Int64) -> Int64? { nil }
}
