/// What is there of a representation of which only parts have come (RFC 9111, sections 3.3 and 3.4).
///
/// Parts are put together only when they share a strong validator, and none of them answers anything but a range that lies
/// wholly in what is there, until nothing is missing (RFC 9110, section 15.3.7.3).
package struct PartialContent: Sendable, Equatable {
    /// The fields of the representation: never a `Content-Range` or a `Content-Length`.
    package private(set) var fields: Fields
    /// The size of the whole, once an answer has told it.
    package private(set) var size: Int64?
    /// What is there, ascending, neither overlapping nor touching.
    package private(set) var ranges: [ByteRange] = []

    /// Begins with a 200 whose body broke off, or with a 206.
    ///
    /// Nil when the answer cannot be a part of something: another status, no strong validator, no readable
    /// `Content-Range` on a 206 (several parts included), more bytes than announced, or none at all.
    ///
    /// - Parameters:
    ///   - status: 200 or 206.
    ///   - fields: the answer's fields.
    ///   - received: how many bytes of content have come.
    package init?(status: Int, fields: Fields, received: Int64) {
        guard Validators.forIfRange(fields) != nil,
            let (range, size) = PartialContent.extent(status: status, fields: fields, received: received)
        else { return nil }
        self.fields = PartialContent.withoutExtent(fields)
        self.size = size
        ranges = [range]
    }

    /// Adds what another answer brought, and its fields as a 304 would (section 3.2).
    ///
    /// The fields of a 200 replace those of parts, since they were meant for the whole.
    ///
    /// - Returns: false, and nothing is changed, when it is not of the same representation.
    package mutating func combine(status: Int, fields new: Fields, received: Int64) -> Bool {
        guard PartialContent.isSame(fields, new),
            let (range, size) = PartialContent.extent(status: status, fields: new, received: received),
            size == nil || self.size == nil || size == self.size
        else { return false }
        if let known = size ?? self.size {
            guard range.last < known, ranges.allSatisfy({ $0.last < known }) else { return false }
            self.size = known
        }
        if status == 200 {
            fields = PartialContent.withoutExtent(new)
        } else {
            Validators.freshen(stored: &fields, with: PartialContent.withoutExtent(new), shared: false)
        }
        insert(range)
        return true
    }

    /// Whether nothing is missing: from now on it is a 200 with `Content-Length`.
    package var isComplete: Bool {
        guard let size, let first = ranges.first else { return false }
        return ranges.count == 1 && first.first == 0 && first.last == size - 1
    }

    /// Whether a request for this range can be answered.
    package func holds(_ range: ByteRange) -> Bool {
        ranges.contains { $0.first <= range.first && range.last <= $0.last }
    }

    /// The first bytes that are missing; open-ended while the size is unknown, nil when complete.
    package var firstMissing: (first: Int64, last: Int64?)? {
        guard !isComplete else { return nil }
        guard let lead = ranges.first, lead.first == 0 else { return (0, ranges.first.map { $0.first - 1 }) }
        let end = ranges.count > 1 ? ranges[1].first - 1 : size.map { $0 - 1 }
        return (lead.last + 1, end)
    }

    /// Whether both answers are of one representation: the same strong tag, or without tags the same strong date.
    package static func isSame(_ a: Fields, _ b: Fields) -> Bool {
        switch (Validators.tag(a), Validators.tag(b)) {
        case (let first?, let second?): return first.matchesStrongly(second)
        case (nil, nil):
            guard let first = Validators.forIfRange(a), let second = Validators.forIfRange(b) else { return false }
            return HTTPDate.parse(first) == HTTPDate.parse(second)
        default: return false
        }
    }

    /// Which bytes an answer brought, and the size of the whole if it tells.
    private static func extent(status: Int, fields: Fields, received: Int64) -> (ByteRange, Int64?)? {
        guard received > 0 else { return nil }
        switch status {
        case 200:
            let size = fields.withFirst("content-length", ASCII.decimal) ?? nil
            guard received <= size ?? .max else { return nil }
            return (ByteRange(first: 0, last: received - 1), size)
        case 206:
            guard let stated = ContentRange(fields), received <= stated.range.count else { return nil }
            return (ByteRange(first: stated.range.first, last: stated.range.first + received - 1), stated.size)
        default: return nil
        }
    }

    private static func withoutExtent(_ fields: Fields) -> Fields {
        var fields = fields
        fields.remove("Content-Range")
        fields.remove("Content-Length")
        return fields
    }

    private mutating func insert(_ range: ByteRange) {
        var merged = range
        var out: [ByteRange] = []
        for other in ranges {
            if other.last < merged.first - 1 || other.first - 1 > merged.last {
                out.append(other)
            } else {
                merged = ByteRange(first: min(merged.first, other.first), last: max(merged.last, other.last))
            }
        }
        let place = out.firstIndex { $0.first > merged.first } ?? out.count
        out.insert(merged, at: place)
        ranges = out
    }
}
