package import Core

/// One exchange (contract `report.md`, section 4), with our additional keys.
package struct ReportedDownload: Codable, Sendable, Hashable {
    package var startTime = ""
    package var endTime = ""
    package var method = ""
    package var url = ""
    /// The client's `ip:port`.
    package var address = ""
    package var userAgent = ""
    package var requestHeader: [String: [String]] = [:]
    package var statusCode = 0
    package var status = ""
    package var contentType = ""
    package var responseHeader: [String: [String]] = [:]

    // Ours.
    /// Gap-free within the session; 0 in reports of others.
    package var number: Int64 = 0
    /// `network`, `cache`, `revalidated`, `joined` or `none`.
    package var source = ""
    /// Bytes of the whole body.
    package var size: Int64?
    /// Body bytes given to the client.
    package var delivered: Int64?
    /// Of the whole body, when that was seen.
    package var sha256 = ""
    package var isTruncated = false
    /// Why it was refused, failed or not cached.
    package var reason = ""
    package var requestBody: ReportedBody?
    /// The index of the session's secret that the request was for.
    package var secret: Int?
    /// Why the request went without it, if it did.
    package var secretUnused = ""
    /// From the request to the end of the body.
    package var nanoseconds: Int64?
    /// For a body from the cache: how long the download took that brought it there.
    package var fillNanoseconds: Int64?
    package var requestInspection: [String: ReportedInspection] = [:]
    /// For a 304: the digest of what it stands for, or `unknown`.
    package var standsFor = ""
    /// For a 206: the range that was served.
    package var range: JSONValue?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case method, url, address, status, number, source, size, delivered, sha256, reason, range, secret
        case startTime = "start-time"
        case endTime = "end-time"
        case userAgent = "user-agent"
        case requestHeader = "request-header"
        case statusCode = "status-code"
        case contentType = "content-type"
        case responseHeader = "response-header"
        case isTruncated = "truncated"
        case requestBody = "request-body"
        case secretUnused = "secret-unused"
        case nanoseconds = "duration-ns"
        case fillNanoseconds = "fill-duration-ns"
        case requestInspection = "request-inspection"
        case standsFor = "stands-for"
    }

    package init(from decoder: any Decoder) throws {
        let values = try TolerantContainer<CodingKeys>(decoder)
        startTime = try values.text(.startTime)
        endTime = try values.text(.endTime)
        method = try values.text(.method)
        url = try values.text(.url)
        address = try values.text(.address)
        userAgent = try values.text(.userAgent)
        requestHeader = try values.map(.requestHeader)
        statusCode = try values.value(.statusCode) ?? 0
        status = try values.text(.status)
        contentType = try values.text(.contentType)
        responseHeader = try values.map(.responseHeader)
        number = try values.value(.number) ?? 0
        source = try values.text(.source)
        size = try values.value(.size)
        delivered = try values.value(.delivered)
        sha256 = try values.text(.sha256)
        isTruncated = try values.value(.isTruncated) ?? false
        reason = try values.text(.reason)
        requestBody = try values.value(.requestBody)
        secret = try values.value(.secret)
        secretUnused = try values.text(.secretUnused)
        nanoseconds = try values.value(.nanoseconds)
        fillNanoseconds = try values.value(.fillNanoseconds)
        requestInspection = try values.map(.requestInspection)
        standsFor = try values.text(.standsFor)
        range = try values.value(.range)
    }
}

/// A request's body.
package struct ReportedBody: Codable, Sendable, Hashable {
    package var size: Int64
    package var sha256: String

    package init(size: Int64, sha256: String) {
        self.size = size
        self.sha256 = sha256
    }

    private enum CodingKeys: String, CodingKey { case size, sha256 }

    package init(from decoder: any Decoder) throws {
        let values = try TolerantContainer<CodingKeys>(decoder)
        size = try values.value(.size) ?? 0
        sha256 = try values.text(.sha256)
    }
}
