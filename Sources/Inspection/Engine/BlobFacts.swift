package import Core

/// The bytes of a blob, at any position, from one thread.
package protocol BlobBytes {
    var size: Int64 { get }

    /// Reads up to `buffer.count` bytes at an offset; 0 at the end.
    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// What extraction found in a blob: a pure function of its bytes, found once and kept in the catalog.
package struct BlobFacts: Sendable, Hashable, Codable {
    /// Grows when extraction learns something; facts of another version are extracted again.
    package static let currentVersion = 2

    package var version: Int
    /// MIME type by content, with parameters (contract `inspectors.md`, section 6).
    package var detectedType: String
    /// What each inspector found, by its id.
    package var extractions: [String: JSONValue]
    /// By inspector id: why it could not look (a limit, bytes that could not be read).
    package var errors: [String: String]
    /// Whether looking again would find the same; only such facts are worth keeping.
    ///
    /// `false` after a read error and when time ran out.
    package var isConclusive: Bool

    package init(
        version: Int = BlobFacts.currentVersion, detectedType: String, extractions: [String: JSONValue] = [:],
        errors: [String: String] = [:], isConclusive: Bool = true
    ) {
        self.version = version
        self.detectedType = detectedType
        self.extractions = extractions
        self.errors = errors
        self.isConclusive = isConclusive
    }

    /// The facts as the catalog keeps them.
    package var json: [UInt8] {
        JSONValue.object([
            "version": .integer(Int64(version)), "type": .string(detectedType),
            "extractions": .object(extractions), "errors": .object(errors.mapValues(JSONValue.string)),
            "conclusive": .bool(isConclusive),
        ]).json
    }

    /// Reads facts back; `nil` for anything but facts of the current version.
    package init?(json: [UInt8]) {
        guard let value = try? JSONValue(parsing: json), value["version"]?.integer == Int64(Self.currentVersion),
            let type = value["type"]?.text
        else { return nil }
        self.init(detectedType: type, isConclusive: value["conclusive"]?.bool ?? true)
        if case .object(let members) = value["extractions"] { extractions = members }
        if case .object(let members) = value["errors"] { errors = members.compactMapValues(\.text) }
    }
}
