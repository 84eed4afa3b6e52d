import Core
import Logging
import Reports
import Sessions
import Storage
import Platform

/// Writes what is left of a finished session (contract `control-api.md`, "Spool layout on disk").
///
/// `assets/<sha256>.json` for every artifact, `assets/<sha256>.data` with its bytes where the cache still has them,
/// `report.json`, the whole report, and last `session.json`, its session-level keys. What stands there from an earlier
/// attempt is written again, but for the bytes, which cannot have changed.
struct FinishedSession: SessionMetadata {
    let records: any Records
    let artifacts: StoredArtifacts
    /// How many bytes may be written.
    let spaceLeft: @Sendable () -> Int64
    let context: @Sendable (SessionRow) -> ReportContext
    /// When to stop copying bytes, once the service is stopping.
    let copyUntil: Lock<MonotonicTime?>
    let log: Logger

    private static let pageLength = 200
    private static let pieceSize = 1 << 18

    func write(_ row: SessionRow, into folder: SessionFolder) throws {
        var lastNumber: Int64 = 0
        let context = context(row)
        while true {
            let page = try records.artifacts(of: row.id, after: lastNumber, limit: Self.pageLength)
            guard let last = page.last else { break }
            lastNumber = last.firstNumber
            for artifact in page {
                try writeEntry(of: artifact.digest, row, folder, context)
                try copyBytes(of: artifact.digest, row, folder)
            }
        }
        let row = try row.withGaps(in: records)
        try folder.fill("report.json") { file in
            var report = SessionReportStream(session: row, records: records, context: context)
            while let piece = try report.next() { try Self.append(piece, to: file) }
        }
        let uses = try SecretUses(of: row, in: records)
        try folder.write("session.json", SessionHead(session: row, context: context, secretUses: uses).json)
    }

    private func writeEntry(
        of digest: SHA256Digest, _ row: SessionRow, _ folder: SessionFolder, _ context: ReportContext
    ) throws {
        var entry = ArtifactFileStream(
            try ArtifactReportStream(session: row, digest: digest, records: records, context: context))
        try folder.fill("assets/\(digest.hex).json") { file in
            while let piece = try entry.next() { try Self.append(piece, to: file) }
        }
    }

    /// Copies an artifact's bytes, sharing their blocks where the file system can.
    ///
    /// Bytes that were evicted, or for which there is no room, are left out with a line in the log: the record is whole
    /// without them.
    private func copyBytes(of digest: SHA256Digest, _ row: SessionRow, _ folder: SessionFolder) throws {
        let name = "assets/\(digest.hex).data"
        guard try !folder.has(name) else { return }
        if let limit = copyUntil.withLock({ $0 }), MonotonicTime.now() >= limit {
            return note("the service is stopping", digest, row)
        }
        do {
            guard let reader = try artifacts.open(digest, of: row.id, verifying: false) else {
                return note("the cache has them no more", digest, row)
            }
            guard reader.size < spaceLeft() else { return note("there is no room for them", digest, row) }
            try folder.fill(name) { file in try Self.copy(reader, to: file) }
        } catch let error as StoreError {
            // Not to be read: a matter of the cache, which is noticed there as well.
            note("\(error)", digest, row)
        }
    }

    private func note(_ reason: String, _ digest: SHA256Digest, _ row: SessionRow) {
        log.warning("the bytes of \(digest) are not in the spool: \(reason)", metadata: ["session": "\(row.id)"])
    }

    private static func copy(_ reader: any BlobReader, to file: CInt) throws {
        if let plain = reader.plainFile, plain.offset == 0, try Kernel.fstat(plain.descriptor).size == reader.size {
            return try Kernel.copyContents(from: plain.descriptor, to: file)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 16)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while offset < reader.size {
            let count = try reader.read(at: offset, into: buffer)
            guard count > 0 else { throw StoreError(.corrupt, "copy a body", "it ends early") }
            try Kernel.writeAll(file, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
    }

    private static func append(_ bytes: [UInt8], to file: CInt) throws(SystemError) {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(SystemError) in try Kernel.writeAll(file, bytes) }
    }
}
