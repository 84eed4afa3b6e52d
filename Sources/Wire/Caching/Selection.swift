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

    /// What of a request decides which variant it gets; two requests get the same one when their keys are equal.
    ///
    /// Lines of one field are joined, and blanks around commas of list fields are dropped; `Accept-Encoding`,
    /// `Accept-Language` and `Accept-Charset` also ignore case. A field that is absent differs from an empty one.
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
        if listFields.contains(name) {
            fields.forEachMember(name) { member in
                if out.count > start { out.append(ASCII.comma) }
                out.append(injectively: member)
            }
        } else {
            fields.forEachRaw { candidate, value in
                guard ASCII.equalIgnoringCase(candidate, name.utf8Span.span) else { return }
                if out.count > start { out.append(copying: ", ".utf8Span.span) }
                out.append(injectively: value)
            }
        }
        guard caseless.contains(name) else { return }
        for index in start..<out.count { out[index] = ASCII.lowercased(out[index]) }
    }

    private static let caseless: Set<String> = ["accept-encoding", "accept-language", "accept-charset"]
    private static let listFields: Set<String> = [
        "accept", "accept-encoding", "accept-language", "accept-charset", "prefer",
    ]
}
