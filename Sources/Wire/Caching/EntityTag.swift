/// An entity tag (RFC 9110, section 8.8.3).
package struct EntityTag: Sendable, Hashable {
    /// What stands between the quotes, with them.
    package let opaque: String
    package let isWeak: Bool

    /// Reads one tag; nil for what is none, such as a tag without quotes.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        var cursor = 0
        guard let tag = EntityTag.read(bytes, from: &cursor), cursor == bytes.count else { return nil }
        self = tag
    }

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

    /// The tags of `If-Match` or `If-None-Match` over all lines.
    ///
    /// Members that are no tags are left out: they match nothing. Unlike other quoted strings, tags know no escapes.
    static func list(_ fields: Fields, _ name: String) -> [EntityTag] {
        var tags: [EntityTag] = []
        for line in fields.all(name) {
            let bytes = Array(line.utf8)
            var cursor = 0
            while cursor < bytes.count {
                if let tag = read(bytes, from: &cursor) {
                    tags.append(tag)
                } else {
                    cursor += 1
                }
            }
        }
        return tags
    }

    /// Reads the tag at `cursor` and moves past it, or leaves `cursor` where it is.
    private static func read(_ bytes: [UInt8], from cursor: inout Int) -> EntityTag? {
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
        return EntityTag(opaque: String(decoding: bytes[start..<cursor], as: UTF8.self), isWeak: isWeak)
    }
}
