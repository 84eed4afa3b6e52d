/// The header block of a Python package's METADATA, PKG-INFO or WHEEL file.
///
/// - SeeAlso: packaging.python.org, "Core metadata specifications"; the format is that of e-mail headers.
struct CoreMetadata {
    private var fields: [(name: String, value: String)] = []

    /// How long a value may be; longer ones are cut.
    private static let longestValue = 4096

    /// Reads `Name: value` lines up to the first blank line; lines that begin with a blank go on with the last value.
    init(_ bytes: [UInt8]) {
        let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...]
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            guard let first = line.first else { break }
            if first == UInt8(ascii: " ") || first == UInt8(ascii: "\t") {
                guard !fields.isEmpty, fields[fields.count - 1].value.utf8.count < Self.longestValue else { continue }
                fields[fields.count - 1].value += "\n" + Self.trimmed(line)
            } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
                let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
                fields.append((name, Self.trimmed(line[(colon + 1)...])))
            }
        }
    }

    /// The first value of a field; empty when it is not there.
    func first(_ name: String) -> String { fields.first { $0.name == name }?.value ?? "" }

    func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0d }
        var bytes = bytes.drop(while: isBlank)
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return String(decoding: bytes.prefix(longestValue), as: UTF8.self)
    }
}
