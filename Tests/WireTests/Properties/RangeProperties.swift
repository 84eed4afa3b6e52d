import Wire

/// Ranges: what is planned lies in the representation, covers what was asked for, and is as long as promised.
enum RangeProperties {
    static func check(_ bytes: [UInt8]) throws {
        // The first two bytes say how large the representation is.
        let exponent = bytes.first.map { Int64($0 % 63) } ?? 0
        let size = (Int64(1) << exponent) + Int64(bytes.dropFirst().first ?? 0) - 1
        let value = Array(bytes.dropFirst(2))
        let request = fields("Range", raw: [value])
        let response = fields(("Content-Type", "text/plain"), ("ETag", "\"a\""))
        let plan = RangePlan.of(
            method: "GET", requestFields: request, status: 200, responseFields: response, size: size,
            boundary: { "BOUNDARY" })
        let asked = ByteRange.single(request, size: size)
        switch plan {
        case .whole: break
        case .unsatisfiable(let told): try hold(told == size && asked == .unsatisfiable, "416 without need")
        case .single(let range, let told):
            try hold(told == size && range.last < size, "a range outside")
            let head = plan.head(for: ResponseHead(status: 200, fields: response))
            let stated = ContentRange(head.fields)
            try hold(stated?.range == range && stated?.size == size, "Content-Range is read back as another")
        case .parts(let parts):
            try hold((2...ByteRange.limit).contains(parts.parts.count), "not a few parts")
            var length = Int64(parts.closing.count)
            for (index, part) in parts.parts.enumerated() {
                try hold(part.last < size, "a part outside")
                for other in parts.parts[(index + 1)...] {
                    try hold(other.last < part.first || part.last < other.first, "parts overlap")
                }
                length += Int64(parts.opening(of: index).count) + part.count
            }
            try hold(length == parts.contentLength && plan.contentLength(of: size) == length, "another length")
        }
        if case .several(let ranges) = asked {
            var kept: [ByteRange] = []
            switch plan {
            case .single(let range, _): kept = [range]
            case .parts(let parts): kept = parts.parts
            case .whole, .unsatisfiable: try hold(size > 1 << 62, "several ranges are not answered")
            }
            for range in ranges where !kept.isEmpty {
                let holding = kept.filter { $0.first <= range.first && range.last <= $0.last }
                try hold(holding.count == 1, "a range is not in exactly one part")
            }
        }
        try contentRange(value)
    }

    private static func contentRange(_ value: [UInt8]) throws {
        var head = fields("Content-Range", raw: [value])
        if let stated = ContentRange(head), let size = stated.size {
            let again = ContentRange(fields(("Content-Range", stated.range.contentRange(size: size))))
            try hold(again == stated, "Content-Range is read back as another")
            try hold(ContentRange.unsatisfiedSize(head) == nil, "a range that is none")
        }
        head.append("ETag", "\"a\"")
        if let content = PartialContent(status: 206, fields: head, received: 1) {
            try hold(content.ranges.count == 1 && content.ranges[0].count == 1, "more than was received")
            var more = content
            _ = more.combine(status: 206, fields: head, received: 2)
            _ = more.combine(status: 200, fields: head, received: 5)
            if more.isComplete { try hold(more.firstMissing == nil, "complete, and something is missing") }
        }
        for offset in [0, 1, 10, Int64.max] {
            let judged = Resumption.judge(status: 206, fields: head, offset: offset, stored: head, size: nil)
            if case .continues(let skip) = judged { try hold((0...offset).contains(skip), "skips outside") }
            _ = Resumption.judge(status: 416, fields: head, offset: offset, stored: head, size: 10)
        }
    }
}
