import CArchive
import Glibc

/// One member of an archive.
struct ArchiveMember {
    enum Kind { case file, directory, link, other }
    /// As it stands in the archive.
    var name: String
    var kind: Kind
}

/// Reads an archive member by member through libarchive, within a budget.
///
/// Everything that a decompressor produces passes ``readPiece()`` and is counted there: skipping inside a compressed
/// stream would decompress without anybody counting, so it is done by reading. No temporary files, no programs.
final class ArchiveReader {
    enum Format {
        /// Through the central directory.
        case zip
        /// The container of Debian packages.
        case ar
        /// Plain, gzip, xz or zstd.
        case tar
        /// One gzip or xz stream, as an archive of one member.
        case stream
    }

    private let handle: OpaquePointer
    private let client: Client
    private let budget: ExtractionBudget
    private let isCompressedStream: Bool
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
    private var hasUnreadData = false

    /// What libarchive's callbacks see.
    private final class Client {
        let source: any ArchiveSource
        var failure: ExtractionError?
        init(_ source: any ArchiveSource) { self.source = source }
    }

    /// Opens an archive.
    ///
    /// - Throws: ``ExtractionError`` when the source does not hold such an archive.
    init(_ format: Format, from source: any ArchiveSource, budget: ExtractionBudget) throws(ExtractionError) {
        guard let handle = archive_read_new() else { throw .unreadable("out of memory for an archive reader") }
        self.handle = handle
        self.budget = budget
        client = Client(source)
        isCompressedStream = format == .tar || format == .stream
        // A filter that is not built in would run a program: libarchive answers ARCHIVE_WARN then.
        let statuses: [CInt] =
            switch format {
            case .zip: [archive_read_support_filter_none(handle), archive_read_support_format_zip_seekable(handle)]
            case .ar: [archive_read_support_filter_none(handle), archive_read_support_format_ar(handle)]
            case .tar:
                [
                    archive_read_support_filter_none(handle), archive_read_support_filter_gzip(handle),
                    archive_read_support_filter_xz(handle), archive_read_support_filter_zstd(handle),
                    archive_read_support_format_tar(handle),
                ]
            case .stream:
                [
                    archive_read_support_filter_gzip(handle), archive_read_support_filter_xz(handle),
                    archive_read_support_format_raw(handle),
                ]
            }
        guard statuses.allSatisfy({ $0 == ARCHIVE_OK }) else {
            throw .unreadable("this libarchive is built without a format that is needed")
        }
        archive_read_set_callback_data(handle, Unmanaged.passUnretained(client).toOpaque())
        archive_read_set_read_callback(handle, Self.readCallback)
        archive_read_set_skip_callback(handle, Self.skipCallback)
        if source.size != nil { archive_read_set_seek_callback(handle, Self.seekCallback) }
        guard archive_read_open1(handle) == ARCHIVE_OK else { throw failure("not such an archive") }
    }

    deinit {
        archive_read_free(handle)
        buffer.deallocate()
    }

    /// Goes to the next member; `nil` at the end.
    func nextMember() throws(ExtractionError) -> ArchiveMember? {
        if isCompressedStream, hasUnreadData {
            while try !readPiece().isEmpty {}
        }
        try budget.checkTime()
        var entry: OpaquePointer?
        // libarchive ends the process when a name cannot be converted while errno still says ENOMEM from an earlier call
        // (archive_entry.c: `if (errno == ENOMEM) __archive_errx(1, "No memory")`).
        errno = 0
        let status = archive_read_next_header(handle, &entry)
        if let failure = client.failure { throw failure }
        guard status != ARCHIVE_EOF else { return nil }
        guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let entry else {
            throw failure("the archive is damaged")
        }
        errno = 0
        guard let name = archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry) else {
            throw .malformed("a member has no readable name")
        }
        try budget.spendMember(nameLength: strlen(name))
        hasUnreadData = true
        let kind: ArchiveMember.Kind =
            if Self.isHardLink(entry) {
                .link
            } else {
                switch archive_entry_filetype(entry) {
                case 0o100000: .file
                case 0o040000: .directory
                case 0o120000: .link
                default: .other
                }
            }
        return ArchiveMember(name: String(cString: name), kind: kind)
    }

    private static func isHardLink(_ entry: OpaquePointer) -> Bool {
        errno = 0
        return archive_entry_hardlink(entry) != nil
    }

    /// The next piece of the present member's data, valid until the next call; empty at its end.
    func readPiece() throws(ExtractionError) -> UnsafeRawBufferPointer {
        let count = archive_read_data(handle, buffer.baseAddress, buffer.count)
        if let failure = client.failure { throw failure }
        guard count >= 0 else { throw failure("the archive is damaged") }
        if count == 0 { hasUnreadData = false }
        try budget.spend(count)
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }

    /// The present member's data from its start, at most `limit` bytes.
    ///
    /// - Returns: the bytes, and whether that is all.
    func readAll(limit: Int) throws(ExtractionError) -> (bytes: [UInt8], isWhole: Bool) {
        var bytes: [UInt8] = []
        while true {
            let piece = try readPiece()
            if piece.isEmpty { return (bytes, true) }
            bytes += piece.prefix(limit - bytes.count)
            if bytes.count == limit { return (bytes, try readPiece().isEmpty) }
        }
    }

    private func failure(_ otherwise: String) -> ExtractionError {
        if let failure = client.failure { return failure }
        guard let text = archive_error_string(handle) else { return .malformed(otherwise) }
        return .malformed(String(cString: text))
    }

    // MARK: libarchive's callbacks

    private static func client(_ data: UnsafeMutableRawPointer?) -> Client? {
        data.map { Unmanaged<Client>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let readCallback:
        @convention(c) (
            OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeRawPointer?>?
        ) -> la_ssize_t = { _, data, start in
            guard let client = client(data), client.failure == nil else { return -1 }
            // See `next()`: what reading leaves in errno must not reach libarchive's conversions.
            defer { errno = 0 }
            do throws(ExtractionError) {
                let piece = try client.source.next()
                start?.pointee = piece.baseAddress
                return piece.count
            } catch {
                client.failure = error
                return -1
            }
        }

    private static let skipCallback:
        @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, la_int64_t) -> la_int64_t = { _, data, count in
            client(data)?.source.skip(count) ?? 0
        }

    private static let seekCallback:
        @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, la_int64_t, CInt) -> la_int64_t = {
            _, data, offset, whence in
            guard let source = client(data)?.source else { return la_int64_t(ARCHIVE_FATAL) }
            let base: Int64? =
                switch whence {
                case SEEK_SET: 0
                case SEEK_CUR: source.position
                case SEEK_END: source.size
                default: nil
                }
            guard let base else { return la_int64_t(ARCHIVE_FATAL) }
            let (target, overflow) = base.addingReportingOverflow(offset)
            guard !overflow, let reached = source.seek(to: target) else { return la_int64_t(ARCHIVE_FATAL) }
            return reached
        }
}
