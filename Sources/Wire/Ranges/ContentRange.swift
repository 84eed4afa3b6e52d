/// The `Content-Range` of a 206 (RFC 9110, section 14.4).
package struct ContentRange: Sendable, Hashable {
    package let range: ByteRange
    /// The size of the whole, when the origin knows it.
    package let size: Int64?

    /// Reads `bytes first-last/size`; nil for what is no part of bytes, or contradicts itself.
    package init?(_ fields: Fields) {
        guard let parts = ContentRange.parts(fields) else { return nil }
        guard let range = parts.range, parts.size.map({ range.last < $0 }) ?? true else { return nil }
        self.range = range
        size = parts.size
    }

    /// The size that the `bytes */size` of a 416 tells, or nil.
    package static func unsatisfiedSize(_ fields: Fields) -> Int64? {
        guard let parts = parts(fields), parts.range == nil else { return nil }
        return parts.size
    }

    /// The two halves; nil when a half is unreadable or both are `*`.
    private static func parts(_ fields: Fields) -> (range: ByteRange?, size: Int64?)? {
        guard fields.count(of: "content-range") == 1 else { return nil }
        return fields.withFirst("content-range", parts) ?? nil
    }

    private static func parts(_ value: Span<UInt8>) -> (range: ByteRange?, size: Int64?)? {
        guard ASCII.hasPrefixIgnoringCase(value, "bytes ") else { return nil }
        var slash = 6
        while slash < value.count, value[slash] != ASCII.slash { slash += 1 }
        guard slash < value.count else { return nil }
        let (left, right) = (value.extracting(6..<slash), value.extracting(slash + 1..<value.count))
        let size = ASCII.decimal(right)
        guard size != nil || isStar(right) else { return nil }
        if isStar(left) { return size == nil ? nil : (nil, size) }
        var dash = 0
        while dash < left.count, left[dash] != 0x2D { dash += 1 }
        guard dash < left.count, let first = ASCII.decimal(left.extracting(first: dash)),
            let last = ASCII.decimal(left.extracting(droppingFirst: dash + 1)), first <= last, last < .max
        else { return nil }
        return (ByteRange(first: first, last: last), size)
    }

    private static func isStar(_ text: Span<UInt8>) -> Bool { text.count == 1 && text[0] == 0x2A }
}
