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
    private static func weight(_ fields: Fields, _ names: Set<String>) -> Bool? {
        var result: Bool?
        fields.forEachMember("accept-encoding") { member in
            var pieces: [String] = []
            Fields.splitList(member, separator: ASCII.semicolon) {
                pieces.append(ASCII.lowercased(String(copying: $0)))
            }
            guard let name = pieces.first, names.contains(name) else { return }
            let weights = pieces.dropFirst().filter { $0.hasPrefix("q=") }.map { $0.dropFirst(2) }
            // A weight is 0 when it has no digit other than 0; an unreadable one counts as 0 too.
            result = weights.allSatisfy { weight in
                weight.utf8.allSatisfy { ASCII.isDigit($0) || $0 == ASCII.dot }
                    && weight.utf8.contains { ASCII.isDigit($0) && $0 != ASCII.zero }
            }
        }
        return result
    }
}
