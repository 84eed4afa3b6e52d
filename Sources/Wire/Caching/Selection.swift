/// Which of the responses stored under one key fits a request (RFC 9111, section 4.1).
package enum Selection {
    /// The request fields by which a response varies, in lower case, sorted, each once; empty without `Vary`.
    ///
    /// - Returns: nil for `*` or an unreadable `Vary`: such a response fits no later request.
    package static func varyNames(_ responseFields: Fields) -> [String]? {
        guard responseFields.contains("vary") else { return [] }
        var names: Set<String> = []
        for member in responseFields.list("vary") {
            guard member != "*", Fields.isValidName(member) else { return nil }
            names.insert(ASCII.lowercased(member))
        }
        return names.sorted()
    }

    /// Whether a request gets the variant that another request with this key got; without `Vary` it allocates nothing.
    package static func fits(names: [String], variant: String, requestFields: Fields) -> Bool {
        names.isEmpty ? variant.isEmpty : variantKey(names: names, requestFields: requestFields) == variant
    }

    /// What of a request decides which variant it gets; two requests get the same one when their keys are equal.
    ///
    /// Normalised as section 4.1 allows: lines of one field are joined; blanks around commas of list fields are dropped;
    /// `Accept-Encoding`, `Accept-Language` and `Accept-Charset` ignore case. In `Accept-Encoding` and `Accept-Charset`,
    /// whose order means nothing, members are sorted, each once, and weights are written one way. A field that is absent
    /// differs from an empty one.
    ///
    /// - Parameters:
    ///   - names: the names of ``varyNames(_:)``.
    ///   - requestFields: the fields of the request, as they were or would be sent to the origin.
    /// - Returns: a text that may be long; empty when nothing varies.
    package static func variantKey(names: [String], requestFields: Fields) -> String {
        var out: [UInt8] = []
        for name in names {
            if !out.isEmpty { out.append(ASCII.lineFeed) }
            out.append(copying: name.utf8Span.span)
            guard requestFields.contains(name) else {
                out.append(ASCII.question)
                continue
            }
            out.append(ASCII.equals)
            append(name, of: requestFields, to: &out)
        }
        return String(copying: out.span)
    }

    private static func append(_ name: String, of fields: Fields, to out: inout [UInt8]) {
        let start = out.count
        if unordered.contains(name) {
            var members: [[UInt8]] = []
            fields.forEachMember(name) { members.append(normalised($0)) }
            members.sort { $0.lexicographicallyPrecedes($1) }
            for (index, member) in members.enumerated() where index == 0 || member != members[index - 1] {
                if index > 0 { out.append(ASCII.comma) }
                out.append(contentsOf: member)
            }
            return
        }
        if listFields.contains(name) {
            fields.forEachMember(name) { member in
                if out.count > start { out.append(ASCII.comma) }
                out.append(injectively: member)
            }
        } else {
            var isFirst = true
            fields.forEachRaw { candidate, value in
                guard ASCII.equalIgnoringCase(candidate, name.utf8Span.span) else { return }
                if !isFirst { out.append(copying: ", ".utf8Span.span) }
                isFirst = false
                out.append(injectively: value)
            }
        }
        guard caseless.contains(name) else { return }
        for index in start..<out.count { out[index] = ASCII.lowercased(out[index]) }
    }

    /// A member with a weight: lower case, no blanks, `;q=` only below 1 and without trailing zeros, `gzip` for `x-gzip`.
    ///
    /// What has other parameters or no readable weight only loses its case.
    private static func normalised(_ member: Span<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        var weight = 1000
        var pieces = 0
        var isPlain = true
        Fields.splitList(member, separator: ASCII.semicolon) { piece in
            pieces += 1
            if pieces == 1 {
                let isOld = ASCII.equalIgnoringCase(piece, "x-gzip".utf8Span.span)
                out.append(injectively: isOld ? piece.extracting(droppingFirst: 2) : piece)
            } else if pieces == 2, ASCII.hasPrefixIgnoringCase(piece, "q="),
                let read = thousandths(piece.extracting(droppingFirst: 2))
            {
                weight = read
            } else {
                isPlain = false
            }
        }
        if !isPlain {
            out.removeAll()
            out.append(injectively: member)
            weight = 1000
        }
        for index in out.indices { out[index] = ASCII.lowercased(out[index]) }
        guard weight < 1000 else { return out }
        out.append(copying: ";q=0".utf8Span.span)
        guard weight > 0 else { return out }
        out.append(ASCII.dot)
        var (rest, scale) = (weight, 100)
        while rest > 0 {
            out.append(ASCII.zero + UInt8(rest / scale))
            rest %= scale
            scale /= 10
        }
        return out
    }

    /// A weight of RFC 9110, section 12.4.2.
    private static func thousandths(_ text: Span<UInt8>) -> Int? {
        guard (1...5).contains(text.count), text[0] == ASCII.zero || text[0] == ASCII.zero + 1 else { return nil }
        var value = Int(text[0] - ASCII.zero) * 1000
        var scale = 100
        for index in 1..<text.count {
            if index == 1 {
                guard text[1] == ASCII.dot else { return nil }
                continue
            }
            guard ASCII.isDigit(text[index]) else { return nil }
            value += Int(text[index] - ASCII.zero) * scale
            scale /= 10
        }
        return value <= 1000 ? value : nil
    }

    private static let unordered: Set<String> = ["accept-encoding", "accept-charset"]
    private static let caseless: Set<String> = ["accept-language"]
    private static let listFields: Set<String> = ["accept", "accept-language", "prefer"]
}
