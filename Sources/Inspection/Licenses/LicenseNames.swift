/// Turns the names that packagers give licenses into SPDX identifiers.
enum LicenseNames {
    /// The SPDX identifier of one license name, or `nil` when that is not sure.
    static func spdx(_ name: String) -> String? {
        let key = name.lowercased()
        if let known = names[key] { return known }
        return gnu(key)
    }

    /// An expression of names joined by `and`, `or` and commas, as Debian's copyright files write them.
    ///
    /// Names that are not known stay as they are.
    static func expression(_ text: String) -> String {
        text.replacing(",", with: " ").split(separator: " ").map { word in
            switch word.lowercased() {
            case "and": "AND"
            case "or": "OR"
            case "with": "WITH"
            default: spdx(String(word)) ?? String(word)
            }
        }.joined(separator: " ")
    }

    private static let names: [String: String] = [
        "expat": "MIT", "mit": "MIT", "mit license": "MIT", "the mit license": "MIT", "mit/expat": "MIT",
        "mit-0": "MIT-0", "isc": "ISC", "isc license": "ISC", "zlib": "Zlib", "zlib/libpng": "Zlib",
        "unlicense": "Unlicense", "bsl-1.0": "BSL-1.0", "boost": "BSL-1.0", "boost-1.0": "BSL-1.0", "cc0": "CC0-1.0",
        "cc0-1.0": "CC0-1.0", "bsd-2-clause": "BSD-2-Clause", "2-clause bsd": "BSD-2-Clause",
        "bsd 2-clause": "BSD-2-Clause", "simplified bsd": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause",
        "3-clause bsd": "BSD-3-Clause", "3-clause bsd license": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause",
        "bsd 3-clause license": "BSD-3-Clause", "new bsd": "BSD-3-Clause", "new bsd license": "BSD-3-Clause",
        "modified bsd license": "BSD-3-Clause", "bsd-4-clause": "BSD-4-Clause", "apache-2.0": "Apache-2.0",
        "apache-2": "Apache-2.0", "apache 2.0": "Apache-2.0", "apache 2": "Apache-2.0",
        "apache license 2.0": "Apache-2.0", "apache license, version 2.0": "Apache-2.0",
        "apache license version 2.0": "Apache-2.0", "mpl-1.1": "MPL-1.1", "mpl-2.0": "MPL-2.0", "mpl 2.0": "MPL-2.0",
        "psf-2": "PSF-2.0", "psf-2.0": "PSF-2.0", "python-2.0": "Python-2.0", "artistic-1": "Artistic-1.0",
        "artistic-1.0": "Artistic-1.0", "artistic-2": "Artistic-2.0", "artistic-2.0": "Artistic-2.0",
        "openssl": "OpenSSL", "curl": "curl", "epl-1.0": "EPL-1.0", "epl-2.0": "EPL-2.0", "ofl-1.1": "OFL-1.1",
        "sil-1.1": "OFL-1.1", "w3c": "W3C", "x11": "X11", "ncsa": "NCSA", "wtfpl": "WTFPL", "afl-2.1": "AFL-2.1",
        "cc-by-3.0": "CC-BY-3.0", "cc-by-4.0": "CC-BY-4.0", "cc-by-sa-3.0": "CC-BY-SA-3.0",
        "cc-by-sa-4.0": "CC-BY-SA-4.0",
    ]

    /// `gpl-2+` → `GPL-2.0-or-later`, `lgpl-2.1` → `LGPL-2.1-only` and so on.
    private static func gnu(_ key: String) -> String? {
        for (prefix, family, versions) in families where key.hasPrefix(prefix) {
            var version = key.dropFirst(prefix.count)
            var isLater = false
            if version.hasSuffix("+") {
                isLater = true
                version = version.dropLast()
            } else if version.hasSuffix("-or-later") {
                isLater = true
                version = version.dropLast(9)
            } else if version.hasSuffix("-only") {
                version = version.dropLast(5)
            }
            let full = version.contains(".") ? String(version) : "\(version).0"
            guard versions.contains(full) else { return nil }
            return "\(family)-\(full)-\(isLater ? "or-later" : "only")"
        }
        return nil
    }

    private static let families: [(prefix: String, family: String, versions: Set<String>)] = [
        ("gpl-", "GPL", ["1.0", "2.0", "3.0"]), ("lgpl-", "LGPL", ["2.0", "2.1", "3.0"]), ("agpl-", "AGPL", ["3.0"]),
        ("gfdl-", "GFDL", ["1.1", "1.2", "1.3"]),
    ]
}
