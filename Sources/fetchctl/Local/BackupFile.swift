import Glibc
import Platform

/// Where a backup is written: a temporary file (0600) that takes its name when it is whole and on the disk.
final class BackupFile {
    private let path: String
    private let temporary: String
    private let replaces: Bool
    private let file: OwnedDescriptor
    private var isPublished = false

    /// Prepares writing, so that a place that cannot be written is noticed before anybody is asked.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - replaces: Whether a file that is there is replaced.
    /// - Throws: ``ServiceError`` when there is something else, or a file that is not to be replaced.
    init(_ path: String, replaces: Bool) throws(ServiceError) {
        self.path = path
        self.replaces = replaces
        temporary = "\(path).\(Kernel.processID).new"
        do {
            if let status = try Kernel.statusOfLink(path) {
                guard status.isRegular else {
                    throw ServiceError("\(Shown.text(path)) is there and no plain file; choose another name")
                }
                guard replaces else { throw Self.isThere(path) }
            }
            try Kernel.unlinkIfPresent(temporary)
            file = try Kernel.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        } catch let error as ServiceError {
            throw error
        } catch {
            throw Self.failure(path, error)
        }
    }

    /// Fills the file with what another one holds, and gives it its name.
    ///
    /// - Throws: ``ServiceError``; the name is as it was then.
    func publish(_ contents: SharedDescriptor, size: Int64) throws(ServiceError) {
        do {
            // The umask may have taken more away.
            try Kernel.fchmod(file.number, 0o600)
            try Kernel.copyContents(from: contents.raw, to: file.number)
            guard try Kernel.fstat(file.number).size == size else {
                throw ServiceError("the backup that came is not the one that the service described; try again")
            }
            try Kernel.fsync(file.number)
            try rename()
            isPublished = true
            let slash = path.lastIndex(of: "/")
            try Kernel.syncFolder(slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".")
        } catch let error as ServiceError {
            throw error
        } catch {
            throw Self.failure(path, error)
        }
    }

    private func rename() throws {
        guard !replaces else { return try Kernel.rename(temporary, to: path) }
        do throws(SystemError) {
            try Kernel.renameExclusively(temporary, to: path)
        } catch {
            if error.code == EEXIST { throw Self.isThere(path) }
            // Not every file system can.
            guard error.code == EINVAL || error.code == ENOSYS else { throw error }
            guard try Kernel.statusOfLink(path) == nil else { throw Self.isThere(path) }
            try Kernel.rename(temporary, to: path)
        }
    }

    private static func isThere(_ path: String) -> ServiceError {
        ServiceError("\(Shown.text(path)) is there already; --force replaces it")
    }

    private static func failure(_ path: String, _ error: any Error) -> ServiceError {
        let reason = (error as? SystemError).map { SystemError.text(of: $0.code) } ?? "\(error)"
        return ServiceError("cannot write \(Shown.text(path)): \(reason)")
    }

    deinit {
        if !isPublished { _ = Glibc.unlink(temporary) }
    }
}
