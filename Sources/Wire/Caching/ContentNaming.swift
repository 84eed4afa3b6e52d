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
        let segments = url.path.split(separator: "/")
        var run = 0
        for segment in segments {
            let digits = segment.utf8.split(separator: UInt8(ascii: ":")).last ?? segment.utf8[...]
            if !digits.isEmpty, digits.allSatisfy(isLowerHex) {
                run += digits.count
                if digits.count >= 40 || run >= 64 { return true }
            } else {
                run = 0
            }
        }
        guard segments.contains("pool"), let file = segments.last, file.hasSuffix(".deb") else { return false }
        return file.utf8.filter { $0 == UInt8(ascii: "_") }.count == 2
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
