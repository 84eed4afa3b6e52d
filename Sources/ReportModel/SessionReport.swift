/// A session's report (contract `report.md`), with our additional keys.
///
/// Decoding is tolerant: whatever is absent is empty, so reports of other versions and of the reference can be read.
package struct SessionReport: Codable, Sendable, Hashable {
    package var generator = ""
    package var comment = ""
    package var sessionID = ""
    package var startTime = ""
    package var endTime = ""
    /// Inspector ids in the order in which they ran, last `default`.
    package var inspectors: [String] = []
    package var spoolPath = ""
    /// `strict` or `permissive`.
    package var policy = ""
    package var artifacts: [ReportedArtifact] = []

    // Ours.
    /// What whoever opened the session calls it; empty without a name.
    package var name = ""
    /// What whoever opened the session says about it.
    package var labels: [String: String] = [:]
    /// `active` or `revoked`.
    package var state = ""
    /// Whether nothing is missing; a report without the key says nothing against it.
    package var recordComplete = true
    /// The secrets that the session was opened with, without their credentials.
    package var secrets: [ReportedSecret] = []
    /// What has not been examined, and why the record has a gap.
    package var incomplete: [ReportedGap] = []
    /// Requests that were not forwarded.
    package var refusedRequests: [ReportedDownload] = []
    /// Answers that are no artifacts: other statuses, no body.
    package var responses: [ReportedDownload] = []
    /// Transfers that did not come to their end.
    package var failedTransfers: [ReportedDownload] = []
    package var totals = ReportedTotals()

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case generator, comment, inspectors, policy, artifacts, name, labels, state, secrets, incomplete, responses
        case totals
        case sessionID = "session-id"
        case startTime = "start-time"
        case endTime = "end-time"
        case spoolPath = "spool-path"
        case recordComplete = "record-complete"
        case refusedRequests = "refused-requests"
        case failedTransfers = "failed-transfers"
    }

    package init(from decoder: any Decoder) throws {
        let values = try TolerantContainer<CodingKeys>(decoder)
        generator = try values.text(.generator)
        comment = try values.text(.comment)
        sessionID = try values.text(.sessionID)
        startTime = try values.text(.startTime)
        endTime = try values.text(.endTime)
        inspectors = try values.list(.inspectors)
        spoolPath = try values.text(.spoolPath)
        policy = try values.text(.policy)
        artifacts = try values.list(.artifacts)
        name = try values.text(.name)
        labels = try values.map(.labels)
        state = try values.text(.state)
        recordComplete = try values.value(.recordComplete) ?? true
        secrets = try values.list(.secrets)
        incomplete = try values.list(.incomplete)
        refusedRequests = try values.list(.refusedRequests)
        responses = try values.list(.responses)
        failedTransfers = try values.list(.failedTransfers)
        totals = try values.value(.totals) ?? ReportedTotals()
    }
}

/// A secret of a session, and whether it was of any use.
package struct ReportedSecret: Codable, Sendable, Hashable {
    /// Its place in the list with which the session was opened, from 0 on.
    package var index = 0
    package var type = ""
    /// The pattern of the URLs that it is for.
    package var url = ""
    package var allowsHTTP = false
    /// Requests that had it.
    package var uses: Int64 = 0
    /// Requests that it was for and that went without; their downloads say why.
    package var unused: Int64 = 0
    /// Why no request was one that it is for, if none was.
    package var reason = ""

    private enum CodingKeys: String, CodingKey {
        case index, type, url, uses, unused, reason
        case allowsHTTP = "allow-http"
    }

    package init() {}

    package init(from decoder: any Decoder) throws {
        let values = try TolerantContainer<CodingKeys>(decoder)
        index = try values.value(.index) ?? 0
        type = try values.text(.type)
        url = try values.text(.url)
        allowsHTTP = try values.value(.allowsHTTP) ?? false
        uses = try values.value(.uses) ?? 0
        unused = try values.value(.unused) ?? 0
        reason = try values.text(.reason)
    }
}

/// Something that is missing in a record, or not examined.
package struct ReportedGap: Codable, Sendable, Hashable {
    /// The exchange's number, when it is about one.
    package var number: Int64?
    package var url = ""
    /// The artifact's digest, when it is about one as a whole.
    package var sha256 = ""
    package var reason = ""

    private enum CodingKeys: String, CodingKey { case number, url, sha256, reason }

    package init(number: Int64? = nil, url: String = "", sha256: String = "", reason: String) {
        self.number = number
        self.url = url
        self.sha256 = sha256
        self.reason = reason
    }

    /// Takes an object or a plain text.
    package init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            reason = text
            return
        }
        let values = try TolerantContainer<CodingKeys>(decoder)
        number = try values.value(.number)
        url = try values.text(.url)
        sha256 = try values.text(.sha256)
        reason = try values.text(.reason)
    }
}

/// What a session did, in numbers.
package struct ReportedTotals: Codable, Sendable, Hashable {
    package var exchanges: Int64 = 0
    package var artifacts: Int64 = 0
    package var downloads: Int64 = 0
    package var responses: Int64 = 0
    package var refusedRequests: Int64 = 0
    package var failedTransfers: Int64 = 0
    /// Bytes of all artifacts, each counted once.
    package var size: Int64 = 0
    /// Body bytes given to the client.
    package var delivered: Int64 = 0

    private enum CodingKeys: String, CodingKey {
        case exchanges, artifacts, downloads, responses, size, delivered
        case refusedRequests = "refused-requests"
        case failedTransfers = "failed-transfers"
    }

    package init() {}

    package init(from decoder: any Decoder) throws {
        let values = try TolerantContainer<CodingKeys>(decoder)
        exchanges = try values.value(.exchanges) ?? 0
        artifacts = try values.value(.artifacts) ?? 0
        downloads = try values.value(.downloads) ?? 0
        responses = try values.value(.responses) ?? 0
        refusedRequests = try values.value(.refusedRequests) ?? 0
        failedTransfers = try values.value(.failedTransfers) ?? 0
        size = try values.value(.size) ?? 0
        delivered = try values.value(.delivered) ?? 0
    }
}
