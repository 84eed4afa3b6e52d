/// The `Via` field, by which a proxy names itself and finds loops (RFC 9110, section 7.6.3).
package enum Via {
    /// Appends this hop.
    ///
    /// - Parameters:
    ///   - fields: the fields of the message to forward.
    ///   - version: the version in which the message was received.
    ///   - pseudonym: a token that names this proxy to itself.
    package static func append(to fields: inout Fields, received version: HTTPVersion, pseudonym: String) {
        fields.append("Via", "\(version == .http11 ? "1.1" : "1.0") \(pseudonym)")
    }

    /// Whether the message has passed the proxy of that name before.
    package static func names(_ pseudonym: String, in fields: Fields) -> Bool {
        var found = false
        fields.forEachMember("via") { member in
            let words = String(copying: member).split(separator: " ", omittingEmptySubsequences: true)
            if words.count > 1, ASCII.equalIgnoringCase(String(words[1]), pseudonym) { found = true }
        }
        return found
    }
}
