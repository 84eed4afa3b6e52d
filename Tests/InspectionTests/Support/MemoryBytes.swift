import Inspection

/// A body in memory, whose reads can be made to fail from an offset on.
struct MemoryBytes: BlobBytes {
    struct Failure: Error {}

    var bytes: [UInt8]
    var failsFrom: Int64 = .max

    init(_ bytes: [UInt8], failsFrom: Int64 = .max) {
        self.bytes = bytes
        self.failsFrom = failsFrom
    }

    var size: Int64 { Int64(bytes.count) }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard offset + Int64(buffer.count) <= failsFrom else { throw Failure() }
        guard offset < size else { return 0 }
        let piece = bytes[Int(offset)...].prefix(buffer.count)
        buffer.copyBytes(from: piece)
        return piece.count
    }
}
