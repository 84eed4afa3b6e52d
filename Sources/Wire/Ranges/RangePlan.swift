/// How a request is answered from a complete representation of known size (RFC 9110, sections 13.1.5 and 14).
package enum RangePlan: Sendable, Equatable {
    /// 200 with everything: no `Range`, or one that is not followed.
    case whole
    /// 416: nothing of what was asked for exists.
    case unsatisfiable(size: Int64)
    /// 206 with one range.
    case single(ByteRange, size: Int64)
    /// 206 with several ranges, as `multipart/byteranges`.
    case parts(MultipartRanges)

    /// Decides; the caller has evaluated the other conditions already (section 13.2.2 puts `If-Range` last).
    ///
    /// `Range` counts only for GET and where 200 would be the status, and only if `If-Range` allows it. One with another
    /// unit, with bad syntax, with more than ``ByteRange/limit`` members or on several lines is ignored. Ranges that overlap
    /// are put together at the place of the first of them; the others keep their order. Without `Range` it costs one look
    /// at the names of the request's fields.
    ///
    /// - Parameters:
    ///   - method: the request's method.
    ///   - requestFields: the request's fields.
    ///   - status: the status of the response that is at hand.
    ///   - responseFields: its fields, as the client would see them.
    ///   - size: the size of the representation, known and whole.
    ///   - boundary: makes the boundary of a multipart answer; see ``MultipartRanges/init(_:size:partType:boundary:)``.
    /// - Returns: the plan.
    package static func of(
        method: String, requestFields: Fields, status: Int, responseFields: Fields, size: Int64,
        boundary: () -> String = MultipartRanges.randomBoundary
    ) -> RangePlan {
        guard requestFields.contains("range"), method == "GET", status == 200, (0...largestSize).contains(size),
            ByteRange.ifRangeAllows(requestFields, storedFields: responseFields)
        else { return .whole }
        switch ByteRange.single(requestFields, size: size) {
        case .none: return .whole
        case .unsatisfiable: return .unsatisfiable(size: size)
        case .range(let range): return .single(range, size: size)
        case .several(let ranges):
            let parts = coalesced(ranges)
            // A client that gets one part must not need to understand multipart (section 15.3.7.2).
            if parts.count == 1 { return .single(parts[0], size: size) }
            return .parts(
                MultipartRanges(
                    parts, size: size, partType: responseFields.first("content-type"), boundary: boundary()))
        }
    }

    /// Lengths of answers stay far from overflowing.
    private static let largestSize: Int64 = 1 << 62

    /// Puts together ranges that overlap, at the place of the first in each group (section 15.3.7.2).
    ///
    /// Ranges that only touch stay apart: a client that asks for neighbouring pieces expects them one by one.
    static func coalesced(_ ranges: [ByteRange]) -> [ByteRange] {
        var out: [ByteRange] = []
        for range in ranges {
            var merged = range
            var place: Int?
            // A range may join several that were apart before; it swallows each and may then reach the next.
            while let index = out.firstIndex(where: { $0.first <= merged.last && merged.first <= $0.last }) {
                let other = out.remove(at: index)
                merged = ByteRange(first: min(merged.first, other.first), last: max(merged.last, other.last))
                place = min(index, place ?? index)
            }
            out.insert(merged, at: place ?? out.count)
        }
        return out
    }

    /// The length of the answer's content; nil for 416, whose text is the caller's.
    package func contentLength(of size: Int64) -> Int64? {
        switch self {
        case .whole: size
        case .unsatisfiable: nil
        case .single(let range, _): range.count
        case .parts(let parts): parts.contentLength
        }
    }

    /// The head of the answer, without framing fields, made from the head of the whole.
    ///
    /// A 206 keeps the fields of the whole but for those that are about the bytes of one message: `Content-MD5`,
    /// `Content-Digest` (RFC 9530, section 2). `Repr-Digest` stays, it is about the whole.
    package func head(for whole: ResponseHead) -> ResponseHead {
        switch self {
        case .whole: return whole
        case .unsatisfiable(let size):
            var head = ResponseHead(status: 416)
            head.fields.append("Content-Range", ByteRange.unsatisfiedContentRange(size: size))
            return head
        case .single(let range, let size):
            var head = RangePlan.partial(whole)
            head.fields.append("Content-Range", range.contentRange(size: size))
            return head
        case .parts(let parts):
            var head = RangePlan.partial(whole)
            head.fields.set("Content-Type", parts.contentType)
            return head
        }
    }

    private static func partial(_ whole: ResponseHead) -> ResponseHead {
        var head = ResponseHead(status: 206, fields: whole.fields)
        for name in ["Content-Range", "Content-MD5", "Content-Digest"] { head.fields.remove(name) }
        return head
    }
}
