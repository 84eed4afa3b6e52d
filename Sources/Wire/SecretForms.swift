internal import Core

/// The ways in which servers write down a secret that they were sent.
package enum SecretForms {
    /// The secret as it is and in base64 of both alphabets, without padding; each form once.
    package static func of(_ secret: [UInt8]) -> [[UInt8]] {
        var base64 = Array(Base64.encode(secret).utf8)
        while base64.last == ASCII.equals { base64.removeLast() }
        let forURLs = base64.map { byte in byte == 0x2B ? 0x2D : byte == ASCII.slash ? 0x5F : byte }
        return base64 == forURLs ? [secret, base64] : [secret, base64, forURLs]
    }
}
