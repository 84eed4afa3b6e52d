/// A host and a port, in the one form that everything else compares.
package struct Authority: Hashable, Sendable {
    /// A name in lower case without trailing dot, an IPv4 address, or an IPv6 address in the text of RFC 5952 without
    /// brackets.
    package let host: String
    /// 1 to 65535.
    package let port: UInt16

    /// Takes a host that is known to be in the right form, such as one read back from storage.
    package init(uncheckedHost host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Parses `host`, `host:port` or `[ipv6]:port`.
    ///
    /// Hosts are names of letters, digits, `-`, `_` and `.`, with labels of 1 to 63 bytes and 253 bytes in all. A host
    /// that ends in a number must be an IPv4 address of four plain decimal numbers: `127.1`, `0x7f.0.0.1` and
    /// `010.0.0.1` mean different things to different parsers.
    ///
    /// - Parameters:
    ///   - text: the authority without userinfo; `@` in it is an error.
    ///   - defaultPort: the port when none is given; nil where one must be, as in CONNECT.
    /// - Throws: 400.
    package init(parsing text: Span<UInt8>, defaultPort: UInt16?) throws(MessageError) {
        var cursor = 0
        if !text.isEmpty, text[0] == 0x5B {
            while cursor < text.count, text[cursor] != 0x5D { cursor += 1 }
            guard cursor < text.count, let groups = IPv6Text.parse(text.extracting(1..<cursor)) else {
                throw .bad("the IPv6 address in the authority is malformed")
            }
            host = IPv6Text.format(groups)
            cursor += 1
        } else {
            while cursor < text.count, text[cursor] != ASCII.colon { cursor += 1 }
            host = try Authority.name(text.extracting(first: cursor))
        }
        if cursor == text.count {
            guard let defaultPort else { throw .bad("the authority has no port") }
            port = defaultPort
            return
        }
        let digits = text.extracting(min(cursor + 1, text.count)..<text.count)
        guard text[cursor] == ASCII.colon, digits.count <= 5, let number = ASCII.decimal(digits),
            let parsed = UInt16(exactly: number), parsed > 0
        else { throw .bad("the port is not a number from 1 to 65535") }
        port = parsed
    }

    /// Parses a text; see ``init(parsing:defaultPort:)-(Span<UInt8>,_)``.
    package init(parsing text: String, defaultPort: UInt16?) throws(MessageError) {
        try self.init(parsing: text.utf8Span.span, defaultPort: defaultPort)
    }

    /// The host as it stands in URLs: IPv6 addresses in brackets.
    package var bracketedHost: String { host.utf8.contains(ASCII.colon) ? "[\(host)]" : host }

    /// Host and port, the port always there.
    package var text: String { "\(bracketedHost):\(port)" }

    /// The value of a `Host` field: without the scheme's default port.
    package func hostHeader(for scheme: Scheme) -> String { port == scheme.defaultPort ? bracketedHost : text }

    private static func name(_ text: Span<UInt8>) throws(MessageError) -> String {
        var labelStart = 0
        var hasCapitals = false
        let end = text.count > 0 && text[text.count - 1] == ASCII.dot ? text.count - 1 : text.count
        guard end > 0, end <= 253 else { throw .bad("the host is empty or over 253 bytes") }
        for index in 0..<end {
            let byte = text[index]
            if byte == ASCII.dot {
                guard index > labelStart, index - labelStart <= 63 else { throw .bad("the host has a malformed label") }
                labelStart = index + 1
            } else if !ASCII.isLetter(byte), !ASCII.isDigit(byte), byte != 0x2D, byte != 0x5F {
                throw .bad("the host contains a forbidden byte")
            }
            if ASCII.lowercased(byte) != byte { hasCapitals = true }
        }
        guard end > labelStart, end - labelStart <= 63 else { throw .bad("the host has a malformed label") }
        let lastLabel = text.extracting(labelStart..<end)
        let name = text.extracting(first: end)
        if looksNumeric(lastLabel), !IPv6Text.isDottedQuad(name) {
            throw .bad("the host ends in a number and is no IPv4 address")
        }
        let host = String(copying: name)
        return hasCapitals ? ASCII.lowercased(host) : host
    }

    /// Whether some parser takes the label for a number: decimal digits, or `0x` and hexadecimal ones.
    private static func looksNumeric(_ label: Span<UInt8>) -> Bool {
        var isDecimal = true
        for index in label.indices where !ASCII.isDigit(label[index]) { isDecimal = false }
        if isDecimal { return true }
        guard label.count >= 2, label[0] == ASCII.zero, label[1] | 0x20 == 0x78 else { return false }
        for index in 2..<label.count where ASCII.hexValue(label[index]) == nil { return false }
        return true
    }
}

extension Authority: CustomStringConvertible {
    package var description: String { text }
}
