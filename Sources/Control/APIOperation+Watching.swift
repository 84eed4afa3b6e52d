internal import Core

/// The operations that tell how the service is, as the API's description tells them.
extension APIOperation {
    static let metrics = APIOperation(
        id: "getMetrics", summary: "Gives all numbers in Prometheus' text format.",
        replies: [.text(200, "text/plain", "The numbers; docs/metrics.md says what they mean.")])

    static let health = APIOperation(
        id: "getHealth", summary: "Whether the service answers.",
        replies: [.text(200, "text/plain", "It does.")])

    static let readiness = APIOperation(
        id: "getReadiness", summary: "Whether the service should get work.",
        replies: [
            .text(200, "text/plain", "It should."),
            .error(
                503, "It should not, for these reasons, one in a line.",
                example: "record: a change has been waiting for 3 s", fields: ["Retry-After": "Seconds."]),
        ])

    /// A file of the operator's page.
    static func page(_ asset: PageAsset) -> APIOperation {
        let name = asset.path.split(separator: "/").last?.filter { $0 != "." } ?? ""
        let type = String(asset.contentType.prefix { $0 != ";" })
        return APIOperation(
            id: "getPage\(name)", summary: "The operator's page\(name.isEmpty ? "" : ": one of its files").",
            replies: [.text(200, type, "The file.")])
    }
}

extension APIReply {
    /// An answer that is text.
    fileprivate static func text(_ status: Int, _ type: String, _ text: String) -> APIReply {
        APIReply(status: status, text: text, content: [type: ["schema": ["type": "string"]]])
    }
}
