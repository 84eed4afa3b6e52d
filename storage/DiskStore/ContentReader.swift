import Storage

/// A small body, held in memory since it was read and checked at the opening.
final class ContentReader: BlobReader {
    private let content: [UInt8]

    init(_ content: [UInt8]) { self.content = content }

    var size: Int64 { Int64(content.count) }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        guard offset >= 0, offset < size else { return 0 }
        let rest = content[Int(offset)...].prefix(buffer.count)
        buffer.copyBytes(from: rest)
        return rest.count
    }

    var plainFile: (descriptor: Int32, offset: Int64)? { nil }
}
