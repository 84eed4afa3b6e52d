/// A range of bytes of a representation whose size is known (RFC 9110, section 14).
package struct ByteRange: Sendable, Hashable {
    /// The first byte.
    package let first: Int64
    /// The last byte, which belongs to the range.
    package let last: Int64

    /// - Precondition: `0 <= first <= last`.
    package init(first: Int64, last: Int64) {
        precondition(first >= 0 && first <= last, "a range is not empty")
        self.first = first
        self.last = last
    }

    package var count: Int64 { last - first + 1 }

    /// What a `Range` field asks for.
    package enum Outcome: Sendable, Equatable {
        /// The whole: no `Range`, one that cannot be read or is of another unit, or one with too many parts.
        case none
        /// One satisfiable range, cut to the size.
        case range(ByteRange)
        /// 416 with ``ByteRange/unsatisfiedContentRange(size:)``.
        case unsatisfiable
        /// Several ranges, the satisfiable ones in the order of the request.
        case several([ByteRange])
    }

    /// The greatest number of ranges in one request.
    package static let limit = 8

    /// Reads the `Range` field; the caller has seen that the method is GET and the status would be 200.
    ///
    /// Allocates only for several ranges. A suffix of an empty representation is satisfiable (section 14.1.2), but has no
    /// `Content-Range`: the whole is answered.
    ///
    /// - Parameters:
    ///   - fields: the request's fields; `If-Range` is not looked at.
    ///   - size: the size of the representation.
    /// - Returns: what to answer with.
    package static func single(_ fields: Fields, size: Int64) -> Outcome {
        guard fields.count(of: "range") == 1 else { return .none }
        return fields.withFirst("range") { outcome($0, size: size) } ?? .none
    }

    private static func outcome(_ value: Span<UInt8>, size: Int64) -> Outcome {
        guard ASCII.hasPrefixIgnoringCase(value, "bytes=") else { return .none }
        var only: ByteRange?
        var several: [ByteRange] = []
        var specs = 0
        var start = 6
        while start <= value.count {
            var end = start
            while end < value.count, value[end] != ASCII.comma { end += 1 }
            let spec = value.extracting(ASCII.trimmed(value, start..<end))
            start = end + 1
            if spec.isEmpty { continue }
            specs += 1
            guard specs <= limit, let bounds = Spec(spec) else { return .none }
            switch bounds {
            case .from(let first, let last):
                guard first < size else { continue }
                let range = ByteRange(first: first, last: min(last, size - 1))
                if only == nil, several.isEmpty { only = range } else { several.append(range) }
            case .suffix(let count):
                guard count > 0 else { continue }
                guard size > 0 else { return .none }
                let range = ByteRange(first: max(0, size - count), last: size - 1)
                if only == nil, several.isEmpty { only = range } else { several.append(range) }
            }
        }
        guard specs > 0 else { return .none }
        guard let only else { return .unsatisfiable }
        return specs == 1 ? .range(only) : .several([only] + several)
    }

    /// One member of a range set; numbers that are too large count as the largest.
    private enum Spec {
        case from(Int64, last: Int64)
        case suffix(Int64)

        init?(_ text: Span<UInt8>) {
            var dash = 0
            while dash < text.count, text[dash] != 0x2D { dash += 1 }
            guard dash < text.count, let first = Spec.number(text.extracting(first: dash)),
                let last = Spec.number(text.extracting(droppingFirst: dash + 1))
            else { return nil }
            switch (first, last) {
            case (-1, -1): return nil
            case (-1, _): self = .suffix(last)
            case (_, -1): self = .from(first, last: .max)
            default:
                guard first <= last else { return nil }
                self = .from(first, last: last)
            }
        }

        /// A decimal number, -1 for an empty text, nil for another one.
        private static func number(_ digits: Span<UInt8>) -> Int64? {
            guard !digits.isEmpty else { return -1 }
            for index in digits.indices where !ASCII.isDigit(digits[index]) { return nil }
            return ASCII.decimal(digits) ?? .max
        }
    }

    /// Whether `If-Range` lets the `Range` count (RFC 9110, section 13.1.5).
    ///
    /// - Parameters:
    ///   - requestFields: the client's fields.
    ///   - storedFields: the fields that the client would get.
    /// - Returns: true without `If-Range`, or when it is the same strong tag or the same strong date.
    package static func ifRangeAllows(_ requestFields: Fields, storedFields: Fields) -> Bool {
        guard requestFields.contains("if-range") else { return true }
        guard requestFields.count(of: "if-range") == 1, let value = requestFields.first("if-range") else {
            return false
        }
        if let tag = EntityTag(value) { return Validators.tag(storedFields)?.matchesStrongly(tag) ?? false }
        guard let wanted = HTTPDate.parse(value), Validators.hasStrongDate(storedFields) else { return false }
        return storedFields.first("last-modified").flatMap { HTTPDate.parse($0) } == wanted
    }

    /// The value of `Content-Range` for a 206.
    package func contentRange(size: Int64) -> String { "bytes \(first)-\(last)/\(size)" }

    /// The value of `Content-Range` for a 416.
    package static func unsatisfiedContentRange(size: Int64) -> String { "bytes */\(size)" }
}
