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
    /// - Parameters:
    ///   - fields: the request's fields; `If-Range` is not looked at.
    ///   - size: the size of the representation.
    /// - Returns: what to answer with.
    package static func single(_ fields: Fields, size: Int64) -> Outcome {
        guard fields.count(of: "range") == 1, let value = fields.first("range") else { return .none }
        let parts = value.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, ASCII.equalIgnoringCase(String(parts[0]), "bytes") else { return .none }
        var satisfiable: [ByteRange] = []
        var specs = 0
        for piece in parts[1].split(separator: ",") {
            let text = ASCII.trimmed(piece)
            if text.isEmpty { continue }
            specs += 1
            guard specs <= limit, let (first, last) = bounds(text) else { return .none }
            switch (first, last) {
            case (let first?, let last):
                if let last, last < first { return .none }
                if first < size { satisfiable.append(ByteRange(first: first, last: min(last ?? size - 1, size - 1))) }
            case (nil, let suffix?):
                if suffix > 0, size > 0 { satisfiable.append(ByteRange(first: max(0, size - suffix), last: size - 1)) }
            case (nil, nil): return .none
            }
        }
        guard specs > 0 else { return .none }
        guard let only = satisfiable.first else { return .unsatisfiable }
        return specs == 1 ? .range(only) : .several(satisfiable)
    }

    /// Reads `first-last`, `first-` or `-suffix`.
    ///
    /// Numbers that are too large count as the largest; nil for what is no range.
    private static func bounds(_ text: String) -> (Int64?, Int64?)? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        var numbers: [Int64?] = []
        for part in parts {
            guard part.utf8.allSatisfy(ASCII.isDigit) else { return nil }
            numbers.append(part.isEmpty ? nil : Int64(part) ?? .max)
        }
        return (numbers[0], numbers[1])
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

/// The `Content-Range` of a 206 (RFC 9110, section 14.4).
package struct ContentRange: Sendable, Hashable {
    package let range: ByteRange
    /// The size of the whole, when the origin knows it.
    package let size: Int64?

    /// Reads `bytes first-last/size`; nil for what is no part of bytes, or contradicts itself.
    package init?(_ fields: Fields) {
        guard fields.count(of: "content-range") == 1, let value = fields.first("content-range"),
            ASCII.hasPrefixIgnoringCase(value.utf8Span.span, "bytes ")
        else { return nil }
        let parts = value.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let bounds = parts[0].split(separator: "-", omittingEmptySubsequences: false).map {
            ASCII.decimal(String($0).utf8Span.span)
        }
        guard bounds.count == 2, let first = bounds[0], let last = bounds[1], first <= last else { return nil }
        range = ByteRange(first: first, last: last)
        if parts[1] == "*" {
            size = nil
        } else {
            guard let number = ASCII.decimal(String(parts[1]).utf8Span.span), number > last else { return nil }
            size = number
        }
    }
}
