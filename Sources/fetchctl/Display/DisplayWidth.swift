import Core

/// How many columns text takes on a terminal.
enum DisplayWidth {
    /// The columns of a text without control characters: 2 for wide East Asian characters and emoji, else 1 for each
    /// character, whatever it is composed of.
    static func of(_ text: String) -> Int {
        text.reduce(0) { $0 + columns($1) }
    }

    /// The text cut to `width` columns; where something is missing it ends in `…`.
    static func cut(_ text: String, to width: Int) -> String {
        guard of(text) > width else { return text }
        var result = ""
        var used = 1
        for character in text {
            used += columns(character)
            if used > width { break }
            result.append(character)
        }
        return width > 0 ? result + "…" : ""
    }

    /// The text cut to `width` columns with `…` in its middle, so that more of its end stays than of its beginning.
    static func cutInside(_ text: String, to width: Int) -> String {
        guard of(text) > width, width > 4 else { return cut(text, to: width) }
        let start = cut(text, to: (width - 1) / 3 + 1).dropLast()
        var end: [Character] = []
        var used = of(String(start)) + 1
        for character in text.reversed() {
            used += columns(character)
            if used > width { break }
            end.append(character)
        }
        return start + "…" + String(end.reversed())
    }

    private static func columns(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        let isWide =
            switch first.value {
            case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff,
                0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
                true
            default: first.properties.isEmojiPresentation
            }
        return isWide ? 2 : 1
    }
}
