import Platform
import Storage
import Synchronization

/// A blob in a file of its own, as it is.
final class PlainFileReader: BlobReader {
    private let file: SharedDescriptor
    private let files: FileCalls
    private let room: MappingRoom
    private let map = Lock<MappedFile?>(nil)
    let size: Int64

    init(file: SharedDescriptor, size: Int64, files: FileCalls, room: MappingRoom) {
        self.file = file
        self.size = size
        self.files = files
        self.room = room
    }

    deinit {
        if map.withLock({ $0 != nil }) { room.giveBack(Int(size)) }
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

    func noteReuse() {
        map.withLock { map in
            guard map == nil, size <= MappingRoom.largest, room.take(Int(size)) else { return }
            map = MappedFile(file, count: Int(size))
            if map == nil { room.giveBack(Int(size)) }
        }
    }

    var mapped: UnsafeRawBufferPointer? { map.withLock { $0?.bytes } }
}

/// How much of files may be mapped, since what is mapped counts as the process's memory and is let go by the kernel last.
final class MappingRoom: Sendable {
    /// The largest file that is mapped: giving back so much takes about a millisecond, which may be a loop's.
    static let largest: Int64 = 64 << 20

    private let left: Atomic<Int>

    init(_ bytes: Int) { left = Atomic(bytes) }

    /// Takes room; `false` when there is not enough.
    func take(_ bytes: Int) -> Bool {
        guard left.subtract(bytes, ordering: .relaxed).newValue < 0 else { return true }
        giveBack(bytes)
        return false
    }

    func giveBack(_ bytes: Int) { left.add(bytes, ordering: .relaxed) }
}
