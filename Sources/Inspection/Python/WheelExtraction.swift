import Core
import Cryptography

/// Reads a wheel: what its METADATA says, and whether its RECORD fits its members
/// (contract `inspectors-language.md`, section 3).
///
/// Two walks: the first over the names only, which tells whether this zip archive is a wheel; the second hashes every
/// member. A third hashes the members whose RECORD entry wants SHA-384 or SHA-512.
struct WheelExtraction {
    let bytes: any BlobBytes
    let budget: ExtractionBudget

    /// How many names of missing or extra files are kept.
    static let namesKept = 100
    /// Names in facts are cut to this many characters.
    private static let longestName = 300
    private static let longestMetadata = 1 << 20
    private static let longestRecord = 32 << 20

    private var directory = ""
    private var members: [String: Member] = [:]
    private var files = 0
    private var metadataFile: [UInt8]?
    private var wheelFile: [UInt8]?
    private var recordFile: [UInt8]?
    private var requirementFaults: [String] = []
    private var integrityFault: String?

    private struct Member {
        var size: Int64
        var sha256: SHA256Digest
    }

    init(_ bytes: any BlobBytes, budget: ExtractionBudget) {
        self.bytes = bytes
        self.budget = budget
    }

    /// The facts, or `nil` when the archive is no wheel.
    ///
    /// - Throws: ``ExtractionError`` when we could not look; what is wrong with the wheel is among the facts.
    mutating func run() throws(ExtractionError) -> JSONValue? {
        do throws(ExtractionError) {
            guard try findDirectory() else { return nil }
        } catch {
            guard case .malformed = error else { throw error }
            return nil
        }
        do throws(ExtractionError) {
            try hashMembers()
        } catch {
            guard case .malformed(let reason) = error else { throw error }
            integrityFault = integrityFault ?? "the archive is damaged: \(reason)"
        }
        let metadata = CoreMetadata(metadataFile ?? [])
        checkRequirements(metadata)
        var facts = metadataFacts(metadata)
        try checkRecord(into: &facts)
        if !requirementFaults.isEmpty { facts["requirement-faults"] = .texts(requirementFaults) }
        if let integrityFault { facts["integrity-fault"] = .string(integrityFault) }
        return .object(facts)
    }

    // MARK: Walks

    /// Looks for `<x>.dist-info/WHEEL` at top level.
    private mutating func findDirectory() throws(ExtractionError) -> Bool {
        let reader = try ZipReader(bytes, budget: budget)
        var directories: [String] = []
        while let member = try reader.nextMember() {
            let parts = member.name.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[1] == "WHEEL", parts[0].hasSuffix(".dist-info") else { continue }
            let name = String(parts[0])
            if !directories.contains(name), directories.count < 10 { directories.append(name) }
        }
        guard let first = directories.first else { return false }
        directory = first
        if directories.count > 1 {
            requirementFaults.append("more than one .dist-info folder: \(directories.joined(separator: ", "))")
        }
        return true
    }

    private mutating func hashMembers() throws(ExtractionError) {
        let reader = try ZipReader(bytes, budget: budget)
        while let member = try reader.nextMember() {
            if member.kind == .directory { continue }
            files += 1
            guard member.kind == .file else {
                integrityFault = integrityFault ?? "\(shown(member.name)) is not a plain file"
                continue
            }
            if let reason = Self.dangerousName(member.name) {
                integrityFault = integrityFault ?? "\(shown(member.name)) \(reason)"
            }
            var kept: [UInt8] = []
            let limit = keptBytes(of: member.name)
            var hasher = SHA256Hasher()
            var size: Int64 = 0
            while true {
                let piece = try reader.readPiece()
                if piece.isEmpty { break }
                hasher.update(piece)
                size += Int64(piece.count)
                kept += piece.prefix(limit - kept.count)
            }
            keep(kept, isWhole: size == Int64(kept.count), of: member.name)
            let found = Member(size: size, sha256: hasher.finish())
            if members.updateValue(found, forKey: member.name) != nil {
                integrityFault = integrityFault ?? "\(shown(member.name)) is in the archive twice"
            }
        }
    }

    private func keptBytes(of name: String) -> Int {
        switch name {
        case "\(directory)/METADATA", "\(directory)/WHEEL": Self.longestMetadata
        case "\(directory)/RECORD": Self.longestRecord
        default: 0
        }
    }

    private mutating func keep(_ bytes: [UInt8], isWhole: Bool, of name: String) {
        switch name {
        case "\(directory)/METADATA": metadataFile = bytes
        case "\(directory)/WHEEL": wheelFile = bytes
        case "\(directory)/RECORD":
            recordFile = bytes
            if !isWhole { integrityFault = integrityFault ?? "RECORD is longer than \(Self.longestRecord) bytes" }
        default: break
        }
    }

    /// Why a member's name must not be unpacked, or `nil`.
    private static func dangerousName(_ name: String) -> String? {
        if name.hasPrefix("/") { return "is an absolute path" }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        if parts.contains("..") || parts.contains(".") || parts.contains("") { return "is not a plain relative path" }
        return name.contains("\\") ? "has a backslash in its name" : nil
    }

