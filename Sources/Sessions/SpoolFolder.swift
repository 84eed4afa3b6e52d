package import Core
internal import Glibc
package import Platform

/// The state folder as sessions see it: one folder for each, named by its id.
package struct SpoolFolder: Sendable {
    /// The folder's path, without a slash at its end.
    package let path: String

    /// Names the folder, which exists.
    package init(path: String) { self.path = path }

    /// The folder of a session; nothing is made.
    package func folder(of id: SessionID) -> SessionFolder { SessionFolder(path: "\(path)/\(id.text)") }

    /// Removes a session's folder with all that is in it; one that is not there is no error.
    ///
    /// Links are removed, not followed. An id has no slash and no dot, so nothing outside can be named.
    ///
    /// - Returns: `false` when something else has that name: no folder, or one with neither `session.json` nor `assets`
    ///   in it. It is left as it is.
    @discardableResult
    package func remove(_ id: SessionID) throws(SystemError) -> Bool {
        let root = try Kernel.open(path, O_RDONLY | O_DIRECTORY)
        return try root.withRaw { (root) throws(SystemError) in
            let folder: OwnedDescriptor
            do throws(SystemError) {
                folder = try Kernel.openat(root, id.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            } catch {
                if error.code == ENOENT { return true }
                guard error.code == ENOTDIR || error.code == ELOOP else { throw error }
                return false
            }
            return try folder.withRaw { (folder) throws(SystemError) in
                let names = try Self.names(in: folder)
                guard names.contains(where: { Self.isMark($0, in: folder) }) else { return false }
                // What marks it goes last, so that a removal that was cut short can be ended.
                for name in names.sorted(by: { Self.marks[$0] == nil && Self.marks[$1] != nil }) {
                    try Self.removeEntry(name, in: folder, depth: 1)
                }
                try Self.removeFolder(id.text, in: root)
                return true
            }
        }
    }

    /// What only a session's folder has, and of which type it is.
    private static let marks = ["session.json": S_IFREG, "assets": S_IFDIR]

    private static func isMark(_ name: String, in folder: CInt) -> Bool {
        guard let type = marks[name] else { return false }
        var status = stat()
        return unsafe fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == type
    }

    /// How deep folders may be nested; ours are two deep.
    private static let deepest = 64

    private static func removeEntry(_ name: String, in parent: CInt, depth: Int) throws(SystemError) {
        guard unsafe unlinkat(parent, name, 0) != 0 else { return }
        let code = errno
        if code == ENOENT { return }
        // unlinkat(2): EISDIR for a folder, EPERM on some file systems.
        guard code == EISDIR || code == EPERM else { throw SystemError(call: "unlinkat \(name)", code: code) }
        guard depth < deepest else { throw SystemError(call: "unlinkat \(name)", code: ELOOP) }
        let folder = try Kernel.openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        try folder.withRaw { (folder) throws(SystemError) in
            for entry in try names(in: folder) { try removeEntry(entry, in: folder, depth: depth + 1) }
        }
        try removeFolder(name, in: parent)
    }

    private static func removeFolder(_ name: String, in parent: CInt) throws(SystemError) {
        guard unsafe unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
            throw SystemError(call: "unlinkat \(name)", code: errno)
        }
    }

    /// The names in an open folder; of this very folder, whatever its path leads to by now.
    private static func names(in folder: CInt) throws(SystemError) -> [String] {
        let copy = fcntl(folder, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw SystemError(call: "fcntl F_DUPFD_CLOEXEC", code: errno) }
        guard let stream = unsafe fdopendir(copy) else {
            let code = errno
            close(copy)
            throw SystemError(call: "fdopendir", code: code)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw SystemError(call: "readdir", code: errno) }
        return names
    }
}

/// Where one session's files are: `session.json`, `assets/<sha256>.json`, `assets/<sha256>.data`.
package struct SessionFolder: Sendable {
    /// The folder's path.
    package let path: String

    /// Makes the folder and its `assets`, both only for us (0700).
    package func make() throws(SystemError) {
        try Kernel.mkdir(path)
        try Kernel.mkdir(path + "/assets")
    }

    /// Whether there is a file of this name.
    package func has(_ name: String) throws(SystemError) -> Bool { try Kernel.stat("\(path)/\(name)") != nil }

    /// Writes a file (0600) that appears under its name only when `body` has filled it.
    ///
    /// - Parameters:
    ///   - name: Relative to the folder.
    ///   - body: Gets the open file.
    /// - Throws: What `body` throws, or `SystemError`; no file is left then.
    package func fill(_ name: String, _ body: (CInt) throws -> Void) throws {
        let final = "\(path)/\(name)"
        let temporary = final + ".new"
        try Kernel.unlinkIfPresent(temporary)
        do {
            let file = try Kernel.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            try body(file.number)
            try file.close()
            try Kernel.rename(temporary, to: final)
        } catch {
            _ = try? Kernel.unlinkIfPresent(temporary)
            throw error
        }
    }

    /// Writes a file (0600) in one step.
    package func write(_ name: String, _ bytes: [UInt8]) throws {
        try fill(name) { file in
            try unsafe bytes.withUnsafeBytes { try unsafe Kernel.writeAll(file, $0) }
        }
    }
}
