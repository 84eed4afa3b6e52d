import COpenSSL
package import Core

/// What nobody can guess: from OpenSSL's generator, which the kernel seeds.
package enum SecureRandom {
    package static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let done = RAND_bytes(buffer.baseAddress, CInt(count))
            precondition(done == 1, "OpenSSL's random generator failed")
            initialized = count
        }
    }

    /// A version 4 UUID (RFC 9562) as 32 hex digits.
    package static func sessionID() -> SessionID {
        var bytes = bytes(16)
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        guard let id = SessionID(Hex.encode(bytes)) else { preconditionFailure("32 hex digits are a session id") }
        return id
    }

    /// A token: 22 of A–Z, a–z, 0–9, each equally likely; 131 bits.
    package static func token() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var text: [UInt8] = []
        while text.count < 22 {
            // 248 is the largest multiple of 62 in a byte: what is above it would favour the first letters.
            for byte in bytes(32) where byte < 248 && text.count < 22 { text.append(alphabet[Int(byte) % 62]) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
