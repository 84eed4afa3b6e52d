import Core
import Storage

/// A segment file: of which scope, and its number there.
struct SegmentID: Hashable, Sendable {
    var scope: BlobScope
    var number: UInt32
}

/// Where everything is, below one folder of ours.
///
///     format                      the line "fetch-store 1"; another one stops an older or newer program
///     blobs/ab/cd/<sha256>        a shared blob of more than 64 KiB, as it is
///     blobs/ab/cd/<sha256>.lz4    the same, compressed (CompressedFormat.swift)
///     segments/shared/000012.seg  small shared blobs, one after the other (SegmentRecord.swift)
///     private/<session>/          the blobs and segments of one session, without fan-out
///     staging/                    what is being written; emptied at start
///
/// Names are made of digests, session ids (letters and digits) and numbers only.
struct StoreLayout: Sendable {
    /// The first line of `format`.
    static let format = "fetch-store 1\n"

    let root: String

    var formatFile: String { "\(root)/format" }
    var staging: String { "\(root)/staging" }
    var blobs: String { "\(root)/blobs" }
    var sharedSegments: String { "\(root)/segments/shared" }
    var privates: String { "\(root)/private" }

    /// The folders that are always there, outer ones first.
    var folders: [String] { [root, staging, blobs, "\(root)/segments", sharedSegments, privates] }

    func staged(_ number: UInt64) -> String { "\(staging)/\(number)" }

    func privateFolder(_ session: SessionID) -> String { "\(privates)/\(session.text)" }

    func segmentFolder(_ scope: BlobScope) -> String {
        switch scope {
        case .shared: sharedSegments
        case .session(let id): privateFolder(id)
        }
    }

    func segment(_ id: SegmentID) -> String {
        let digits = String(id.number)
        let zeros = String(repeating: "0", count: max(0, 6 - digits.utf8.count))
        return "\(segmentFolder(id.scope))/\(zeros)\(digits).seg"
    }

    /// The number in a segment's file name; `nil` for other names.
    static func segmentNumber(_ name: String) -> UInt32? {
        guard name.hasSuffix(".seg") else { return nil }
        let digits = name.dropLast(4)
        guard digits.utf8.count >= 6, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt32(digits)
    }

    /// The folders above a large blob that may have to be made, outer ones first.
    func blobFolders(_ digest: SHA256Digest, _ scope: BlobScope) -> [String] {
        switch scope {
        case .shared:
            let hex = digest.hex
            return ["\(blobs)/\(hex.prefix(2))", "\(blobs)/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))"]
        case .session(let id): return [privateFolder(id)]
        }
    }

    func plain(_ digest: SHA256Digest, _ scope: BlobScope) -> String {
        let hex = digest.hex
        return switch scope {
        case .shared: "\(blobs)/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)"
        case .session(let id): "\(privateFolder(id))/\(hex)"
        }
    }

    func compressed(_ digest: SHA256Digest, _ scope: BlobScope) -> String { plain(digest, scope) + ".lz4" }
}
