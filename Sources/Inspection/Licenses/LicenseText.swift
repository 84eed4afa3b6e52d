/// Recognises a license by its text, when exactly one can be meant.
enum LicenseText {
    /// The SPDX identifier, or an empty text.
    static func recognise(_ text: String) -> String {
        let words = text.prefix(100_000).lowercased().split { $0.isWhitespace || $0 == "*" || $0 == "#" }.joined(
            separator: " ")
        var found = commonLicenses(words)
        func add(_ license: String, when isThere: Bool) {
            if isThere, !found.contains(license) { found.append(license) }
        }
        add(
            "MIT",
            when: words.contains("permission is hereby granted, free of charge, to any person obtaining a copy"))
        add("ISC", when: words.contains("permission to use, copy, modify, and/or distribute this software for any"))
        if words.contains("redistribution and use in source and binary forms") {
            let isThree = words.contains("neither the name")
            let isFour = words.contains("all advertising materials")
            add(isFour ? "BSD-4-Clause" : isThree ? "BSD-3-Clause" : "BSD-2-Clause", when: true)
        }
        add("BSD-3-Clause", when: words.contains("3-clause bsd") || words.contains("bsd-3-clause"))
        add("Zlib", when: words.contains("the origin of this software must not be misrepresented"))
        return found.count == 1 ? found[0] : ""
    }

    /// References such as `/usr/share/common-licenses/GPL-2`; whether later versions may be used stands in the text.
    private static func commonLicenses(_ words: String) -> [String] {
        let mark = "/usr/share/common-licenses/"
        var found: [String] = []
        for range in words.ranges(of: mark).prefix(20) {
            var name = String(
                words[range.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." })
            while name.last == "." { name.removeLast() }
            let isLater = words.contains("any later version")
            let isGNU = name.hasPrefix("gpl-") || name.hasPrefix("lgpl-")
            guard let license = LicenseNames.spdx(isGNU && isLater ? name + "+" : name) else { continue }
            if !found.contains(license) { found.append(license) }
        }
        return found
    }
}
