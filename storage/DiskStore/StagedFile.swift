import Storage
import Synchronization
import Platform

/// A file that is being written at its end and read meanwhile.
final class StagedFile: Sendable {
    let file: SharedDescriptor
    let path: String
    private let files: FileCalls
    /// Bytes that can be read: set after they are written.
    private let published = Atomic<Int64>(0)

    init(file: SharedDescriptor, path: String, files: FileCalls) {
        self.file = file
        self.path = path
        self.files = files
    }

    var size: Int64 { published.load(ordering: .acquiring) }

    /// Adds bytes at the end; one job at a time.
    ///
    /// After a failure the size is as before.
    func append(_ bytes: [UInt8]) throws(SystemError) {
        let end = size
        try files.write(file, bytes, at: end)
        published.store(end + Int64(bytes.count), ordering: .releasing)
    }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        let size = size
        guard offset >= 0, offset < size else { return 0 }
        let wanted = min(buffer.count, Int(size - offset))
        return try files.read(file, into: buffer.part(0..<wanted), at: offset)
    }

    /// Everything that was written; for small bodies.
    func content() throws(SystemError) -> [UInt8] { try files.read(file, count: Int(size), at: 0) }
}

/// Reads a body while it is written, and for as long as anybody wants to.
final class StagedReader: BlobReader {
    private let staged: StagedFile

    init(_ staged: StagedFile) { self.staged = staged }

    var size: Int64 { staged.size }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        try StoreError.during("read a staged blob") { () throws(SystemError) in
            try staged.read(at: offset, into: buffer)
        }
    }

    var plainFile: (descriptor: Int32, offset: Int64)? { (staged.file.raw, 0) }
}
