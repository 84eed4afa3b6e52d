import Glibc
package import Platform

/// Every call that the store makes to the file system, so that a test can make each of them fail.
///
/// The production value costs one comparison with `nil` per call.
package struct FileCalls: Sendable {
    /// What is about to be called.
    package enum Call: Hashable, Sendable {
        case open, status, read, write, rename, makeFolder, removeFolder, unlink, list, sync, punch
    }

    /// What happens instead.
    package enum Fault: Sendable {
        /// The call fails with this `errno` and does nothing.
        case fail(CInt)
        /// A write stores so many bytes and then fails; another call just fails.
        case tear(after: Int, CInt)
    }

    /// Asked before every call; `nil` lets it happen.
    package var fault: (@Sendable (Call) -> Fault?)?
    /// The room of the file system that holds a path.
    package var space: @Sendable (String) throws(SystemError) -> FileSystemSpace

    /// Calls the kernel.
    package init(
        fault: (@Sendable (Call) -> Fault?)? = nil,
        space: @escaping @Sendable (String) throws(SystemError) -> FileSystemSpace = { path throws(SystemError) in
            try Kernel.space(at: path)
        }
    ) {
        self.fault = fault
        self.space = space
    }

    private func check(_ call: Call) throws(SystemError) {
        switch fault?(call) {
        case nil: return
        case .fail(let code), .tear(_, let code): throw SystemError(call: "\(call) (injected)", code: code)
        }
    }

    /// Opens a file, never through a symbolic link.
    func open(_ path: String, _ flags: CInt) throws(SystemError) -> SharedDescriptor {
        try check(.open)
        return SharedDescriptor(adopting: try Kernel.open(path, flags | O_NOFOLLOW, mode: 0o600))
    }

    /// Opens a file for reading; `nil` when it is not there.
    func openIfPresent(_ path: String) throws(SystemError) -> SharedDescriptor? {
        do {
            return try open(path, O_RDONLY)
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
    }

    func status(_ file: SharedDescriptor) throws(SystemError) -> FileStatus {
        try check(.status)
        return try Kernel.fstat(file.raw)
    }

    func status(_ path: String) throws(SystemError) -> FileStatus? {
        try check(.status)
        return try Kernel.stat(path)
    }

    /// Reads until the buffer is full or the file ends.
    func read(
        _ file: SharedDescriptor, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int {
        try check(.read)
        return try Kernel.preadFully(file.raw, into: buffer, offset: offset)
    }

    /// Reads up to `count` bytes; fewer only at the end of the file.
    func read(_ file: SharedDescriptor, count: Int, at offset: Int64) throws(SystemError) -> [UInt8] {
        try check(.read)
        // The initialiser of an array rethrows untyped errors only, so the outcome leaves in a variable.
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(SystemError) {
                let room = UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count)
                filled = try Kernel.preadFully(file.raw, into: room, offset: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes all bytes at an offset.
    func write(_ file: SharedDescriptor, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
        switch fault?(.write) {
        case nil: break
        case .fail(let code): throw SystemError(call: "pwrite (injected)", code: code)
        case .tear(let count, let code):
            let torn = UnsafeRawBufferPointer(rebasing: bytes[..<min(count, bytes.count)])
            try Kernel.pwriteAll(file.raw, torn, offset: offset)
            throw SystemError(call: "pwrite (injected)", code: code)
        }
        try Kernel.pwriteAll(file.raw, bytes, offset: offset)
    }

    func write(_ file: SharedDescriptor, _ bytes: [UInt8], at offset: Int64) throws(SystemError) {
        try bytes.span.withUnsafeBytes { (bytes) throws(SystemError) in try write(file, bytes, at: offset) }
    }

    func rename(_ old: String, to new: String) throws(SystemError) {
        try check(.rename)
        try Kernel.rename(old, to: new)
    }

    /// Makes a folder that only we can enter; one that is there is no error.
    func makeFolder(_ path: String) throws(SystemError) {
        try check(.makeFolder)
        try Kernel.mkdir(path, mode: 0o700)
    }

    func removeFolder(_ path: String) throws(SystemError) {
        try check(.removeFolder)
        try Kernel.rmdir(path)
    }

    /// Removes a file; one that is not there is no error.
    func unlink(_ path: String) throws(SystemError) {
        try check(.unlink)
        try Kernel.unlinkIfPresent(path)
    }

    /// The names in a folder; none when it is not there.
    func list(_ folder: String) throws(SystemError) -> [String] {
        try check(.list)
        do {
            return try Kernel.names(inFolder: folder)
        } catch {
            guard error.code == ENOENT else { throw error }
            return []
        }
    }

    func sync(_ file: SharedDescriptor) throws(SystemError) {
        try check(.sync)
        try Kernel.fdatasync(file.raw)
    }

    func syncFolder(_ path: String) throws(SystemError) {
        try check(.sync)
        try Kernel.syncFolder(path)
    }

    /// Gives the room of a range back; a file system that cannot is no error, the room comes with the file's end.
    func punch(_ file: SharedDescriptor, offset: Int64, length: Int64) throws(SystemError) {
        try check(.punch)
        do {
            try Kernel.punchHole(file.raw, offset: offset, length: length)
        } catch {
            guard error.code == EOPNOTSUPP || error.code == ENOSYS else { throw error }
        }
    }
}
