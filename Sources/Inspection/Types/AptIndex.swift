/// Recognises the index files of apt repositories by the start of their decompressed text
/// (contract `inspectors-apt.md`, sections 2 to 4).
enum AptIndex {
    static func isPackages(_ start: [UInt8]) -> Bool {
        guard let fields = firstStanza(start.prefix(4096), isCut: start.count >= 4096, until: "Size") else {
            return false
        }
        let names = Set(fields)
        return names.isSuperset(of: ["Package", "Architecture", "Version", "Built-Using"])
            || names.isSuperset(of: ["Package", "Architecture", "Version", "Priority", "Section", "Maintainer"])
    }

    static func isTranslation(_ start: [UInt8]) -> Bool {
        guard let fields = firstStanza(start.prefix(1024), isCut: start.count >= 1024, until: nil) else { return false }
        return fields.count == 3 && fields.contains("Package") && fields.contains("Description-md5")
    }

    static func isCommands(_ start: [UInt8]) -> Bool {
        guard let fields = firstStanza(start.prefix(4096), isCut: start.count >= 4096, until: nil) else { return false }
        return fields.count == 3 && Set(fields) == ["suite", "component", "arch"]
    }

    /// The field names of the first stanza up to a field; `nil` when a line has no colon.
    ///
    /// Continuation lines are passed over, and so is a last line that the cut may have shortened.
    private static func firstStanza(_ text: ArraySlice<UInt8>, isCut: Bool, until last: String?) -> [String]? {
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if isCut { lines.removeLast() }
        var fields: [String] = []
        for line in lines {
            guard let first = line.first else { break }
            if first == UInt8(ascii: " ") || first == UInt8(ascii: "\t") { continue }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            let name = String(decoding: line[..<colon], as: UTF8.self)
            if name == last { break }
            fields.append(name)
        }
        return fields
    }
}
