extension Fields {
    /// The members of a list-valued field over all its lines (RFC 9110, section 5.6.1).
    ///
    /// Commas inside quoted strings do not separate; members are trimmed, empty ones dropped, quotes stay.
    package func list(_ name: String) -> [String] {
        var members: [String] = []
        forEachMember(name) { members.append(String(copying: $0)) }
        return members
    }

    /// Whether one member of a list-valued field is this token, without regard to ASCII case; copies nothing.
    package func hasToken(_ name: String, _ token: String) -> Bool {
        var found = false
        forEachMember(name) { found = found || ASCII.equalIgnoringCase($0, token.utf8Span.span) }
        return found
    }

    /// Lends each member of a list-valued field.
    package func forEachMember(_ name: String, _ body: (Span<UInt8>) -> Void) {
        for entry in entries where matches(entry, name) {
            Fields.splitList(storage.span.extracting(entry.value), separator: ASCII.comma, body)
        }
    }

    /// Lends each trimmed, non-empty piece between top-level separators; quoted strings are respected.
    static func splitList(_ value: Span<UInt8>, separator: UInt8, _ body: (Span<UInt8>) -> Void) {
        var start = 0
        var index = 0
        var quoted = false
        func finish(at end: Int) {
            let range = ASCII.trimmed(value, start..<end)
            if !range.isEmpty { body(value.extracting(range)) }
        }
        while index < value.count {
            let byte = value[index]
            if quoted {
                if byte == ASCII.backslash { index += 1 } else if byte == ASCII.quote { quoted = false }
            } else if byte == ASCII.quote {
                quoted = true
            } else if byte == separator {
                finish(at: index)
                start = index + 1
            }
            index += 1
        }
        finish(at: value.count)
    }

    /// The content of a quoted string with its escapes undone; other text as it is.
    static func unquoted(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard bytes.count >= 2, bytes.first == ASCII.quote, bytes.last == ASCII.quote else { return text }
        var out: [UInt8] = []
        var index = 1
        while index < bytes.count - 1 {
            if bytes[index] == ASCII.backslash, index + 1 < bytes.count - 1 { index += 1 }
            out.append(bytes[index])
            index += 1
        }
        return String(decoding: out, as: UTF8.self)
    }
}
