/// An entity tag (RFC 9110, section 8.8.3).
package struct EntityTag: Sendable, Hashable {
    /// What stands between the quotes, with them.
    package let opaque: String
    package let isWeak: Bool

    /// Reads one tag; nil for what is none, such as a tag without quotes, or one whose bytes are no UTF-8.
    package init?(_ text: Span<UInt8>) {
        var cursor = 0
        guard let tag = EntityTag.read(text, from: &cursor), cursor == text.count else { return nil }
        var bytes: [UInt8] = []
        bytes.append(copying: text.extracting(tag.opaque))
        guard let opaque = String(validating: bytes, as: UTF8.self) else { return nil }
        self.init(opaque: opaque, isWeak: tag.isWeak)
    }

    /// Reads a text; see ``init(_:)-(Span<UInt8>)``.
    package init?(_ text: String) { self.init(text.utf8Span.span) }

    private init(opaque: String, isWeak: Bool) {
        self.opaque = opaque
        self.isWeak = isWeak
    }

    /// As it stands in a field.
    package var text: String { isWeak ? "W/" + opaque : opaque }

    /// The weak tag with the same opaque part.
    package var weakened: EntityTag { EntityTag(opaque: opaque, isWeak: true) }

    /// Whether both are strong and equal (section 8.8.3.2).
    package func matchesStrongly(_ other: EntityTag) -> Bool { !isWeak && !other.isWeak && opaque == other.opaque }

    /// Whether the opaque parts are equal (section 8.8.3.2).
    package func matchesWeakly(_ other: EntityTag) -> Bool { opaque == other.opaque }

    /// Whether `If-Match` or `If-None-Match` names this tag, or everything with `*`.
    ///
    /// Members that are no tags are left out, up to their comma: they match nothing. Unlike other quoted strings, tags know
    /// no escapes.
    ///
    /// - Parameters:
    ///   - fields: the request's fields.
    ///   - name: the field.
    ///   - own: the tag of the response at hand.
    ///   - strongly: how to compare.
    /// - Returns: whether one member matches.
    static func isNamed(in fields: Fields, _ name: String, own: EntityTag?, strongly: Bool) -> Bool {
        var isNamed = false
        fields.forEachRaw { candidate, line in
            guard !isNamed, ASCII.equalIgnoringCase(candidate, name.utf8Span.span) else { return }
            var cursor = 0
            while cursor < line.count, !isNamed {
                if ASCII.isBlank(line[cursor]) || line[cursor] == ASCII.comma {
                    cursor += 1
                    continue
                }
                let tag = read(line, from: &cursor)
                let isStar = tag == nil && line[cursor] == 0x2A
                if isStar { cursor += 1 }
                while cursor < line.count, ASCII.isBlank(line[cursor]) { cursor += 1 }
                guard cursor == line.count || line[cursor] == ASCII.comma else {
                    while cursor < line.count, line[cursor] != ASCII.comma { cursor += 1 }
                    continue
                }
                if isStar {
                    isNamed = true
                } else if let tag, let own, !strongly || !tag.isWeak && !own.isWeak {
                    let (a, b) = (line.extracting(tag.opaque), own.opaque.utf8Span.span)
                    isNamed = a.count == b.count && a.indices.allSatisfy { a[$0] == b[$0] }
                }
            }
        }
        return isNamed
    }

    /// Finds the tag at `cursor` and moves past it, or leaves `cursor` where it is.
    private static func read(_ bytes: Span<UInt8>, from cursor: inout Int) -> (opaque: Range<Int>, isWeak: Bool)? {
        var index = cursor
        let isWeak = index + 1 < bytes.count && bytes[index] == 0x57 && bytes[index + 1] == ASCII.slash
        if isWeak { index += 2 }
        let start = index
        guard index < bytes.count, bytes[index] == ASCII.quote else { return nil }
        index += 1
        while index < bytes.count, bytes[index] != ASCII.quote {
            guard bytes[index] > ASCII.space, bytes[index] != 0x7F else { return nil }
            index += 1
        }
        guard index < bytes.count else { return nil }
        cursor = index + 1
        return (start..<cursor, isWeak)
    }
}
