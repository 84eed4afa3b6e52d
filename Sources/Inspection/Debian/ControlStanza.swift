/// One stanza of Debian's control format: fields, and lines that begin with a blank and go on with the last field.
///
/// - SeeAlso: deb822(5).
struct ControlStanza {
    private(set) var fields: [(name: String, value: String)] = []

    /// How long a value may be; longer ones are cut.
    private static let longestValue = 64 << 10

    /// The first value of a field, whatever the case of its name; empty when it is not there.
    subscript(name: String) -> String {
        let name = name.lowercased()
        return fields.first { $0.name.lowercased() == name }?.value ?? ""
    }

    func contains(_ name: String) -> Bool {
        let name = name.lowercased()
        return fields.contains { $0.name.lowercased() == name }
    }

    /// The stanzas of a text, at most `limit`.
    ///
    /// Lines without a colon are passed over, and so are comments.
    static func stanzas(_ bytes: [UInt8], limit: Int) -> [ControlStanza] {
        var stanzas: [ControlStanza] = []
        var stanza = ControlStanza()
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            guard let first = line.first(where: { $0 != 0x20 && $0 != 0x09 }) else {
                if !stanza.fields.isEmpty { stanzas.append(stanza) }
                if stanzas.count == limit { return stanzas }
                stanza = ControlStanza()
                continue
            }
            if first == UInt8(ascii: "#"), line.first == first { continue }
            stanza.take(line)
        }
        if !stanza.fields.isEmpty { stanzas.append(stanza) }
        return stanzas
    }

    private mutating func take(_ line: ArraySlice<UInt8>) {
        if line.first == 0x20 || line.first == 0x09 {
            guard !fields.isEmpty, fields[fields.count - 1].value.utf8.count < Self.longestValue else { return }
            fields[fields.count - 1].value += "\n" + Self.trimmed(line)
        } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            fields.append((String(decoding: line[..<colon], as: UTF8.self), Self.trimmed(line[(colon + 1)...])))
        }
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        var bytes = bytes.drop { $0 == 0x20 || $0 == 0x09 }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return String(decoding: bytes.prefix(longestValue), as: UTF8.self)
    }
}
