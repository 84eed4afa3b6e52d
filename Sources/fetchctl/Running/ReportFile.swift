import FoundationEssentials
import Glibc
import Platform

/// Where a report is streamed to: a temporary file that takes the place of the wanted one when it is complete.
final class ReportFile {
    private let file: OwnedDescriptor
    /// What is still to be done with the complete file.
    private var publication: Publication

    private enum Publication {
        case nothing
        case rename(from: String, to: String)
        /// Into a device or a pipe, which nothing can take the place of.
        case copy(to: SharedDescriptor)
    }

    /// To be written, and read back.
    var descriptor: CInt { file.number }

    private init(_ file: consuming OwnedDescriptor, _ publication: Publication) {
        self.file = file
        self.publication = publication
    }

    /// Prepares writing to a path, so that a path that cannot be written is noticed before a long build.
    static func named(_ path: String, environment: ProcessEnvironment) throws(SystemError) -> ReportFile {
        if let status = try Kernel.stat(path), !status.isRegular {
            let device = SharedDescriptor(adopting: try Kernel.open(path, O_WRONLY))
            return ReportFile(try temporary(environment), .copy(to: device))
        }
        let temporary = "\(path).\(Kernel.processID).new"
        try Kernel.unlinkIfPresent(temporary)
        return ReportFile(
            try Kernel.open(temporary, O_RDWR | O_CREAT | O_EXCL, mode: 0o666), .rename(from: temporary, to: path))
    }

    /// A file without a name, gone when it is closed.
    static func unnamed(environment: ProcessEnvironment) throws(SystemError) -> ReportFile {
        ReportFile(try temporary(environment), .nothing)
    }

    private static func temporary(_ environment: ProcessEnvironment) throws(SystemError) -> OwnedDescriptor {
        let folder = environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
        var path = Array("\(folder)/fetchctl-report-XXXXXX".utf8CString)
        let number = mkstemp(&path)
        guard number >= 0 else { throw SystemError(call: "mkstemp in \(folder)", code: errno) }
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        _ = Glibc.unlink(path)
        return OwnedDescriptor(adopting: number)
    }

    /// Puts the file in its place.
    func publish() throws(SystemError) {
        switch publication {
        case .nothing: return
        case .rename(let temporary, let final): try Kernel.rename(temporary, to: final)
        case .copy(let device): try copy(to: device.raw)
        }
        publication = .nothing
    }

    private func copy(to device: CInt) throws(SystemError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while true {
            let count = try Kernel.pread(descriptor, into: buffer, offset: offset)
            if count == 0 { return }
            try Kernel.writeAll(device, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
    }

    /// Reads the report back.
    func summary() throws -> RunSummary {
        let size = try Int(Kernel.fstat(descriptor).size)
        guard size > 0, let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw ServiceError("the report is empty")
        }
        // Lent without a copy: a report may be large.
        let bytes = Data(bytesNoCopy: start, count: size, deallocator: .custom { munmap($0, $1) })
        return try RunSummary(reportJSON: bytes)
    }

    deinit {
        if case .rename(let temporary, _) = publication { _ = Glibc.unlink(temporary) }
    }
}
