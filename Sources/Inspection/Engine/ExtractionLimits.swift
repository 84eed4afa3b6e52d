import Core

/// How far extraction goes into one body.
package struct ExtractionLimits: Sendable, Hashable {
    /// Bytes that decompression may produce in all.
    package var decompressedBytes: Int64 = 4 << 30
    /// Beyond ``freeBytes``, how many times its own size a body may unfold to.
    package var ratio: Int64 = 200
    /// Bytes that any body may unfold to, whatever its size.
    package var freeBytes: Int64 = 64 << 20
    /// Members of archives.
    package var members = 200_000
    /// Bytes of a member's name.
    package var nameLength = 4096
    /// Bytes of the directory of a zip archive.
    package var directoryBytes: Int64 = 24 << 20
    /// Bytes of the payload of a Debian package that are unpacked in search of its copyright file.
    package var payloadBytes: Int64 = 64 << 20
    /// Time for all parsers together; the SHA-1 is not counted.
    package var time: Duration = .seconds(60)

    package init() {}
}

/// Why a parser stopped.
package enum ExtractionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The body is not what it should be, in the parser's words.
    case malformed(String)
    /// The body is larger than we look, named by the limit.
    case limit(String)
    /// Time ran out; another time it may not.
    case timeout(String)
    /// The store could not read the bytes.
    case unreadable(String)

    package var description: String {
        switch self {
        case .malformed(let text), .limit(let text), .timeout(let text), .unreadable(let text): text
        }
    }
}

/// What is left of the limits while one body is looked at.
///
/// Belongs to one extraction, so to one thread.
package final class ExtractionBudget {
    let limits: ExtractionLimits
    private let deadline: MonotonicTime
    private let now: () -> MonotonicTime
    private let allowance: Int64
    private var bytesLeft: Int64
    private var membersLeft: Int

    init(limits: ExtractionLimits, size: Int64, now: @escaping () -> MonotonicTime = MonotonicTime.now) {
        self.limits = limits
        self.now = now
        deadline = now() + limits.time
        let (unfolded, overflow) = size.multipliedReportingOverflow(by: limits.ratio)
        allowance = min(limits.decompressedBytes, overflow ? .max : max(limits.freeBytes, unfolded))
        bytesLeft = allowance
        membersLeft = limits.members
    }

    /// Counts bytes that a decompressor produced.
    func spend(_ bytes: Int) throws(ExtractionError) {
        bytesLeft -= Int64(bytes)
        guard bytesLeft >= 0 else { throw .limit("the archive unfolds to more than \(allowance) bytes") }
        try checkTime()
    }

    /// Counts a member of an archive.
    func spendMember(nameLength: Int) throws(ExtractionError) {
        membersLeft -= 1
        guard membersLeft >= 0 else { throw .limit("the archive has more than \(limits.members) members") }
        guard nameLength <= limits.nameLength else {
            throw .limit("a member's name is longer than \(limits.nameLength) bytes")
        }
        try checkTime()
    }

    /// A budget with fewer bytes for one part of the body; what it spends is not counted here.
    func part(bytes: Int64) -> ExtractionBudget {
        ExtractionBudget(self, bytes: min(bytes, bytesLeft))
    }

    private init(_ whole: ExtractionBudget, bytes: Int64) {
        limits = whole.limits
        now = whole.now
        deadline = whole.deadline
        membersLeft = whole.membersLeft
        allowance = bytes
        bytesLeft = bytes
    }

    func checkTime() throws(ExtractionError) {
        guard now() < deadline else { throw .timeout("inspection took longer than \(limits.time)") }
    }
}
