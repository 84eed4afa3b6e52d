/// What a Debian package's copyright file says; nothing is an error.
///
/// - SeeAlso: Debian policy, "Machine-readable debian/copyright file", version 1.0.
struct CopyrightFile {
    /// In SPDX where that is sure; empty when unclear.
    var license = ""
    /// The holders, those of the upstream files first.
    var copyright = ""
    /// Who wrote the program.
    var author = ""

    private static let longestCopyright = 2048
    private static let longestLicense = 300

    init(_ bytes: [UInt8]) {
        let stanzas = ControlStanza.stanzas(bytes, limit: 2000)
        if let header = stanzas.first, header["Format"].contains("copyright-format") {
            readStanzas(stanzas)
        } else {
            readText(String(decoding: bytes, as: UTF8.self))
        }
    }

    private mutating func readStanzas(_ stanzas: [ControlStanza]) {
        author = Self.firstLine(stanzas[0]["Upstream-Contact"])
        var licenses: [String] = []
        var holders: [String] = []
        for stanza in stanzas where stanza.contains("Files") {
            // The packaging's own license is not the program's.
            let patterns = stanza["Files"].split { $0 == " " || $0 == "\n" }
            if !patterns.isEmpty, patterns.allSatisfy({ $0.hasPrefix("debian/") }) { continue }
            let license = LicenseNames.expression(Self.firstLine(stanza["License"]))
            if !license.isEmpty, !licenses.contains(license) { licenses.append(license) }
            for holder in stanza["Copyright"].split(separator: "\n") where !holders.contains(String(holder)) {
                holders.append(String(holder))
            }
        }
        let parts = licenses.map { licenses.count > 1 && $0.contains(" OR ") ? "(\($0))" : $0 }
        let expression = parts.joined(separator: " AND ")
        if expression.utf8.count <= Self.longestLicense { license = expression }
        copyright = Self.joined(holders)
    }

    private mutating func readText(_ text: String) {
        var lines: [String] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.drop { $0 == " " || $0 == "\t" }
            let lowered = line.prefix(40).lowercased()
            if author.isEmpty, lowered.hasPrefix("upstream author:") || lowered.hasPrefix("upstream authors:"),
                let colon = line.firstIndex(of: ":")
            {
                author = String(line[line.index(after: colon)...].drop { $0 == " " }.prefix(300))
            }
            if lowered.hasPrefix("copyright"), Self.namesYear(line), lines.count < 50 { lines.append(String(line)) }
        }
        copyright = Self.joined(lines)
        license = LicenseText.recognise(text)
    }

    /// Tells `Copyright 2020 Ada` from the sentences of a license.
    private static func namesYear(_ line: Substring) -> Bool {
        line.prefix(100).split { !$0.isNumber }.contains { $0.count == 4 && ($0.hasPrefix("19") || $0.hasPrefix("20")) }
    }

    private static func firstLine(_ text: String) -> String {
        String(text.prefix { $0 != "\n" }.prefix(300))
    }

    /// Lines up to the limit, never half a line.
    private static func joined(_ lines: [String]) -> String {
        var text = ""
        for line in lines {
            guard text.utf8.count + line.utf8.count < longestCopyright else { break }
            text += text.isEmpty ? line : "\n" + line
        }
        return text
    }
}
