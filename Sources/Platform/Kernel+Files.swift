import CLinux
import Glibc

/// What `fstat` and `stat` tell, as far as we care.
package struct FileStatus: Sendable, Hashable {
    package var size: Int64
    /// Bytes that the file takes on the disk.
    package var sizeOnDisk: Int64
    package var device: UInt64
    package var inode: UInt64
    package var mode: UInt32
    /// Owner's user id.
    package var owner: UInt32
    package var links: UInt64
    /// Last change of the contents, in nanoseconds since the epoch.
    package var modified: Int64

    package var isRegular: Bool { mode & S_IFMT == S_IFREG }
    package var isDirectory: Bool { mode & S_IFMT == S_IFDIR }

    init(_ status: stat) {
        size = Int64(status.st_size)
        sizeOnDisk = Int64(status.st_blocks) * 512
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        mode = UInt32(status.st_mode)
        owner = UInt32(status.st_uid)
        links = UInt64(status.st_nlink)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}

/// The room of a file system.
package struct FileSystemSpace: Sendable, Hashable {
    /// Bytes that an ordinary user may still write.
    package var available: Int64
    package var total: Int64
}

extension Kernel {
    /// Opens a file, always with `O_CLOEXEC`.
    package static func open(_ path: String, _ flags: CInt, mode: UInt32 = 0o600) throws(SystemError) -> OwnedDescriptor
    {
        OwnedDescriptor(adopting: try checked("open", path) { Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// Opens a file relative to a folder, always with `O_CLOEXEC`.
    package static func openat(
        _ folder: CInt, _ path: String, _ flags: CInt, mode: UInt32 = 0o600
    ) throws(SystemError) -> OwnedDescriptor {
        OwnedDescriptor(adopting: try checked("openat", path) { Glibc.openat(folder, path, flags | O_CLOEXEC, mode) })
    }

    /// Reads a file at an offset.
    ///
    /// - Returns: The bytes read; 0 at the end, fewer than asked for only near it.
    package static func pread(
        _ fd: CInt, into buffer: UnsafeMutableRawBufferPointer, offset: Int64
    ) throws(SystemError) -> Int {
        try checked("pread") { Glibc.pread(fd, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// Writes at an offset and returns the bytes written, which may be fewer than given.
    package static func pwrite(
        _ fd: CInt, _ bytes: UnsafeRawBufferPointer, offset: Int64
    ) throws(SystemError) -> Int {
        try checked("pwrite") { Glibc.pwrite(fd, bytes.baseAddress, bytes.count, off_t(offset)) }
    }

    /// Reads until the buffer is full or the file ends; returns the bytes read.
    package static func preadFully(
        _ fd: CInt, into buffer: UnsafeMutableRawBufferPointer, offset: Int64
    ) throws(SystemError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try pread(fd, into: rest, offset: offset + Int64(done))
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Writes all bytes at an offset.
    package static func pwriteAll(
        _ fd: CInt, _ bytes: UnsafeRawBufferPointer, offset: Int64
    ) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try pwrite(fd, rest, offset: offset + Int64(done))
        }
    }

    /// Writes so many zeros at an offset.
    package static func writeZeros(_ fd: CInt, offset: Int64, count: Int) throws(SystemError) {
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: min(count, 256 << 10), alignment: 4096)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        var done = 0
        while done < count {
            let piece = UnsafeRawBufferPointer(rebasing: zeros[..<min(zeros.count, count - done)])
            try pwriteAll(fd, piece, offset: offset + Int64(done))
            done += piece.count
        }
    }

    /// Writes all bytes at the descriptor's own position (a file, or a blocking pipe).
    package static func writeAll(_ fd: CInt, _ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try checked("write") { Glibc.write(fd, rest.baseAddress, rest.count) }
        }
    }

    /// Renames; a file at the new path is replaced.
    package static func rename(_ old: String, to new: String) throws(SystemError) {
        try checked("rename", "\(old) to \(new)") { Glibc.rename(old, new) }
    }

    /// Renames between folders given as descriptors; a file at the new path is replaced.
    package static func renameat(
        _ oldFolder: CInt, _ old: String, to newFolder: CInt, _ new: String
    ) throws(SystemError) {
        try checked("renameat", "\(old) to \(new)") { Glibc.renameat(oldFolder, old, newFolder, new) }
    }

    /// Renames, and fails with `EEXIST` when the new path is taken.
    package static func renameExclusively(_ old: String, to new: String) throws(SystemError) {
        try checked("renameat2", "\(old) to \(new)") { linux_rename_exclusively(AT_FDCWD, old, AT_FDCWD, new) }
    }

    package static func link(_ old: String, to new: String) throws(SystemError) {
        try checked("link", "\(old) to \(new)") { Glibc.link(old, new) }
    }

    package static func unlink(_ path: String) throws(SystemError) {
        try checked("unlink", path) { Glibc.unlink(path) }
    }

    /// Removes a file when it is there.
    ///
    /// - Returns: Whether it was there.
    @discardableResult
    package static func unlinkIfPresent(_ path: String) throws(SystemError) -> Bool {
        do {
            try unlink(path)
            return true
        } catch {
            guard error.code == ENOENT else { throw error }
            return false
        }
    }

    package static func unlinkat(_ folder: CInt, _ path: String) throws(SystemError) {
        try checked("unlinkat", path) { Glibc.unlinkat(folder, path, 0) }
    }

    package static func rmdir(_ path: String) throws(SystemError) {
        try checked("rmdir", path) { Glibc.rmdir(path) }
    }

    /// Makes a folder; one that is there already is not an error.
    ///
    /// - Returns: Whether it was made now.
    @discardableResult
    package static func mkdir(_ path: String, mode: UInt32 = 0o700) throws(SystemError) -> Bool {
        do {
            try checked("mkdir", path) { Glibc.mkdir(path, mode) }
            return true
        } catch {
            guard error.code == EEXIST else { throw error }
            return false
        }
    }

    package static func chmod(_ path: String, _ mode: UInt32) throws(SystemError) {
        try checked("chmod", path) { Glibc.chmod(path, mode) }
    }

    package static func fchmod(_ fd: CInt, _ mode: UInt32) throws(SystemError) {
        try checked("fchmod") { Glibc.fchmod(fd, mode) }
    }

    package static func fstat(_ fd: CInt) throws(SystemError) -> FileStatus {
        var status = Glibc.stat()
        try checked("fstat") { Glibc.fstat(fd, &status) }
        return FileStatus(status)
    }

    /// The status of what a path leads to, or `nil` when there is nothing.
    package static func stat(_ path: String) throws(SystemError) -> FileStatus? {
        var status = Glibc.stat()
        do {
            try checked("stat", path) { Glibc.fstatat(AT_FDCWD, path, &status, 0) }
        } catch {
            guard error.code == ENOENT || error.code == ENOTDIR else { throw error }
            return nil
        }
        return FileStatus(status)
    }

    package static func fsync(_ fd: CInt) throws(SystemError) {
        try checked("fsync") { Glibc.fsync(fd) }
    }

    package static func fdatasync(_ fd: CInt) throws(SystemError) {
        try checked("fdatasync") { Glibc.fdatasync(fd) }
    }

    /// Makes the names in a folder durable.
    package static func syncFolder(_ path: String) throws(SystemError) {
        let folder = try open(path, O_RDONLY | O_DIRECTORY)
        try fsync(folder.number)
    }

    /// Starts writing dirty pages of a range to the disk, without waiting for them.
    package static func startWriteback(_ fd: CInt, offset: Int64, length: Int64) throws(SystemError) {
        try checked("sync_file_range") { linux_start_writeback(fd, offset, length) }
    }

    package static func ftruncate(_ fd: CInt, _ size: Int64) throws(SystemError) {
        try checked("ftruncate") { Glibc.ftruncate(fd, off_t(size)) }
    }

    /// Reserves room for a range of a file.
    ///
    /// With `keepSize` the file's length stays as it is, even when the range goes beyond it.
    package static func fallocate(
        _ fd: CInt, offset: Int64, length: Int64, keepSize: Bool = false
    ) throws(SystemError) {
        try checked("fallocate") { linux_allocate(fd, keepSize ? 1 : 0, offset, length) }
    }

    /// Gives the room of a range back; it reads as zeros from then on.
    package static func punchHole(_ fd: CInt, offset: Int64, length: Int64) throws(SystemError) {
        try checked("fallocate") { linux_punch_hole(fd, offset, length) }
    }

    /// Tells the kernel that the cached pages of a range will not be needed soon.
    package static func dropFromPageCache(_ fd: CInt, offset: Int64 = 0, length: Int64 = 0) {
        _ = posix_fadvise(fd, off_t(offset), off_t(length), POSIX_FADV_DONTNEED)
    }

    /// Copies a range between two files within the kernel; returns the bytes copied, 0 at the end of `from`.
    package static func copyFileRange(
        from: CInt, offset fromOffset: Int64, to: CInt, offset toOffset: Int64, count: Int
    ) throws(SystemError) -> Int {
        var (a, b) = (fromOffset, toOffset)
        return try checked("copy_file_range") { linux_copy_file_range(from, &a, to, &b, count) }
    }

    /// Makes `to` share all the blocks of `from` (`FICLONE`), where the file system can.
    ///
    /// - Returns: `false` when it cannot; then copy.
    package static func clone(from: CInt, to: CInt) throws(SystemError) -> Bool {
        do {
            try checked("ioctl FICLONE") { linux_clone_file(to, from) }
            return true
        } catch {
            guard [EOPNOTSUPP, EXDEV, EINVAL, ENOTTY, ENOSYS, EPERM].contains(error.code) else { throw error }
            return false
        }
    }

    /// Makes `to` hold what `from` holds, sharing blocks where possible; both are regular files, `to` is empty.
    package static func copyContents(from: CInt, to: CInt) throws(SystemError) {
        if try clone(from: from, to: to) { return }
        let size = try fstat(from).size
        var offset: Int64 = 0
        while offset < size {
            let piece = Int(min(size - offset, 1 << 30))
            do {
                let count = try copyFileRange(from: from, offset: offset, to: to, offset: offset, count: piece)
                if count == 0 { return }
                offset += Int64(count)
            } catch {
                guard [EXDEV, EINVAL, EOPNOTSUPP, ENOSYS].contains(error.code) else { throw error }
                return try copyThroughMemory(from: from, to: to, offset: offset)
            }
        }
    }

    /// Copies the first bytes of a file to the beginning of another one, through memory.
    ///
    /// - Returns: How many there were, `count` at most.
    package static func copyBytes(from: CInt, to: CInt, count: Int64) throws(SystemError) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while offset < count {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(count - offset, 1 << 18))])
            let read = try pread(from, into: piece, offset: offset)
            if read == 0 { break }
            try pwriteAll(to, UnsafeRawBufferPointer(rebasing: piece[..<read]), offset: offset)
            offset += Int64(read)
        }
        return offset
    }

    /// Whether bytes can be read through a descriptor: it was opened for reading, and not as a mere place (`O_PATH`).
    package static func isReadable(_ fd: CInt) throws(SystemError) -> Bool {
        let flags = try checked("fcntl F_GETFL") { fcntl(fd, F_GETFL) }
        return flags & O_ACCMODE != O_WRONLY && flags & 0o10000000 == 0
    }

    private static func copyThroughMemory(from: CInt, to: CInt, offset start: Int64) throws(SystemError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
        defer { buffer.deallocate() }
        var offset = start
        while true {
            let count = try pread(from, into: buffer, offset: offset)
            if count == 0 { return }
            try pwriteAll(to, UnsafeRawBufferPointer(rebasing: buffer[..<count]), offset: offset)
            offset += Int64(count)
        }
    }

    /// The room of the file system that holds `path`.
    package static func space(at path: String) throws(SystemError) -> FileSystemSpace {
        var status = Glibc.statvfs()
        try checked("statvfs", path) { statvfs(path, &status) }
        let block = Int64(status.f_frsize)
        return FileSystemSpace(available: Int64(status.f_bavail) * block, total: Int64(status.f_blocks) * block)
    }

    /// Sets the mask of permissions that new files do not get; returns the one before.
    @discardableResult
    package static func umask(_ mask: UInt32) -> UInt32 { Glibc.umask(mask) }

    /// A path from the root on; as it is when the working folder is not known.
    package static func absolutePath(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&buffer, buffer.count) != nil else { return path }
        let folder = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let rest = path.hasPrefix("./") ? path.dropFirst(2) : path[...]
        return folder == "/" ? "/\(rest)" : "\(folder)/\(rest)"
    }

    /// Whether the process may do something with what is at a path (`W_OK`, `X_OK`), as the user that it acts for.
    package static func mayAccess(_ path: String, _ mode: CInt) throws(SystemError) {
        try checked("access", path) { faccessat(AT_FDCWD, path, mode, AT_EACCESS) }
    }

    /// The names in a folder, without "." and "..", in no order.
    package static func names(inFolder path: String) throws(SystemError) -> [String] {
        guard let stream = opendir(path) else { throw SystemError(call: "opendir \(path)", code: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw SystemError(call: "readdir \(path)", code: errno) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    /// Reads a whole file; one longer than `limit` is an error (`EFBIG`).
    package static func contents(of path: String, limit: Int = 1 << 24) throws(SystemError) -> [UInt8] {
        let file = try open(path, O_RDONLY)
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try checked("read", path) { Glibc.read(file.number, buffer.baseAddress, buffer.count) }
            if count == 0 { return bytes }
            guard bytes.count + count <= limit else { throw SystemError(call: "read \(path)", code: EFBIG) }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    /// Replaces a file in one step: a reader finds the old bytes or all of the new ones, also after a loss of power.
    package static func replaceFile(
        _ path: String, with bytes: [UInt8], mode: UInt32 = 0o600
    ) throws(SystemError) {
        let temporary = path + ".new"
        try unlinkIfPresent(temporary)
        do {
            let file = try open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
            try bytes.span.bytes.withUnsafeBytes { (bytes) throws(SystemError) in try writeAll(file.number, bytes) }
            try fsync(file.number)
            try file.close()
            try rename(temporary, to: path)
        } catch {
            _ = Glibc.unlink(temporary)
            throw error
        }
        let end = path.lastIndex(of: "/")
        try syncFolder(end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".")
    }
}
