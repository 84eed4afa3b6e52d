package import Core
import Glibc
package import Storage
import Platform

/// How far a sweep has come: first the segments of earlier runs, then the 256 folders of large blobs.
struct SweepPosition: Sendable {
    var segments: [UInt32]
    var folder = 0
    /// What is not older than this, in nanoseconds since the epoch, may be of this run.
    ///
    /// The kernel stamps files with a clock that is some milliseconds behind; what an earlier run wrote in its last
    /// seconds is looked at in the next.
    let youngest: Int64

    init(segments: [UInt32], startedAt: WallTime) {
        self.segments = segments
        youngest = startedAt.nanoseconds - 2_000_000_000
    }

    enum Slice {
        case segment(UInt32)
        case folder(Int)
        case nothing
    }

    /// Takes the next slice; one that fails is not taken again in this run.
    mutating func next() -> Slice {
        if !segments.isEmpty { return .segment(segments.removeFirst()) }
        guard folder < 256 else { return .nothing }
        defer { folder += 1 }
        return .folder(folder)
    }

    var isAtEnd: Bool { segments.isEmpty && folder >= 256 }
}

extension DiskStore {
    package func sweep(
        isKnown: (SHA256Digest, BlobPlacement) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool {
        let slice = sweepPosition.withLock { $0.next() }
        switch slice {
        case .segment(let number): try sweepSegment(SegmentID(scope: .shared, number: number), isKnown)
        case .folder(let number):
            let upper = layout.blobs + "/" + Hex.encode([UInt8(number)])
            for name in try list(upper) where name.utf8.count == 2 { try sweepFolder("\(upper)/\(name)", isKnown) }
        case .nothing: break
        }
        return sweepPosition.withLock { $0.isAtEnd }
    }

    private func sweepSegment(
        _ id: SegmentID, _ isKnown: (SHA256Digest, BlobPlacement) throws(StoreError) -> Bool
    ) throws(StoreError) {
        var live: [(offset: Int64, digest: SHA256Digest, length: Int)] = []
        try segments.forEachLive(in: id) { offset, record in live.append((offset, record.digest, record.length)) }
        for record in live {
            let place = DiskPlacement.segment(number: id.number, offset: record.offset, length: record.length)
            if try !isKnown(record.digest, place.placement(bytes: Int64(record.length))) {
                try segments.markDead(record.digest, id, offset: record.offset)
            }
        }
    }

    private func sweepFolder(
        _ folder: String, _ isKnown: (SHA256Digest, BlobPlacement) throws(StoreError) -> Bool
    ) throws(StoreError) {
        let youngest = sweepPosition.withLock { $0.youngest }
        for name in try list(folder) {
            let path = "\(folder)/\(name)"
            let found = try StoreError.during("look at \(path)") { () throws(SystemError) in try files.status(path) }
            guard let status = found, status.isRegular, status.modified < youngest else { continue }
            let isCompressed = name.hasSuffix(".lz4")
            let hex = isCompressed ? name.dropLast(4) : name[...]
            if hex.utf8.count == 64, let digest = SHA256Digest(hex: hex) {
                let place: DiskPlacement = isCompressed ? .compressed : .file
                if try isKnown(digest, place.placement(bytes: status.size)) { continue }
            }
            try StoreError.during("remove \(path)") { () throws(SystemError) in try files.unlink(path) }
        }
    }

    private func list(_ folder: String) throws(StoreError) -> [String] {
        try StoreError.during("list \(folder)") { () throws(SystemError) in try files.list(folder) }
    }
}
