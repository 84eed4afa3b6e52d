/// Writes one member of `Cache-Status` or `Proxy-Status`: who speaks, and parameters.
struct StatusWriter {
    private var out: [UInt8] = []

    /// Begins with our name: a token if it can be one, else a string.
    init(name: String) {
        out.reserveCapacity(96)
        if StructuredSerialiser.isToken(name) {
            out.append(copying: name.utf8Span.span)
        } else {
            StructuredSerialiser.append(quoted: name, to: &out)
        }
    }

    private mutating func key(_ key: String, hasValue: Bool = true) {
        out.append(ASCII.semicolon)
        out.append(ASCII.space)
        out.append(copying: key.utf8Span.span)
        if hasValue { out.append(ASCII.equals) }
    }

    /// A parameter that is true.
    mutating func flag(_ name: String) { key(name, hasValue: false) }

    mutating func token(_ name: String, _ value: String) {
        key(name)
        out.append(copying: value.utf8Span.span)
    }

    mutating func string(_ name: String, _ value: String) {
        key(name)
        StructuredSerialiser.append(quoted: value, to: &out)
    }

    /// A number, held within the 15 digits that an integer has.
    mutating func number(_ name: String, _ value: Int64) {
        key(name)
        out.append(decimal: min(max(value, -999_999_999_999_999), 999_999_999_999_999))
    }

    var value: String { String(copying: out.span) }

    func append(to fields: inout Fields, _ name: String) { fields.append(name: name.utf8Span.span, value: out.span) }
}
