/// What codings a client takes, and what a response is coded with (RFC 9110, section 12.5.3).
package enum ContentCoding {
    /// Whether the client names gzip, or everything, with a weight above 0.
    ///
    /// A request without `Accept-Encoding` counts as one that does not: whoever can undo gzip says so.
    package static func acceptsGzip(_ requestFields: Fields) -> Bool {
        weight(requestFields, ["gzip", "x-gzip"]) ?? weight(requestFields, ["*"]) ?? false
    }

    /// Whether the client takes content without coding.
    package static func acceptsIdentity(_ requestFields: Fields) -> Bool {
        weight(requestFields, ["identity"]) ?? weight(requestFields, ["*"]) ?? true
    }

    /// The codings of a response in the order in which they were applied, in lower case, without `identity`.
    package static func of(_ responseFields: Fields) -> [String] {
        responseFields.list("content-encoding").map { ASCII.lowercased($0) }.filter { $0 != "identity" }
    }

    /// Whether the response is coded with gzip and nothing else.
    package static func isGzip(_ responseFields: Fields) -> Bool {
        let codings = of(responseFields)
        return codings == ["gzip"] || codings == ["x-gzip"]
    }

    /// Whether the last member with one of the names has a weight above 0; nil when none is named.
    private static func weight(_ fields: Fields, _ names: [String]) -> Bool? {
        var result: Bool?
        fields.forEachMember("accept-encoding") { member in
            var isFirst = true
            var isNamed = false
            var isWanted = true
            Fields.splitList(member, separator: ASCII.semicolon) { piece in
                if isFirst {
                    isNamed = names.contains { ASCII.equalIgnoringCase($0.utf8Span.span, piece) }
                } else if ASCII.hasPrefixIgnoringCase(piece, "q=") {
                    isWanted = isWanted && isAboveZero(piece.extracting(droppingFirst: 2))
                }
                isFirst = false
            }
            if isNamed { result = isWanted }
        }
        return result
    }

    /// Whether a weight has a digit other than 0; an unreadable one counts as 0.
    private static func isAboveZero(_ weight: Span<UInt8>) -> Bool {
        var isAbove = false
        for index in weight.indices {
            guard ASCII.isDigit(weight[index]) || weight[index] == ASCII.dot else { return false }
            if weight[index] != ASCII.zero, weight[index] != ASCII.dot { isAbove = true }
        }
        return isAbove
    }
}
