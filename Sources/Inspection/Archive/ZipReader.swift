/// Reads a zip archive through its central directory.
///
/// libarchive holds the whole directory in memory before the first member, so its length is limited here.
final class ZipReader {
    private let reader: ArchiveReader
    private let source: BlobSource
    private var hasDirectory = false

    /// - Throws: ``ExtractionError`` when there is no directory at the end of the bytes.
    init(_ bytes: any BlobBytes, budget: ExtractionBudget) throws(ExtractionError) {
        source = BlobSource(bytes, budget: budget)
        source.readAllowance = budget.limits.directoryBytes
        reader = try ArchiveReader(.zip, from: source, budget: budget)
    }

    func nextMember() throws(ExtractionError) -> ArchiveMember? {
        let member = try reader.nextMember()
        if !hasDirectory {
            hasDirectory = true
            source.readAllowance = nil
        }
        return member
    }

    func readPiece() throws(ExtractionError) -> UnsafeRawBufferPointer { try reader.readPiece() }
}
