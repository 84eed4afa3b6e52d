/// Takes the escapes out of text in which servers write down what they were sent, whichever it is and however often it was
/// applied: of URLs (`%3A`, and `+` for a space), of HTML (`&quot;`, `&#34;`, `&#x22;`) and of JSON and JavaScript (`\"`, `\/`,
/// `\u00e9`, `\x22`).
///
/// What a text and one that has escapes in addition come to is the same, so that the first is found in the second when both
/// are compared without escapes. One pass, in which every byte is looked at a bounded number of times.
package struct Unescaping {
    /// What came, without the escapes that are complete.
    private var out: [UInt8] = []

    /// The text without escapes, allocated once.
    package static func text(of bytes: [UInt8]) -> [UInt8] {
        var unescaping = Unescaping()
        unescaping.out.reserveCapacity(bytes.count)
        for byte in bytes { unescaping.append(byte) }
        // Those of `\"`, `\/` and `\\`, and with them all: how often a backslash was doubled cannot be told.
        unescaping.out.removeAll { $0 == ASCII.backslash }
        return unescaping.out
    }

    /// Takes a byte, and what it completes: what that stands for may complete another escape.
    private mutating func append(_ byte: UInt8) {
        var byte = byte
        while true {
            out.append(byte == UInt8(ascii: "+") ? ASCII.space : byte)
            guard let (length, meaning) = escapeAtEnd() else { return }
            out.removeLast(length)
            switch meaning {
            case .byte(let escaped): byte = escaped
            case .scalar(let scalar) where scalar.isASCII: byte = UInt8(scalar.value)
            case .scalar(let scalar):
                out += UTF8.encode(scalar) ?? UTF8.EncodedScalar()
                return
            }
        }
    }

    private enum Meaning {
        case byte(UInt8)
        case scalar(Unicode.Scalar)
    }

    /// The escape that ends here: its length and what it stands for.
    private func escapeAtEnd() -> (Int, Meaning)? {
        guard let last = out.last else { return nil }
        if ASCII.hexValue(last) != nil { return hexadecimal() }
        return last == ASCII.semicolon ? reference() : nil
    }

    /// `%XX`, `\xXX`, `\uXXXX`, and a pair of the last that is one character.
    private func hexadecimal() -> (Int, Meaning)? {
        if out.count > 2, out[out.count - 3] == ASCII.percent, let value = digits(2) { return (3, .byte(UInt8(value))) }
        if isEscape("x", back: 4), let value = digits(2) { return (4, .byte(UInt8(value))) }
        guard isEscape("u", back: 6), let unit = digits(4) else { return nil }
        if let scalar = Unicode.Scalar(unit) { return (6, .scalar(scalar)) }
        guard 0xDC00..<0xE000 ~= unit, isEscape("u", back: 12), let high = digits(4, before: 6),
            0xD800..<0xDC00 ~= high, let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (unit - 0xDC00))
        else { return nil }
        return (12, .scalar(scalar))
    }

    /// A character reference of HTML (HTML, section 13.5), with its semicolon.
    private func reference() -> (Int, Meaning)? {
        let body = out.dropLast().suffix(Self.longestReference)
        guard let start = body.lastIndex(of: UInt8(ascii: "&")) else { return nil }
        let name = String(decoding: body[(start + 1)...], as: UTF8.self)
        var scalar = Self.named[name]
        if name.hasPrefix("#") {
            let isHexadecimal = name.dropFirst().first.map { $0 == "x" || $0 == "X" } ?? false
            scalar = UInt32(name.dropFirst(isHexadecimal ? 2 : 1), radix: isHexadecimal ? 16 : 10)
                .flatMap(Unicode.Scalar.init)
        }
        return scalar.map { (out.count - start, .scalar($0)) }
    }

    /// Whether a backslash and a letter stand so many bytes before the end.
    private func isEscape(_ letter: Unicode.Scalar, back length: Int) -> Bool {
        let start = out.count - length
        return start >= 0 && out[start] == ASCII.backslash && out[start + 1] == UInt8(ascii: letter)
    }

    /// The value of so many hexadecimal digits before the last bytes.
    private func digits(_ count: Int, before rest: Int = 0) -> UInt32? {
        var value: UInt32 = 0
        for index in (out.count - rest - count)..<(out.count - rest) {
            guard let digit = ASCII.hexValue(out[index]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Bytes between the ampersand and the semicolon, with the former.
    private static let longestReference = 12

    /// The names of what a credential may hold: of ASCII's punctuation, and of Latin-1.
    private static let named: [String: Unicode.Scalar] = {
        var named: [String: Unicode.Scalar] = [
            "excl": "!", "quot": "\"", "QUOT": "\"", "num": "#", "dollar": "$", "percnt": "%", "amp": "&", "AMP": "&",
            "apos": "'", "lpar": "(", "rpar": ")", "ast": "*", "midast": "*", "plus": "+", "comma": ",", "period": ".",
            "sol": "/", "colon": ":", "semi": ";", "lt": "<", "LT": "<", "equals": "=", "gt": ">", "GT": ">",
            "quest": "?", "commat": "@", "lsqb": "[", "lbrack": "[", "bsol": "\\", "rsqb": "]", "rbrack": "]",
            "Hat": "^", "lowbar": "_", "grave": "`", "lcub": "{", "lbrace": "{", "verbar": "|", "vert": "|",
            "rcub": "}", "rbrace": "}",
        ]
        let latin = """
            nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro \
            para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil \
            Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave \
            Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml \
            igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute \
            thorn yuml
            """
        for (index, name) in latin.split(separator: " ").enumerated() {
            named[String(name)] = Unicode.Scalar(UInt8(0xA0 + index))
        }
        return named
    }()
}
