/// Writes certificates as a Java trust store, in the format JKS, which every JDK reads.
///
/// Made here and not by `keytool`, which takes a second per call and wants one call per certificate. All numbers are
/// big-endian; text is a length of two bytes and (plain ASCII here) its characters.
///
/// | field | bytes |
/// |---|---|
/// | magic `FE ED FE ED` | 4 |
/// | version 2 | 4 |
/// | number of entries | 4 |
/// | per entry: tag 2 (trusted certificate) | 4 |
/// | … alias | text |
/// | … time of making, ms since the epoch | 8 |
/// | … type `X.509` | text |
/// | … length of the certificate | 4 |
/// | … the certificate in DER | |
/// | SHA-1 of the password in UTF-16, `Mighty Aphrodite`, and all of the above | 20 |
enum JavaTrustStore {
    /// The password that the format wants; it is Java's customary one and protects nothing.
    static let password = "changeit"

    /// The bytes of a store with these certificates.
    static func bytes(certificates: [[UInt8]]) -> [UInt8] {
        var store: [UInt8] = [0xfe, 0xed, 0xfe, 0xed]
        append(2, width: 4, to: &store)
        append(certificates.count, width: 4, to: &store)
        for (index, certificate) in certificates.enumerated() {
            append(2, width: 4, to: &store)
            append("root\(index)", to: &store)
            append(0, width: 8, to: &store)
            append("X.509", to: &store)
            append(certificate.count, width: 4, to: &store)
            store += certificate
        }
        let salt = password.utf8.flatMap { [0, $0] } + "Mighty Aphrodite".utf8
        return store + SHA1Checksum.of(salt + store)
    }

    private static func append(_ value: Int, width: Int, to store: inout [UInt8]) {
        for shift in stride(from: 8 * (width - 1), through: 0, by: -8) {
            store.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    private static func append(_ text: String, to store: inout [UInt8]) {
        append(text.utf8.count, width: 2, to: &store)
        store += text.utf8
    }
}
