internal import Core
internal import Glibc
internal import Platform
internal import Storage

/// Two files that take turns: one is appended to while what stands in the other is taken in.
///
/// Both are empty when nothing waits. Only appending is on somebody's way: one write into the page cache for all rows that
/// come together.
struct Journal: Sendable {
    /// How bytes get into a file, so that a test can make it fail.
    typealias Write = @Sendable (SharedDescriptor, [UInt8], Int64) throws(SystemError) -> Void

    private struct File: Sendable {
        let path: String
        let descriptor: SharedDescriptor
        var end: Int64 = 0
    }

    private var files: [File]
    private var active = 0
    private let header: [UInt8]
    private let write: Write
    private var buffer: [UInt8] = []

    /// Opens the files, making them where they are not there; what is in them is for ``readAndEmpty(bootID:)``.
    init(path: String, bootID: String, write: @escaping Write) throws(SystemError) {
        var files: [File] = []
        for path in Self.paths(path) {
            let descriptor = SharedDescriptor(
                adopting: try Kernel.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode: 0o600))
            files.append(
                File(path: path, descriptor: descriptor, end: try Kernel.fstat(descriptor.raw).size))
        }
        self.files = files
        self.write = write
        header = JournalFormat.header(bootID: bootID)
    }

    static func paths(_ path: String) -> [String] { ["\(path)-0", "\(path)-1"] }

    /// Bytes that stand in both files.
    var size: Int64 { files.reduce(0) { $0 + $1.end } }

    /// Appends rows; nothing of them is there when it throws.
    mutating func append(_ rows: [ExchangeRow]) throws(SystemError) {
        buffer.removeAll(keepingCapacity: true)
        let end = files[active].end
        if end == 0 { buffer += header }
        for row in rows { JournalFormat.append(row, to: &buffer) }
        do throws(SystemError) {
            try write(files[active].descriptor, buffer, end)
        } catch {
            // What a torn write left must not look like entries later.
            try? Kernel.ftruncate(files[active].descriptor.raw, end)
            throw error
        }
        files[active].end = end + Int64(buffer.count)
        if buffer.capacity > Self.keptBuffer { buffer = [] }
    }

    private static let keptBuffer = 1 << 20

    /// Appends to the other file from now on, if that one is empty.
    mutating func turnOver() {
        let other = 1 - active
        if files[other].end == 0, files[active].end > 0 { active = other }
    }

    /// Empties the file that is not appended to: all that stood in it has been taken in.
    mutating func emptyOther() { empty(1 - active) }

    /// Empties both files: all that stood in them has been taken in.
    mutating func emptyBoth() {
        empty(0)
        empty(1)
    }

    private mutating func empty(_ index: Int) {
        guard files[index].end > 0 else { return }
        // When it cannot be emptied, it is the next time; what is taken in twice is known by its numbers.
        if (try? Kernel.ftruncate(files[index].descriptor.raw, 0)) != nil { files[index].end = 0 }
    }

    /// What an earlier run of the service left.
    struct Remains {
        var rows: [ExchangeRow] = []
        /// Which file has something in it that no run of the service can have left in this boot of the machine.
        var damaged: String?
    }

    /// Reads what an earlier run left.
    func remains(bootID: String) throws(SystemError) -> Remains {
        var remains = Remains()
        for file in files where file.end > 0 {
            let bytes = try Kernel.contents(of: file.path, limit: .max)
            guard bytes.count >= JournalFormat.headerSize else { continue }
            guard let boot = JournalFormat.bootID(bytes[..<JournalFormat.headerSize]) else {
                remains.damaged = file.path
                continue
            }
            let (rows, damage) = JournalFormat.rows(bytes)
            remains.rows += rows
            // After the machine's end anything may be missing: its sessions are said to be incomplete for that.
            if damage != nil, boot == bootID { remains.damaged = file.path }
        }
        return remains
    }
}
