import Storage

/// Where a blob is, as `BlobPlacement.text` says it. Version 1 of the words:
///
///     file                     a file of its own
///     lz4                      a compressed file of its own
///     seg/<number>/<offset>/<length>   a record of so many bytes, header included, in a segment of the blob's scope
enum DiskPlacement: Hashable, Sendable {
    case file
    case compressed
    case segment(number: UInt32, offset: Int64, length: Int)

    /// Reads the words; `nil` when they are not ours.
    init?(_ text: String) {
        switch text {
        case "file": self = .file
        case "lz4": self = .compressed
        default:
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 4, parts[0] == "seg", let number = UInt32(parts[1]), let offset = Int64(parts[2]),
                let length = Int(parts[3]), offset >= 0, SegmentRecord.possibleLengths.contains(length)
            else { return nil }
            self = .segment(number: number, offset: offset, length: length)
        }
    }

    var text: String {
        switch self {
        case .file: "file"
        case .compressed: "lz4"
        case .segment(let number, let offset, let length): "seg/\(number)/\(offset)/\(length)"
        }
    }

    /// With the bytes taken: files take whole blocks of 4 KiB, records what they are long.
    func placement(bytes: Int64) -> BlobPlacement {
        let taken =
            switch self {
            case .file, .compressed: (bytes + 4095) & ~4095
            case .segment: bytes
            }
        return BlobPlacement(text: text, sizeOnDisk: taken)
    }
}
