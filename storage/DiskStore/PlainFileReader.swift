import Storage
import Platform

/// A blob in a file of its own, as it is.
final class PlainFileReader: BlobReader {
    private let file: SharedDescriptor
    private let files: FileCalls
    let size: Int64

    init(file: SharedDescriptor, size: Int64, files: FileCalls) {
        self.file = file
        self.size = size
        self.files = files
    }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        guard offset >= 0, offset < size else { return 0 }
        let wanted = min(buffer.count, Int(size - offset))
        let count = try StoreError.during("read a blob") { () throws(SystemError) in
            try files.read(file, into: buffer.part(0..<wanted), at: offset)
        }
        guard count == wanted else {
            throw StoreError(.corrupt, "read a blob", "the file became shorter than \(size) bytes")
        }
        return count
    }

    var plainFile: (descriptor: Int32, offset: Int64)? { (file.raw, 0) }
}
