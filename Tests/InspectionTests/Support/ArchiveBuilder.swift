import CArchive

/// Builds archives through libarchive's writers.
enum ArchiveBuilder {
    struct Member {
        var name: String
        var bytes: [UInt8] = []
        /// For a symbolic link.
        var target: String?
    }

    enum Filter { case none, gzip, xz, zstd }

    static func zip(_ members: [Member], stored: Bool = false) -> [UInt8] {
        write(members) { archive in
            archive_write_set_format_zip(archive)
            if stored { archive_write_zip_set_compression_store(archive) }
        }
    }

    static func tar(_ members: [Member], _ filter: Filter = .none) -> [UInt8] {
        write(members) { archive in
            archive_write_set_format_ustar(archive)
            add(filter, to: archive)
        }
    }

    /// One compressed stream without an archive.
    static func stream(_ bytes: [UInt8], _ filter: Filter) -> [UInt8] {
        write([Member(name: "data", bytes: bytes)]) { archive in
            archive_write_set_format_raw(archive)
            add(filter, to: archive)
        }
    }

    /// The container of Debian packages, byte by byte: 60-byte headers, bodies padded to an even length.
    static func ar(_ members: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        var archive = Array("!<arch>\n".utf8)
        for (name, bytes) in members {
            let fields = [(name, 16), ("0", 12), ("0", 6), ("0", 6), ("100644", 8), ("\(bytes.count)", 10)]
            for (text, width) in fields { archive += (text + String(repeating: " ", count: width)).utf8.prefix(width) }
            archive += [0x60, 0x0a]
            archive += bytes
            if !bytes.count.isMultiple(of: 2) { archive.append(0x0a) }
        }
        return archive
    }

    private static func add(_ filter: Filter, to archive: OpaquePointer) {
        switch filter {
        case .none: archive_write_add_filter_none(archive)
        case .gzip: archive_write_add_filter_gzip(archive)
        case .xz: archive_write_add_filter_xz(archive)
        case .zstd: archive_write_add_filter_zstd(archive)
        }
    }

    private static func write(_ members: [Member], format: (OpaquePointer) -> Void) -> [UInt8] {
        guard let archive = archive_write_new() else { preconditionFailure("out of memory") }
        defer { archive_write_free(archive) }
        format(archive)
        archive_write_set_bytes_in_last_block(archive, 1)
        let room = members.reduce(1 << 20) { $0 + $1.bytes.count + 2 * $1.name.utf8.count + 2048 }
        var used = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 1)
        defer { buffer.deallocate() }
        check(archive_write_open_memory(archive, buffer.baseAddress, room, &used), archive)
        for member in members {
            let entry = archive_entry_new()
            defer { archive_entry_free(entry) }
            archive_entry_set_pathname(entry, member.name)
            archive_entry_set_perm(entry, 0o644)
            archive_entry_set_mtime(entry, 1_700_000_000, 0)
            if let target = member.target {
                archive_entry_set_filetype(entry, 0o120000)
                archive_entry_set_symlink(entry, target)
            } else if member.name.hasSuffix("/") {
                archive_entry_set_filetype(entry, 0o040000)
            } else {
                archive_entry_set_filetype(entry, 0o100000)
                archive_entry_set_size(entry, Int64(member.bytes.count))
            }
            check(archive_write_header(archive, entry), archive)
            let written = archive_write_data(archive, member.bytes, member.bytes.count)
            precondition(written == member.bytes.count || member.target != nil, "short write")
        }
        check(archive_write_close(archive), archive)
        return Array(buffer[..<used])
    }

    private static func check(_ status: CInt, _ archive: OpaquePointer) {
        let text = archive_error_string(archive).map { String(cString: $0) } ?? ""
        precondition(status == ARCHIVE_OK, "libarchive: \(text)")
    }
}