    // MARK: METADATA

    private mutating func checkRequirements(_ metadata: CoreMetadata) {
        guard metadataFile != nil else {
            requirementFaults.append("METADATA is missing")
            return
        }
        for (field, title) in [
            ("name", "Name"), ("version", "Version"), ("metadata-version", "Metadata-Version"),
        ] where metadata.first(field).isEmpty {
            requirementFaults.append("METADATA has no \(title)")
        }
    }

    private func metadataFacts(_ metadata: CoreMetadata) -> [String: JSONValue] {
        let author = metadata.first("author")
        let tags = CoreMetadata(wheelFile ?? []).all("tag")
        let texts = [
            "name": metadata.first("name"),
            "version": metadata.first("version"),
            "metadata-version": metadata.first("metadata-version"),
            "description": metadata.first("summary"),
            "author": author,
            "author-email": metadata.first("author-email"),
            "vendor": author.isEmpty ? metadata.first("maintainer") : author,
            "license": PythonLicense.spdx(of: metadata),
            "architecture": WheelPlatform.architectures(ofTags: Array(tags.prefix(200))),
        ]
        return texts.mapValues(JSONValue.string)
    }

    // MARK: RECORD

    private mutating func checkRecord(into facts: inout [String: JSONValue]) throws(ExtractionError) {
        facts["files"] = .integer(Int64(files))
        guard let recordFile else {
            integrityFault = integrityFault ?? "RECORD is missing"
            return
        }
        var entries: [String: WheelRecordEntry] = [:]
        var missing: [String] = []
        var parsed: Int64 = 0
        var record = WheelRecord(recordFile)
        var longDigests: [String: WheelDigest] = [:]
        do throws(WheelRecordFault) {
            while let entry = try record.next() {
                parsed += 1
                if let known = entries.updateValue(entry, forKey: entry.path) {
                    guard known == entry else {
                        throw WheelRecordFault(reason: "RECORD has two different lines for \(shown(entry.path))")
                    }
                    continue
                }
                guard let member = members[entry.path] else {
                    missing.append(entry.path)
                    continue
                }
                if integrityFault == nil {
                    try check(entry, against: member)
                    if let digest = entry.digest, digest.algorithm != .sha256 { longDigests[entry.path] = digest }
                }
            }
        } catch {
            integrityFault = integrityFault ?? error.reason
        }
        facts["parsed-record-entries"] = .integer(parsed)
        if integrityFault == nil, !longDigests.isEmpty { try checkLongDigests(longDigests) }
        let extra = members.keys.filter { entries[$0] == nil && !isSignature($0) }
        enter(missing, as: "missing-files", into: &facts)
        // Lines behind a malformed one were not read, so nothing can be said about what they do not list.
        if integrityFault == nil { enter(extra, as: "extra-files", into: &facts) }
    }

    private func check(_ entry: WheelRecordEntry, against member: Member) throws(WheelRecordFault) {
        if entry.path == "\(directory)/RECORD" || isSignature(entry.path), entry.digest == nil { return }
        guard let digest = entry.digest else {
            throw WheelRecordFault(reason: "RECORD has no digest for \(shown(entry.path))")
        }
        guard let size = entry.size else {
            throw WheelRecordFault(reason: "RECORD has no size for \(shown(entry.path))")
        }
        guard size == member.size else {
            throw WheelRecordFault(
                reason: "\(shown(entry.path)) has \(member.size) bytes, RECORD says \(size)")
        }
        guard digest.algorithm != .sha256 || digest.bytes == member.sha256.bytes else {
            throw WheelRecordFault(reason: "\(shown(entry.path)) does not have the digest in RECORD")
        }
    }

    private mutating func checkLongDigests(_ digests: [String: WheelDigest]) throws(ExtractionError) {
        let reader = try ZipReader(bytes, budget: budget)
        while let member = try reader.nextMember() {
            guard member.kind == .file, let digest = digests[member.name],
                let variant = LongSHA2Hasher.Variant(rawValue: digest.algorithm.rawValue)
            else { continue }
            var hasher = LongSHA2Hasher(variant)
            while true {
                let piece = try reader.readPiece()
                if piece.isEmpty { break }
                hasher.update(piece)
            }
            guard hasher.finish() == digest.bytes else {
                integrityFault = "\(shown(member.name)) does not have the digest in RECORD"
                return
            }
        }
    }

    private func isSignature(_ path: String) -> Bool {
        path == "\(directory)/RECORD.jws" || path == "\(directory)/RECORD.p7s"
    }

    private func enter(_ names: [String], as key: String, into facts: inout [String: JSONValue]) {
        guard !names.isEmpty else { return }
        facts[key] = .texts(names.sorted().prefix(Self.namesKept).map(shown))
        if names.count > Self.namesKept { facts["\(key)-count"] = .integer(Int64(names.count)) }
    }

    private func shown(_ name: String) -> String { escapedForDisplay(name, limit: Self.longestName) }
}
