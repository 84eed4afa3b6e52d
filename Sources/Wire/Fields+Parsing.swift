/// What counts as fault when a section cannot be parsed, and the statuses that say so.
struct SectionFault: Sendable {
    var malformed: Int
    var tooMany: Int

    /// A client's section.
    static let request = SectionFault(malformed: 400, tooMany: 431)
    /// An origin's section; the client is told that the gateway got nonsense.
    static let response = SectionFault(malformed: 502, tooMany: 502)

    func error(_ reason: String) -> MessageError { MessageError(status: malformed, reason: reason) }
}

extension Fields {
    /// Parses the field lines of `bytes` from `start` on, up to the empty line, which must end `bytes`.
    ///
    /// Costs two allocations when all lines came as `Name: value CR LF`, three otherwise.
    ///
    /// - Throws: an error for what RFC 9112, sections 2.2 and 5, forbids: bare CR or LF, line folding, blanks around the
    ///   name, an empty name, control bytes, more than `maxFields` lines.
    init(parsing bytes: Span<UInt8>, from start: Int, maxFields: Int, fault: SectionFault) throws(MessageError) {
        var entries: [Entry] = []
        // Begun at the first line that is not in canonical form; until then the section itself can be copied.
        var rewritten: [UInt8]?
        var cursor = start
        let end = bytes.count
        while true {
            guard cursor < end else { throw fault.error("the header section has no end") }
            let lineStart = cursor
            if bytes[cursor] == ASCII.carriageReturn {
                guard cursor + 2 == end, bytes[cursor + 1] == ASCII.lineFeed else {
                    throw fault.error("the header section contains a bare CR or bytes after its end")
                }
                break
            }
            guard !ASCII.isBlank(bytes[cursor]) else { throw fault.error("a header line is folded (obs-fold)") }
            while cursor < end, ASCII.isToken(bytes[cursor]) { cursor += 1 }
            let nameEnd = cursor
            guard cursor < end, bytes[cursor] == ASCII.colon, nameEnd > lineStart else {
                throw fault.error(Fields.reasonForBadName(bytes, at: cursor, isEmpty: nameEnd == lineStart))
            }
            cursor += 1
            while cursor < end, ASCII.isBlank(bytes[cursor]) { cursor += 1 }
            let valueStart = cursor
            var valueEnd = cursor
            while cursor < end {
                let byte = bytes[cursor]
                if byte > ASCII.space {
                    guard byte != 0x7F else { throw fault.error("a header value contains a control byte") }
                    valueEnd = cursor + 1
                } else if byte == ASCII.carriageReturn {
                    break
                } else if !ASCII.isBlank(byte) {
                    throw fault.error("a header value contains a control byte or a bare LF")
                }
                cursor += 1
            }
            guard cursor + 1 < end, bytes[cursor + 1] == ASCII.lineFeed else {
                throw fault.error("a header line contains a bare CR or has no end")
            }
            guard entries.count < maxFields else {
                throw MessageError(status: fault.tooMany, reason: "more than \(maxFields) header lines")
            }
            if rewritten == nil,
                valueStart != nameEnd + 2 || bytes[nameEnd + 1] != ASCII.space || valueEnd != cursor
            {
                var prefix: [UInt8] = []
                prefix.reserveCapacity(end - start + maxFields)
                prefix.append(copying: bytes.extracting(start..<lineStart))
                rewritten = prefix
            }
            if entries.isEmpty { entries.reserveCapacity(16) }
            entries.append(
                Entry(
                    start: UInt32(rewritten?.count ?? lineStart - start), nameLength: UInt32(nameEnd - lineStart),
                    valueLength: UInt32(valueEnd - valueStart)))
            rewritten?.append(copying: bytes.extracting(lineStart..<nameEnd))
            rewritten?.append(ASCII.colon)
            rewritten?.append(ASCII.space)
            rewritten?.append(copying: bytes.extracting(valueStart..<valueEnd))
            rewritten?.append(ASCII.carriageReturn)
            rewritten?.append(ASCII.lineFeed)
            cursor += 2
        }
        if let rewritten {
            self.init(storage: rewritten, entries: entries)
        } else {
            var storage: [UInt8] = []
            storage.append(copying: bytes.extracting(start..<cursor))
            self.init(storage: storage, entries: entries)
        }
    }

    private static func reasonForBadName(_ bytes: Span<UInt8>, at index: Int, isEmpty: Bool) -> String {
        guard index < bytes.count else { return "a header line has no end" }
        if isEmpty, bytes[index] == ASCII.colon { return "a header line has an empty name" }
        if ASCII.isBlank(bytes[index]) { return "a header line has whitespace before its colon" }
        return "a header name contains a forbidden byte"
    }
}
