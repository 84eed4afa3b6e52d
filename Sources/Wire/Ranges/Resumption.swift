/// Going on with a download whose connection broke (RFC 9110, sections 13.1.5, 14.2 and 15.3.7.3).
package enum Resumption: Sendable, Equatable {
    /// The 206 brings the missing bytes, after `skip` bytes that are there already.
    case continues(skip: Int64)
    /// A 200: the whole comes anew, because it has changed or since the origin knows no ranges.
    case restarts
    /// A 416 that tells our size: nothing is missing.
    case complete
    /// The download cannot go on.
    case fails(Why)

    /// Why a download cannot go on.
    package enum Why: String, Sendable, Equatable, CaseIterable {
        case otherRepresentation = "the origin answered with a part of something else"
        case otherRange = "the origin answered with another range"
        case otherSize = "the origin tells another size than before"
        case status = "the origin answered with another status"
    }

    /// Asks for everything from `offset` on, on condition that it is still the same.
    ///
    /// - Parameters:
    ///   - request: the fields of the request to the origin; its conditions and ranges are removed.
    ///   - offset: how many bytes are there.
    ///   - stored: the fields of the answer that broke off, with the origin's own entity tag.
    /// - Returns: false, and the request is unchanged, without a strong validator or without bytes.
    package static func ask(_ request: inout Fields, from offset: Int64, stored: Fields) -> Bool {
        guard offset > 0, let validator = Validators.forIfRange(stored) else { return false }
        Validators.removeConditions(from: &request)
        request.set("Range", "bytes=\(offset)-")
        request.append("If-Range", validator)
        return true
    }

    /// Judges the answer to such a request.
    ///
    /// A 206 must carry a `Content-Range` that begins at or before the offset, and the validator that was asked for, unless
    /// it carries none: the origin compared it (section 15.3.7 lets it leave out what the client has).
    ///
    /// - Parameters:
    ///   - status: the answer's status.
    ///   - fields: the answer's fields.
    ///   - offset: how many bytes are there.
    ///   - stored: the fields of the answer that broke off.
    ///   - size: the size of the whole, if that answer told it.
    /// - Returns: what the answer means.
    package static func judge(status: Int, fields: Fields, offset: Int64, stored: Fields, size: Int64?) -> Resumption {
        switch status {
        case 200: return .restarts
        case 206:
            guard let range = ContentRange(fields) else { return .fails(.otherRange) }
            if Validators.hasAny(fields), !isUnchanged(fields, stored) { return .fails(.otherRepresentation) }
            guard range.range.first <= offset, range.range.last >= offset else { return .fails(.otherRange) }
            if let size, let stated = range.size, stated != size { return .fails(.otherSize) }
            if let whole = size ?? range.size, range.range.last != whole - 1 { return .fails(.otherRange) }
            return .continues(skip: offset - range.range.first)
        case 416:
            guard let stated = ContentRange.unsatisfiedSize(fields), stated == offset, size ?? stated == stated else {
                return .fails(.otherSize)
            }
            return .complete
        default: return .fails(.status)
        }
    }

    /// Whether what the 206 says about itself is what was asked about: the same tag, else the same date.
    private static func isUnchanged(_ fields: Fields, _ stored: Fields) -> Bool {
        if let own = Validators.tag(stored) { return Validators.tag(fields).map { $0.matchesStrongly(own) } ?? true }
        guard let modified = Validators.lastModified(fields), let own = Validators.lastModified(stored) else {
            return Validators.tag(fields) == nil
        }
        return HTTPDate.parse(modified) == HTTPDate.parse(own)
    }
}
