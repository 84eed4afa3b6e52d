internal import Core
internal import Platform
internal import Storage

/// Two files that take turns: one is appended to while what stands in the other is taken in.
///
/// Both are empty when nothing waits. Only appending is on somebody's way.
struct Journal: Sendable {
    private var active: JournalFile
    /// The other one; not there while somebody empties it.
    private var spare: JournalFile?
    private let header: [UInt8]

    /// Opens the files, making them where they are not there; ``remains(bootID:)`` tells what is in them.
    init(
        path: String, bootID: String, roomLasts: Duration, extend: @escaping JournalFile.Extend
    ) throws(SystemError) {
        active = try JournalFile(path: "\(path)-0", roomLasts: roomLasts, extend: extend)
        spare = try JournalFile(path: "\(path)-1", roomLasts: roomLasts, extend: extend)
        header = JournalFormat.header(bootID: bootID)
    }

    /// Bytes that stand in both files.
    var size: Int { active.end + (spare?.end ?? 0) }

    /// Appends rows if that takes no system call: all of them or none.
    func append(_ rows: [ExchangeRow], now: MonotonicTime) -> Bool { active.append(rows, header: header, now: now) }

    /// Appends rows, all of them or none; may wait for the disk.
    func appendWaiting(_ rows: [ExchangeRow]) throws(SystemError) {
        if append(rows, now: .now()) { return }
        try active.makeRoom(rows.reduce(header.count) { $0 + JournalFormat.size(of: $1) })
        guard active.append(rows, header: header, now: .now()) else {
            throw SystemError(call: "append to the journal", code: 11 /* EAGAIN */)
        }
    }

    /// Appends to the other file from now on, if that one is empty.
    mutating func turnOver() {
        guard let other = spare, other.end == 0, active.end > 0 else { return }
        spare = active
        active = other
    }

    /// Hands out the file that is not appended to, until ``putBack(_:)``.
    mutating func takeSpare() -> JournalFile? { spare.take() }

    mutating func putBack(_ file: JournalFile) { spare = file }

    /// Empties the file that is appended to: all that stood in it has been taken in.
    func emptyActive() { active.empty() }

    /// Whether there is memory to give back with ``giveRoomBack()``.
    var hasRoom: Bool { active.hasRoom || spare?.hasRoom == true }

    /// Lets go of the memory that both files have.
    func giveRoomBack() {
        active.giveRoomBack()
        spare?.giveRoomBack()
    }

    /// Makes both files short again; nothing may be in them.
    func truncate() {
        active.truncate()
        spare?.truncate()
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
        for file in [active, spare].compactMap(\.self) where file.end > 0 {
            let bytes = try Kernel.contents(of: file.path, limit: .max)
            guard !JournalFormat.isEmpty(bytes) else { continue }
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
