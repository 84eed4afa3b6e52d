internal import Glibc
internal import Storage
internal import Platform

/// A file that takes room on the disk, given back when the database needs it.
final class Reserve: Sendable {
    /// How much is kept.
    static let size: Int64 = 8 << 20

    private let path: String

    /// Names the file; ``refill()`` makes it.
    init(path: String) { self.path = path }

    /// Whether the room is taken, so that the database can have it; asks the file system.
    var isTaken: Bool { ((try? Kernel.stat(path)) ?? nil)?.size == Self.size }

    /// Gives the room back.
    ///
    /// - Returns: Whether there was any.
    func release() -> Bool {
        do {
            guard let status = try Kernel.stat(path), status.size > 0 else { return false }
            try Kernel.unlinkIfPresent(path)
            return true
        } catch {
            return false
        }
    }

    /// Takes the room again, when as much is left beside it.
    ///
    /// - Throws: `.full` when it is not; nothing is taken then.
    func refill() throws(StoreError) {
        do throws(SystemError) {
            if let status = try Kernel.stat(path), status.isRegular, status.size == Self.size { return }
            try Kernel.unlinkIfPresent(path)
            let file = try Kernel.open(path, O_RDWR | O_CREAT | O_EXCL)
            do throws(SystemError) {
                try file.withRaw(take)
            } catch {
                try Kernel.unlinkIfPresent(path)
                throw error
            }
        } catch {
            let isFull = [ENOSPC, EDQUOT].contains(error.code)
            throw StoreError(
                isFull ? .full : .unavailable, "reserve \(Self.size) bytes for the record", error.description)
        }
    }

    private func take(_ file: CInt) throws(SystemError) {
        guard try Kernel.space(at: path).available >= 2 * Self.size else {
            throw SystemError(call: "statvfs \(path)", code: ENOSPC)
        }
        do throws(SystemError) {
            try Kernel.fallocate(file, offset: 0, length: Self.size)
        } catch {
            guard error.code == EOPNOTSUPP else { throw error }
            let zeros = [UInt8](repeating: 0, count: Int(Self.size))
            try unsafe zeros.span.bytes.withUnsafeBytes { (bytes) throws(SystemError) in
                try unsafe Kernel.writeAll(file, bytes)
            }
        }
    }
}
