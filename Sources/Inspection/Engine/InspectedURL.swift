import Core

/// A recorded URL taken apart, so that host and path are matched each by itself.
package struct InspectedURL: Sendable, Hashable {
    /// `scheme://host:port`, and without the port when it is the scheme's own.
    package var origins: [String] {
        let defaultPort = recordedOrigin.utf8.starts(with: "https:".utf8) ? ":443" : ":80"
        if recordedOrigin.hasSuffix(defaultPort) {
            return [recordedOrigin, String(recordedOrigin.dropLast(defaultPort.utf8.count))]
        }
        return Self.hasPort(recordedOrigin) ? [recordedOrigin] : [recordedOrigin + defaultPort, recordedOrigin]
    }
    /// Scheme, host and port as recorded.
    package let recordedOrigin: String
    /// As recorded, `/` when the URL has none.
    package let path: String
    /// Behind the first `?`, or `nil`.
    package let query: String?
    /// The path's pieces between slashes with percent-escapes undone; `nil` when an escape hides a slash, a backslash,
    /// a control or non-ASCII byte, or is none.
    package let segments: [String]?

    /// Takes an absolute http or https URL apart; `nil` for anything else.
    package init?(_ url: String) {
        let bytes = Array(url.utf8)
        let scheme: String
        if bytes.starts(with: "https://".utf8) {
            scheme = "https"
        } else if bytes.starts(with: "http://".utf8) {
            scheme = "http"
        } else {
            return nil
        }
        let rest = bytes[(scheme.utf8.count + 3)...]
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        guard end > rest.startIndex else { return nil }
        recordedOrigin = String(decoding: bytes[..<end], as: UTF8.self)
        let target = rest[end...]
        let mark = target.firstIndex(of: UInt8(ascii: "?"))
        let path = target[..<(mark ?? target.endIndex)]
        self.path = path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
        query = mark.map { String(decoding: target[($0 + 1)...], as: UTF8.self) }
        segments = Self.decodedSegments(path)
    }

    /// The last piece of the path with its escapes undone; empty when the path ends in a slash or is not plain.
    package var fileName: String { segments?.last ?? "" }

    /// Whether a colon stands behind the host, which may be an address in brackets.
    private static func hasPort(_ origin: String) -> Bool {
        let afterScheme = origin.utf8.firstIndex(of: UInt8(ascii: ":")).map(origin.utf8.index(after:))
        guard let afterScheme, let colon = origin.utf8.lastIndex(of: UInt8(ascii: ":")), colon >= afterScheme else {
            return false
        }
        return !origin.utf8[colon...].contains(UInt8(ascii: "]"))
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "%"): false
        default: (0x20..<0x7f).contains(byte)
        }
    }

    private static func decodedSegments(_ path: ArraySlice<UInt8>) -> [String]? {
        var segments: [String] = []
        for piece in path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            // Most have no escape.
            if piece.allSatisfy(isPlain) {
                segments.append(String(decoding: piece, as: UTF8.self))
                continue
            }
            var decoded: [UInt8] = []
            var index = piece.startIndex
            while index < piece.endIndex {
                var byte = piece[index]
                index += 1
                if byte == UInt8(ascii: "%") {
                    guard index + 1 < piece.endIndex, let high = Hex.value(of: piece[index]),
                        let low = Hex.value(of: piece[index + 1])
                    else { return nil }
                    byte = high << 4 | low
                    index += 2
                }
                guard byte == UInt8(ascii: "%") || isPlain(byte) else { return nil }
                decoded.append(byte)
            }
            segments.append(String(decoding: decoded, as: UTF8.self))
        }
        return segments.contains { $0 == "." || $0 == ".." } ? nil : segments
    }
}
