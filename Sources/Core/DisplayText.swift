/// Makes text from outside safe to print in logs, terminals and refusals.
///
/// Control characters, line and paragraph separators, and the characters that change the direction of writing become
/// `\u{…}`; so does the backslash before them stay readable. Text longer than `limit` characters is cut with `…`.
package func escapedForDisplay(_ text: String, limit: Int = 1024) -> String {
    var result = String.UnicodeScalarView()
    var count = 0
    for scalar in text.unicodeScalars {
        guard count < limit else {
            result.append("…")
            break
        }
        count += 1
        if isHarmful(scalar) {
            result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
        } else {
            result.append(scalar)
        }
    }
    return String(result)
}

/// Makes JSON safe to print, as the same JSON: the characters that ``escapedForDisplay(_:limit:)`` replaces become escapes.
///
/// Outside of strings JSON has none of them but line breaks and tabs, which stay.
package func escapedForDisplay(json: String) -> String {
    guard json.unicodeScalars.contains(where: { isHarmful($0) && $0 != "\n" && $0 != "\t" }) else { return json }
    var result = String.UnicodeScalarView()
    for scalar in json.unicodeScalars {
        guard isHarmful(scalar), scalar != "\n", scalar != "\t" else {
            result.append(scalar)
            continue
        }
        for unit in Character(scalar).utf16 {
            let digits = String(unit, radix: 16)
            result.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
        }
    }
    return String(result)
}

private func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0: true  // C0, DEL, C1
    case 0x061c, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff, 0xfff9...0xfffb: true
    case 0xe0000...0xe007f: true  // tags
    default: false
    }
}
