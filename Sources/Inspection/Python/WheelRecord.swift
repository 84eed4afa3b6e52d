import Wire

/// One line of a wheel's RECORD.
struct WheelRecordEntry: Equatable {
    var path: String
    /// `nil` when the line names no digest, as that of RECORD itself does.
    var digest: WheelDigest?
    /// `nil` when the line names no size.
    var size: Int64?
}

/// A digest as RECORD writes it: `sha256=` and base64url without padding.
struct WheelDigest: Equatable {
    enum Algorithm: String { case sha256, sha384, sha512 }

    var algorithm: Algorithm
    var bytes: [UInt8]
}

/// Why a line of RECORD cannot be used.
struct WheelRecordFault: Error, Equatable {
    var reason: String
}

/// Reads RECORD, which is CSV (RFC 4180): fields with commas or quotes stand in quotes.
///
/// - SeeAlso: packaging.python.org, "Recording installed projects".
struct WheelRecord {
    private let bytes: [UInt8]
    private var position: Int
    private(set) var line = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    }

    /// The next entry; `nil` at the end.
    mutating func next() throws(WheelRecordFault) -> WheelRecordEntry? {
        while position < bytes.count {
            line += 1
            let parts = try row()
            if parts == [""] { continue }
            guard parts.count == 3 else {
                throw fault("it has \(parts.count) comma-separated parts in place of 3")
            }
            guard !parts[0].isEmpty else { throw fault("it names no file") }
            return WheelRecordEntry(path: parts[0], digest: try digest(parts[1]), size: try size(parts[2]))
        }
        return nil
    }

    private func fault(_ reason: String) -> WheelRecordFault {
        WheelRecordFault(reason: "RECORD line \(line) is malformed: \(reason)")
    }

    /// The fields up to the end of a line.
    private mutating func row() throws(WheelRecordFault) -> [String] {
        var parts: [String] = []
        while true {
            parts.append(try field())
            guard parts.count <= 16 else { throw fault("it has more than 16 comma-separated parts") }
            guard position < bytes.count else { return parts }
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: ",") { continue }
            // field() stops at a comma, a line end or the end of the bytes.
            if byte == UInt8(ascii: "\r"), position < bytes.count, bytes[position] == UInt8(ascii: "\n") {
                position += 1
            }
            return parts
        }
    }

    private mutating func field() throws(WheelRecordFault) -> String {
        var text: [UInt8] = []
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
            while position < bytes.count, !Self.endsField(bytes[position]) {
                text.append(bytes[position])
                position += 1
            }
            return String(decoding: text, as: UTF8.self)
        }
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") {
                guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                    guard position == bytes.count || Self.endsField(bytes[position]) else {
                        throw fault("text follows a closing quote")
                    }
                    return String(decoding: text, as: UTF8.self)
                }
                position += 1
            }
            text.append(byte)
        }
        throw fault("a quote is not closed")
    }

    private static func endsField(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    private func digest(_ text: String) throws(WheelRecordFault) -> WheelDigest? {
        guard !text.isEmpty else { return nil }
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let algorithm = WheelDigest.Algorithm(rawValue: String(parts[0])) else {
            throw fault("the digest is neither sha256 nor sha384 nor sha512")
        }
        let length =
            switch algorithm {
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        guard let bytes = Self.base64URL(parts[1]), bytes.count == length else {
            throw fault("the digest cannot be decoded")
        }
        return WheelDigest(algorithm: algorithm, bytes: bytes)
    }

    /// RFC 4648, section 5, without padding.
    private static func base64URL(_ text: Substring) -> [UInt8]? {
        guard !text.utf8.contains(where: { "+/=".utf8.contains($0) }) else { return nil }
        let standard = text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        let padding = [UInt8](repeating: UInt8(ascii: "="), count: (4 - standard.count % 4) % 4)
        return Base64.decode((standard + padding).span)
    }

    private func size(_ text: String) throws(WheelRecordFault) -> Int64? {
        guard !text.isEmpty else { return nil }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let size = Int64(text) else {
            throw fault("the size is not a number")
        }
        return size
    }
}
