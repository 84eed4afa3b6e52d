/// The content of a 206 with several ranges: `multipart/byteranges` (RFC 9110, section 14.6).
///
/// ```
/// --boundary CR LF
/// Content-Type: type of the whole CR LF      only when the whole has one
/// Content-Range: bytes first-last/size CR LF
/// CR LF
/// bytes of the first range
/// CR LF --boundary CR LF                     the next part, and so on
/// …
/// CR LF --boundary-- CR LF
/// ```
package struct MultipartRanges: Sendable, Hashable {
    /// At least two ranges that do not overlap, in the order in which they are sent.
    package let parts: [ByteRange]
    /// The size of the whole representation.
    package let size: Int64
    package let boundary: String
    /// The length of the content, to its last byte.
    package let contentLength: Int64

    /// What stands between the delimiter and the range of each part's head.
    private let partFields: String

    /// Plans the content.
    ///
    /// - Parameters:
    ///   - parts: the ranges.
    ///   - size: the size of the whole; greater than the last byte of each range.
    ///   - partType: the `Content-Type` of the whole.
    ///   - boundary: 1 to 70 letters and digits that no part contains, which only chance can promise: use
    ///     ``randomBoundary()``.
    /// - Precondition: ranges and boundary are as described.
    package init(_ parts: [ByteRange], size: Int64, partType: String?, boundary: String) {
        precondition(parts.allSatisfy { $0.last < size }, "a range ends inside the representation")
        precondition(
            (1...70).contains(boundary.utf8.count)
                && boundary.utf8.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) },
            "a boundary is 1 to 70 letters and digits")
        self.parts = parts
        self.size = size
        self.boundary = boundary
        // The value comes from parsed fields, so it cannot hold a line break; what is no UTF-8 was replaced already.
        partFields = partType.map { "Content-Type: \($0)\r\n" } ?? ""
        var length = Int64(0)
        for (index, range) in parts.enumerated() {
            length += Int64(Self.opening(index, range, size, boundary, partFields).utf8.count) + range.count
        }
        contentLength = length + Int64(Self.closing(boundary).utf8.count)
    }

    /// The `Content-Type` of the answer.
    package var contentType: String { "multipart/byteranges; boundary=\(boundary)" }

    /// The bytes that are sent before the bytes of a part.
    package func opening(of index: Int) -> [UInt8] {
        Array(Self.opening(index, parts[index], size, boundary, partFields).utf8)
    }

    /// The bytes that are sent after the last part.
    package var closing: [UInt8] { Array(Self.closing(boundary).utf8) }

    /// 32 random hexadecimal digits.
    package static func randomBoundary() -> String {
        var generator = SystemRandomNumberGenerator()
        var out: [UInt8] = []
        for _ in 0..<2 {
            let word = generator.next()
            for shift in stride(from: 60, through: 0, by: -4) {
                out.append(ASCII.hexDigit(UInt8(truncatingIfNeeded: word >> UInt64(shift) & 15)))
            }
        }
        return String(copying: out.span)
    }

    private static func opening(_ index: Int, _ range: ByteRange, _ size: Int64, _ boundary: String, _ fields: String)
        -> String
    {
        "\(index == 0 ? "" : "\r\n")--\(boundary)\r\n\(fields)Content-Range: \(range.contentRange(size: size))\r\n\r\n"
    }

    private static func closing(_ boundary: String) -> String { "\r\n--\(boundary)--\r\n" }
}
