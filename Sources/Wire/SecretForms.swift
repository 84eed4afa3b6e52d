internal import Core

/// The ways in which servers write down a secret that they were sent.
package enum SecretForms {
    /// The secret as it is and in base64 of both alphabets, without padding; each of them also percent-encoded in both cases,
    /// and as JSON escapes it, with and without the slash; each form once.
    package static func of(_ secret: [UInt8]) -> [[UInt8]] {
        var base64 = Array(Base64.encode(secret).utf8)
        while base64.last == ASCII.equals { base64.removeLast() }
        let forURLs = base64.map { byte in byte == 0x2B ? 0x2D : byte == ASCII.slash ? 0x5F : byte }
        var all: [[UInt8]] = []
        for text in [secret, base64, forURLs] {
            let quoted = Array(JSONValue.string(String(decoding: text, as: UTF8.self)).json.dropFirst().dropLast())
            for form in [
                text, percentEncoded(text, upperCase: true), percentEncoded(text, upperCase: false), quoted,
                withEscapedSlashes(quoted),
            ] where !all.contains(form) {
                all.append(form)
            }
        }
        return all
    }

    /// As some libraries write JSON that is to stand in HTML.
    private static func withEscapedSlashes(_ quoted: [UInt8]) -> [UInt8] {
        quoted.flatMap { $0 == ASCII.slash ? [UInt8(ascii: "\\"), $0] : [$0] }
    }

    private static func percentEncoded(_ bytes: [UInt8], upperCase: Bool) -> [UInt8] {
        var out: [UInt8] = []
        for byte in bytes {
            guard !ASCII.isUnreserved(byte) else {
                out.append(byte)
                continue
            }
            let digits = [ASCII.hexDigit(byte >> 4), ASCII.hexDigit(byte & 15)]
            out.append(ASCII.percent)
            out += upperCase ? digits : digits.map(ASCII.lowercased)
        }
        return out
    }
}
