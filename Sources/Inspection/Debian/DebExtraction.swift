import Core

/// Reads a Debian package: its control fields, and the license from its copyright file
/// (contract `inspectors-apt.md`, section 5).
///
/// The payload is unpacked no further than to the copyright file, and never beyond a limit.
struct DebExtraction {
    private let reader: ArchiveReader
    private let budget: ExtractionBudget

    private static let longestControl = 1 << 20
    private static let longestCopyright = 1 << 20

    init(_ bytes: any BlobBytes, budget: ExtractionBudget) throws(ExtractionError) {
        self.budget = budget
        reader = try ArchiveReader(.ar, from: BlobSource(bytes, budget: budget), budget: budget)
    }

    /// The facts of a body whose type says that it is a Debian package.
    ///
    /// - Throws: ``ExtractionError`` when we could not look; what is wrong with the package is the fact `fault`.
    static func run(_ bytes: any BlobBytes, budget: ExtractionBudget) throws(ExtractionError) -> JSONValue {
        var facts: [String: JSONValue] = [:]
        do throws(ExtractionError) {
            try DebExtraction(bytes, budget: budget).read(into: &facts)
        } catch {
            guard case .malformed(let reason) = error else { throw error }
            facts["fault"] = .string(reason)
        }
        return .object(facts)
    }

    private func read(into facts: inout [String: JSONValue]) throws(ExtractionError) {
        guard try reader.nextMember()?.name == "debian-binary" else {
            throw .malformed("the first member is not debian-binary")
        }
        let format = try reader.readAll(limit: 1024).bytes.prefix { $0 != UInt8(ascii: "\n") }
        guard format.elementsEqual("2.0".utf8) else {
            let text = escapedForDisplay(String(decoding: format, as: UTF8.self), limit: 20)
            throw .malformed("the package format is '\(text)'; only 2.0 is known")
        }
        try openMember("control.tar", suffixes: ["", ".gz", ".xz", ".zst", ".zstd"])
        let control = try readControl()
        for (key, value) in Self.facts(of: control) { facts[key] = .string(value) }
        try openMember("data.tar", suffixes: ["", ".gz", ".xz", ".zst", ".zstd", ".bz2", ".lzma"])
        do throws(ExtractionError) {
            guard let copyright = try readCopyright(of: control["Package"]) else { return }
            facts["license"] = .string(copyright.license)
            facts["copyright"] = .string(copyright.copyright)
            facts["author"] = .string(copyright.author)
        } catch {
            // The payload may be larger than we look: then its license is unknown, and nothing is wrong.
            guard case .limit = error else { throw error }
            facts["note"] = .string("no license was looked for: \(error.description)")
        }
    }

    /// Goes to the next member that dpkg does not pass over (those whose names begin with `_`); its name must fit.
    private func openMember(_ name: String, suffixes: [String]) throws(ExtractionError) {
        while let member = try reader.nextMember() {
            if member.name.hasPrefix("_") { continue }
            guard suffixes.contains(where: { member.name == name + $0 }) else {
                throw .malformed("\(escapedForDisplay(member.name, limit: 100)) stands where \(name) should be")
            }
            return
        }
        throw .malformed("\(name) is missing")
    }

    private func readControl() throws(ExtractionError) -> ControlStanza {
        let archive = try ArchiveReader(.tar, from: MemberSource(reader), budget: budget)
        var control: [UInt8]?
        while let member = try archive.nextMember() {
            guard member.name == "./control" || member.name == "control", member.kind == .file else { continue }
            guard control == nil else { throw .malformed("there are two control files") }
            let (bytes, isWhole) = try archive.readAll(limit: Self.longestControl)
            guard isWhole else { throw .malformed("the control file is longer than \(Self.longestControl) bytes") }
            control = bytes
        }
        guard let control, let stanza = ControlStanza.stanzas(control, limit: 1).first else {
            throw .malformed("there is no control file")
        }
        return stanza
    }

    private static func facts(of control: ControlStanza) -> [String: String] {
        let line = control["Description"].prefix { $0 != "\n" }.prefix(1000)
        return [
            "name": short(control["Package"]),
            "version": short(control["Version"]),
            "architecture": short(control["Architecture"]),
            "description": line.prefix(1).uppercased() + line.dropFirst(),
            "vendor": short(control["Maintainer"]),
            "source-package": short(control["Source"]),
        ]
    }

    private static func short(_ text: String) -> String { String(text.prefix(1000)) }

    private func readCopyright(of package: String) throws(ExtractionError) -> CopyrightFile? {
        guard !package.isEmpty else { return nil }
        let archive = try ArchiveReader(
            .tar, from: MemberSource(reader), budget: budget.part(bytes: budget.limits.payloadBytes))
        let path = "usr/share/doc/\(package)/copyright"
        while let member = try archive.nextMember() {
            guard member.name == "./" + path || member.name == path else { continue }
            // A link leads into another package.
            guard member.kind == .file else { return nil }
            return CopyrightFile(try archive.readAll(limit: Self.longestCopyright).bytes)
        }
        return nil
    }
}
