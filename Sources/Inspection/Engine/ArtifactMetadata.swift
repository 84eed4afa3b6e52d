import Core

/// What a report says about an artifact (contract `report.md`, section 3), but for its SHA-1.
///
/// That is empty here: the report finds it by the SHA-256 when it is made, so that relaying a body never waits for it.
package struct ArtifactMetadata: Sendable, Hashable {
    package var type = ""
    package var sha256 = ""
    package var size: Int64 = 0
    package var name = ""
    package var version = ""
    package var vendor = ""
    package var description = ""
    package var author = ""
    package var license = ""
    package var authorEmail = ""
    package var architecture = ""
    package var copyright = ""
    package var sourcePackage = ""
    package var storeRevision = ""
    package var aptSuite = ""
    package var contentID = ""

    package init() {}

    /// Replaces what inspectors set: all texts, blank ones too, but a blank type leaves the present one.
    mutating func replace(with other: ArtifactMetadata) {
        var result = other
        if other.type.isEmpty { result.type = type }
        result.sha256 = sha256
        result.size = size
        self = result
    }

    /// Appends the metadata as compact JSON; some keys are there only when they say something.
    package func append(to json: inout [UInt8]) {
        func member(_ name: String, _ value: String, always: Bool = true) {
            guard always || !value.isEmpty else { return }
            json += ",\"\(name)\":".utf8
            JSONText.appendQuoted(value, to: &json)
        }
        json += "{\"type\":".utf8
        JSONText.appendQuoted(type, to: &json)
        member("sha1", "")
        member("sha256", sha256)
        json += ",\"size\":\(size)".utf8
        member("name", name)
        member("version", version)
        member("vendor", vendor)
        member("description", description)
        member("author", author)
        member("license", license)
        member("author-email", authorEmail, always: false)
        member("architecture", architecture, always: false)
        member("copyright", copyright, always: false)
        member("source-package", sourcePackage, always: false)
        member("store-revision", storeRevision, always: false)
        member("apt-suite", aptSuite, always: false)
        member("content-id", contentID, always: false)
        json.append(UInt8(ascii: "}"))
    }
}
