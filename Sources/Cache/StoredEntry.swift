internal import Core
package import Storage
package import Wire

/// A stored response in memory: its row with the head parsed.
///
/// A value in a class so that loops share it without copying; it never changes, a refreshed response is a new entry.
package final class StoredEntry: Sendable {
    package let response: StoredResponse
    package let head: ResponseHead
    /// What it says about its reuse.
    package let policy: ReusePolicy

    /// Whether a segment of the URL's path is the SHA-256 of the body: such an answer cannot have become another.
    package let isSelfCertifying: Bool

    package init(_ response: StoredResponse, head: ResponseHead) {
        isSelfCertifying =
            response.status == 200 && !response.decoded && Self.names(response.digest, in: response.key)
        self.response = response
        self.head = head
        policy = ReusePolicy(
            status: response.status, fields: head.fields, requestTime: response.requestTime,
            responseTime: response.responseTime, shared: response.partition == .shared,
            assumedLifetime: response.assumedLifetime)
    }

    /// Parses the stored head; `nil` when it is not a head, which only a damaged catalog has.
    package convenience init?(_ response: StoredResponse) {
        guard let head = try? HeadParser.response(response.head.span) else { return nil }
        self.init(response, head: head)
    }

    /// Whether a segment of the URL's path is the digest, maybe behind a colon: `/sha256:…/`.
    private static func names(_ digest: SHA256Digest, in key: String) -> Bool {
        // Most URLs have no segment that is long enough.
        var length = 0
        var isPossible = false
        for byte in key.utf8 {
            if byte == UInt8(ascii: "?") { break }
            length = byte == UInt8(ascii: "/") || byte == UInt8(ascii: ":") ? 0 : length + 1
            if length == 64 { isPossible = true }
        }
        guard isPossible else { return false }
        let path = key.prefix { $0 != "?" }
        return path.split(separator: "/").contains { $0.split(separator: ":").last == digest.hex[...] }
    }

    /// About how many bytes of memory it takes.
    var cost: Int { 512 + response.key.utf8.count + response.head.count * 2 }
}
