internal import Core
internal import Glibc
internal import Platform
internal import Storage
internal import Synchronization

/// One file of a journal, mapped: what is copied into it stands in the file, whatever becomes of this process.
///
/// Appending is no system call and waits for no disk, as long as there is room: pages that were written before and have just
/// been got into memory. Making room may take as long as the disk likes. Beyond what was appended stand zeros.
///
/// Sendable because one thread at a time has it: under the lock while it is appended to, by turn while it is emptied.
final class JournalFile: @unchecked Sendable {
    /// How a file gets zeros in a range of bytes that it does not have yet, so that a test can make it fail.
    typealias Extend = @Sendable (SharedDescriptor, Range<Int>) throws(SystemError) -> Void

    let path: String
    private let descriptor: SharedDescriptor
    private let mapping: WritableMapping
    private let extend: Extend
    private let roomLasts: Duration
    /// Bytes that the file has.
    private var size: Int
    /// Bytes that have been appended, the header among them; 0 when it is empty.
    private(set) var end = 0
    /// Up to where writing waits for nothing, until ``roomEnds``.
    private var room = 0
    private var roomEnds = MonotonicTime.now()
    /// The most that has been appended between two times that it was emptied.
    private var mostUsed = 0

    /// How much a file can hold.
    static let capacity = 32 << 20
    /// The file grows by so many bytes at a time.
    private static let growth = 256 << 10
    /// Room that is made beyond what is needed, at most.
    private static let mostSpare = 4 << 20

    /// Opens the file, making it where it is not there; what is in it stays until ``empty()``.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - roomLasts: How long pages are taken to stay as they are: the kernel writes them back after some seconds, and then
    ///     the first one who writes to them waits for the file system.
    ///   - extend: How the file grows.
    /// - Throws: ``SystemError`` when it cannot be opened or mapped.
    init(path: String, roomLasts: Duration, extend: @escaping Extend) throws(SystemError) {
        self.path = path
        self.roomLasts = roomLasts
        self.extend = extend
        descriptor = SharedDescriptor(
            adopting: try Kernel.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode: 0o600))
        size = Int(clamping: try Kernel.fstat(descriptor.raw).size)
        mapping = try WritableMapping(descriptor, count: max(Self.capacity, size))
        end = size
    }

    /// Appends rows, with the header before the first of them, if there is room for them now.
    func append(_ rows: [ExchangeRow], header: [UInt8], now: MonotonicTime) -> Bool {
        guard now < roomEnds else { return false }
        let needed = rows.reduce(end == 0 ? header.count : 0) { $0 + JournalFormat.size(of: $1) }
        guard room - end >= needed else { return false }
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: mapping.bytes[..<room])
        if end == 0 {
            // The magic comes last: a header that was cut off by the end of the process is none.
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[4..<header.count])
            unsafe rest.copyBytes(from: header[4...])
            atomicMemoryFence(ordering: .releasing)
            unsafe bytes.copyBytes(from: header[..<4])
            end = header.count
        }
        for row in rows {
            let size = JournalFormat.size(of: row)
            unsafe JournalFormat.write(row, to: UnsafeMutableRawBufferPointer(rebasing: bytes[end..<(end + size)]))
            end += size
        }
        return true
    }

    /// Makes room for so many bytes and some more; may take its time.
    ///
    /// - Throws: ``SystemError`` when the medium is full or fails; what is in the file stays.
    func makeRoom(_ count: Int) throws(SystemError) {
        let spare = min(max(2 * mostUsed, Self.growth), Self.mostSpare)
        guard end + count <= Self.capacity else { throw SystemError(call: "append to the journal", code: EFBIG) }
        let wanted = min((end + count + spare + Self.growth - 1) / Self.growth * Self.growth, Self.capacity)
        if wanted > size {
            try extend(descriptor, size..<wanted)
            size = wanted
        }
        try mapping.populate(end..<wanted)
        room = wanted
        roomEnds = .now() + roomLasts
    }

    /// Whether there is memory to give back with ``giveRoomBack()``.
    var hasRoom: Bool { room > 0 }

    /// Lets go of the memory, when nobody has appended anything for long; what is in the file stays.
    func giveRoomBack() {
        room = 0
        mapping.letGo()
    }

    /// Forgets what has been appended, without a trace.
    func empty() {
        guard end > 0 else { return }
        if room > 0 { mostUsed = max(mostUsed, end) }
        // The magic goes first: a file without it is empty, whatever else it has.
        zero(0..<4)
        atomicMemoryFence(ordering: .releasing)
        zero(0..<end)
        end = 0
    }

    private func zero(_ range: Range<Int>) {
        let range = min(range.lowerBound, size)..<min(range.upperBound, size)
        _ = unsafe UnsafeMutableRawBufferPointer(rebasing: mapping.bytes[range])
            .initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Gives the disk back; what was appended must have been emptied.
    func truncate() {
        precondition(end == 0, "the journal still holds exchanges")
        giveRoomBack()
        size = 0
        // When it cannot be, zeros stay, which are as good.
        try? Kernel.ftruncate(descriptor.raw, 0)
    }
}
