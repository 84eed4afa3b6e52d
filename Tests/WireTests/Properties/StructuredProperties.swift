import Wire

/// Structured fields: what is read is written and read back as the same, in one normal form.
enum StructuredProperties {
    static func check(_ bytes: [UInt8]) throws {
        if let list = try? StructuredParser.list(bytes) {
            let text = try StructuredSerialiser.list(list)
            try hold(try StructuredParser.list(Array(text.utf8)) == list, "a list is read back as another")
            // A date or number keeps its digits; a byte sequence may gain padding, an escape of text grows threefold.
            try hold(text.utf8.count <= 4 * bytes.count + 8, "a list grows")
        }
        if let dictionary = try? StructuredParser.dictionary(bytes) {
            let text = try StructuredSerialiser.dictionary(dictionary)
            try hold(
                try StructuredParser.dictionary(Array(text.utf8)) == dictionary, "a dictionary is read back as another")
            try hold(Set(dictionary.entries.map(\.key)).count == dictionary.entries.count, "a key comes twice")
        }
        if let item = try? StructuredParser.item(bytes) {
            let text = try StructuredSerialiser.item(item)
            try hold(try StructuredParser.item(Array(text.utf8)) == item, "an item is read back as another")
            try hold(try StructuredParser.list(bytes) == [.item(item)], "an item is no list of itself")
            try hold(try StructuredSerialiser.item(StructuredParser.item(Array(text.utf8))) == text, "no normal form")
        }
        let parts = lines(bytes, most: 2)
        let head = fields("X", raw: parts)
        if parts.count == 2, let first = try? StructuredParser.list(fields("X", raw: [parts[0]]), "x"),
            let second = try? StructuredParser.list(fields("X", raw: [parts[1]]), "x"), !first.isEmpty, !second.isEmpty,
            first.count + second.count <= StructuredParser.memberLimit
        {
            try hold(try StructuredParser.list(head, "x") == first + second, "two lines are not one list")
        }
        for name in ["repr-digest", "want-repr-digest"] {
            _ = DigestFields.sha256(fields(name, raw: parts), name)
            _ = DigestFields.isWelcome(fields(name, raw: parts), name)
        }
        let detail = String(decoding: bytes.prefix(200), as: UTF8.self)
        var status = Fields()
        CacheStatus.bypass(status: 200, detail: detail).append(to: &status, cache: detail)
        ProxyStatus(.responseContentCoding(detail), nextHop: detail, details: detail).append(to: &status, proxy: detail)
        try hold(try StructuredParser.list(status, "cache-status").count == 1, "Cache-Status is no structured field")
        try hold(try StructuredParser.list(status, "proxy-status").count == 1, "Proxy-Status is no structured field")
    }
}
