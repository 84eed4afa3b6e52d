internal import Core

/// The ways in which servers write down a secret that they were sent.
package enum SecretForms {
    /// The secret as it is, in base64 of both alphabets and without padding, percent-encoded in both cases, and as JSON
    /// escapes it; each once.
    package static func of(_ secret: [UInt8]) -> [[UInt8]] {
        var base64 = Array(Base64.encode(secret).utf8)
        while base64.last == ASCII.equals { base64.removeLast() }
        let forURLs = base64.map { byte in byte == 0x2B ? 0x2D : byte == ASCII.slash ? 0x5F : byte }
        let quoted = JSONValue.string(String(decoding: secret, as: UTF8.self)).json
        var all: [[UInt8]] = []
        for form in [
            secret, base64, forURLs, percentEncoded(secret, upperCase: true), percentEncoded(secret, upperCase: false),
            Array(quoted.dropFirst().dropLast()),
        ] where !all.contains(form) {
            all.append(form)
        }
        return all
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
