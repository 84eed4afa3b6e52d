package import Core

/// One artifact of a session (contract `report.md`, section 2), with our additional keys.
package struct ReportedArtifact: Codable, Sendable, Hashable {
    package var metadataVersion = ""
    /// By inspector id, of the first use.
    package var requestInspection: [String: ReportedInspection] = [:]
    /// By inspector id, of the first use.
    package var responseInspection: [String: ReportedInspection] = [:]
    /// `Approved`, `Rejected` or `Unknown`.
    package var result = ""
    package var metadata = ReportedMetadata()
    package var downloads: [ReportedDownload] = []
    /// Ours: what was thought of each use.
    package var judgements: [ReportedJudgement] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case result, metadata, downloads, judgements
        case metadataVersion = "artifact-metadata-version"
        case requestInspection = "request-inspection"
        case responseInspection = "response-inspection"
    }

    package init(from decoder: any Decoder) throws {
        let values = try TolerantContainer<CodingKeys>(decoder)
        metadataVersion = try values.text(.metadataVersion)
        requestInspection = try values.map(.requestInspection)
        responseInspection = try values.map(.responseInspection)
        result = try values.text(.result)
        metadata = try values.value(.metadata) ?? ReportedMetadata()
        downloads = try values.list(.downloads)
        judgements = try values.list(.judgements)
    }
}

/// One inspector's opinion.
package struct ReportedInspection: Codable, Sendable, Hashable {
    /// `Unknown`, `Rejected`, `Approved` or `Pending`.
    package var opinion = ""
    package var reason = ""
    package var annotations: [String: JSONValue] = [:]

    package init() {}

    private enum CodingKeys: String, CodingKey { case opinion, reason, annotations }

    package init(from decoder: any Decoder) throws {
        let values = try TolerantContainer<CodingKeys>(decoder)
        opinion = try values.text(.opinion)
        reason = try values.text(.reason)
        annotations = try values.map(.annotations)
    }
}

/// What was thought of one use of an artifact.
package struct ReportedJudgement: Codable, Sendable, Hashable {
    package var number: Int64 = 0
    package var url = ""
    package var result = ""
    package var requestInspection: [String: ReportedInspection] = [:]
    package var responseInspection: [String: ReportedInspection] = [:]

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case number, url, result
        case requestInspection = "request-inspection"
        case responseInspection = "response-inspection"
    }

    package init(from decoder: any Decoder) throws {
        let values = try TolerantContainer<CodingKeys>(decoder)
        number = try values.value(.number) ?? 0
        url = try values.text(.url)
        result = try values.text(.result)
        requestInspection = try values.map(.requestInspection)
        responseInspection = try values.map(.responseInspection)
    }
}

/// What is known of an artifact (contract `report.md`, section 3); absent texts are empty.
package struct ReportedMetadata: Codable, Sendable, Hashable {
    package var type = ""
    package var sha1 = ""
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

    private enum CodingKeys: String, CodingKey {
        case type, sha1, sha256, size, name, version, vendor, description, author, license, architecture, copyright
        case authorEmail = "author-email"
        case sourcePackage = "source-package"
        case storeRevision = "store-revision"
        case aptSuite = "apt-suite"
        case contentID = "content-id"
    }

    package init(from decoder: any Decoder) throws {
        let values = try TolerantContainer<CodingKeys>(decoder)
        type = try values.text(.type)
        sha1 = try values.text(.sha1)
        sha256 = try values.text(.sha256)
        size = try values.value(.size) ?? 0
        name = try values.text(.name)
        version = try values.text(.version)
        vendor = try values.text(.vendor)
        description = try values.text(.description)
        author = try values.text(.author)
        license = try values.text(.license)
        authorEmail = try values.text(.authorEmail)
        architecture = try values.text(.architecture)
        copyright = try values.text(.copyright)
        sourcePackage = try values.text(.sourcePackage)
        storeRevision = try values.text(.storeRevision)
        aptSuite = try values.text(.aptSuite)
        contentID = try values.text(.contentID)
    }
}
