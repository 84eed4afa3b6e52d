/// Tells kinds of text apart by how they begin.
enum TextDetector {
    /// The MIME type of text, or `nil` when the bytes are not text; `isWhole` says whether `head` is all of the body.
    static func detect(_ head: [UInt8], isWhole: Bool) -> String? {
        if head.starts(with: [0xff, 0xfe]) { return "text/plain; charset=utf-16le" }
        if head.starts(with: [0xfe, 0xff]) { return "text/plain; charset=utf-16be" }
        guard head.allSatisfy(isTextByte) else { return nil }
        guard isUTF8(head, isWhole: isWhole) else { return "text/plain; charset=iso-8859-1" }
        let start = trimmed(head)
        if start.starts(with: "<?xml".utf8) { return "text/xml; charset=utf-8" }
        if isHTML(start) { return "text/html; charset=utf-8" }
        if let type = json(start, isWhole: isWhole) { return type }
        if isAssertion(head) { return "application/x.ubuntu.assertion" }
        return "text/plain; charset=utf-8"
    }

    /// The bytes that text has beside control characters, as the WHATWG's MIME sniffing lists them.
    private static func isTextByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...8, 0x0b, 0x0e...0x1a, 0x1c...0x1f: false
        default: true
        }
    }

    private static func isUTF8(_ bytes: [UInt8], isWhole: Bool) -> Bool {
        var bytes = bytes[...]
        if !isWhole, let start = bytes.suffix(4).lastIndex(where: { $0 & 0xc0 != 0x80 }), bytes[start] >= 0xc0 {
            // The cut may have halved the last character.
            bytes = bytes[..<start]
        }
        return String(validating: bytes, as: UTF8.self) != nil
    }

    private static func trimmed(_ head: [UInt8]) -> ArraySlice<UInt8> {
        let text = head.starts(with: [0xef, 0xbb, 0xbf]) ? head[3...] : head[...]
        return text.drop { $0 == 0x20 || $0 == 0x0a || $0 == 0x0d || $0 == 0x09 || $0 == 0x0c }
    }

    private static let htmlStarts: [[UInt8]] = [
        "<!doctype html", "<html", "<head", "<script", "<iframe", "<h1", "<div", "<font", "<table", "<a", "<style",
        "<title", "<b", "<body", "<br", "<p", "<!--",
    ].map { Array($0.utf8) }

    /// WHATWG MIME sniffing, section 7.1: a tag name from a list, then a space or `>`.
    private static func isHTML(_ start: ArraySlice<UInt8>) -> Bool {
        let lowered = start.prefix(32).map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
        return htmlStarts.contains { tag in
            guard lowered.starts(with: tag), lowered.count > tag.count else { return false }
            if tag.last == UInt8(ascii: "-") { return true }
            return [0x20, 0x3e, 0x0a, 0x0d, 0x09, 0x0c].contains(lowered[tag.count])
        }
    }

    private static func json(_ text: ArraySlice<UInt8>, isWhole: Bool) -> String? {
        guard text.first == UInt8(ascii: "{") || text.first == UInt8(ascii: "[") else { return nil }
        if isJSONLines(text, isWhole: isWhole) { return "application/x-ndjson" }
        return JSONPrefix.accepts(text, isWhole: isWhole) ? "application/json" : nil
    }

    /// At least two lines, each an object; a last line may have been cut.
    private static func isJSONLines(_ text: ArraySlice<UInt8>, isWhole: Bool) -> Bool {
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if !isWhole { lines.removeLast() }
        if lines.last?.isEmpty ?? false { lines.removeLast() }
        return lines.count >= 2
            && lines.allSatisfy { $0.first == UInt8(ascii: "{") && JSONPrefix.accepts($0, isWhole: true) }
    }

    /// Line 1 begins `type:`, another `authority-id:`; at least 128 bytes, and three lines begin in the first 128.
    private static func isAssertion(_ head: [UInt8]) -> Bool {
        guard head.count >= 128, head.starts(with: "type:".utf8) else { return false }
        let lines = head.prefix(128).split(separator: UInt8(ascii: "\n"))
        return lines.count >= 3 && lines.contains { $0.starts(with: "authority-id:".utf8) }
    }
}
