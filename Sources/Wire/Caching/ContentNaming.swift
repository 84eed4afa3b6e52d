/// Recognises URLs under which the bytes never change because the URL says which bytes they are.
///
/// Where an origin says nothing at all about freshness and gives no validator, a cache may estimate (RFC 9111, section
/// 4.2.2). For these URLs a day is a safe estimate: package indexes put the digest of a file into its path, and the clients
/// that follow such links compare what they get with a digest that they already have.
package enum ContentNaming {
    /// The freshness that may be assumed, in seconds.
    package static let lifetime = Freshness.longestHeuristic

    /// Whether the path names its content: by a digest of at least 40 hex digits, whole or split over the segments
    /// before the file name, or as a Debian package in a pool, whose versions are never used twice.
    package static func isFixed(_ url: RequestURL) -> Bool {
        guard url.isOrdinary else { return false }
        let path = url.path.utf8
        var (run, isInPool) = (0, false)
        var last = path[path.endIndex...]
        var start = path.startIndex
        while start < path.endIndex {
            let end = path[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
            let segment = path[start..<end]
            start = end == path.endIndex ? end : path.index(after: end)
            guard !segment.isEmpty else { continue }
            last = segment
            isInPool = isInPool || segment.elementsEqual("pool".utf8)
            let digits = behindColons(segment)
            if !digits.isEmpty, digits.allSatisfy(isLowerHex) {
                run += digits.count
                if digits.count >= 40 || run >= 64 { return true }
            } else {
                run = 0
            }
        }
        guard isInPool, last.count > 4, last.suffix(4).elementsEqual(".deb".utf8) else { return false }
        return last.count { $0 == UInt8(ascii: "_") } == 2
    }

    /// The last piece between colons that is not empty: `…` of `sha256:…`.
    private static func behindColons(_ segment: Substring.UTF8View) -> Substring.UTF8View {
        let colon = UInt8(ascii: ":")
        guard let lastByte = segment.lastIndex(where: { $0 != colon }) else { return segment }
        let piece = segment[...lastByte]
        guard let before = piece.lastIndex(of: colon) else { return piece }
        return piece[piece.index(after: before)...]
    }

    /// Whether an answer leaves the estimate to us: no freshness, no validator, nothing that forbids it.
    package static func isSilent(_ fields: Fields) -> Bool {
        !CacheControl(fields).isPresent && !fields.contains("Expires") && !fields.contains("Pragma")
            && !Validators.hasAny(fields)
    }

    private static func isLowerHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
