import Core

/// What becomes of an artifact; the raw values are the report's.
package enum Verdict: String, Codable, Sendable, Hashable {
    case approved = "Approved"
    case rejected = "Rejected"
    /// The inspection has not concluded.
    case unknown = "Unknown"
}

/// What the inspectors say about one use of an artifact.
package struct ResponseVerdict: Sendable {
    /// In the order in which the inspectors ran.
    package var inspections: [(id: String, inspection: Inspection)]
    package var result: Verdict
    package var metadata: ArtifactMetadata
    /// What failed on our side, if anything did; the result is `rejected` then.
    package var internalError: String?

    package init(
        inspections: [(id: String, inspection: Inspection)], result: Verdict, metadata: ArtifactMetadata,
        internalError: String? = nil
    ) {
        self.inspections = inspections
        self.result = result
        self.metadata = metadata
        self.internalError = internalError
    }

    /// One inspector's opinion.
    package subscript(id: String) -> Inspection? { inspections.first { $0.id == id }?.inspection }

    /// Why the artifact is refused: the reasons of those who reject it, or else of those who said anything.
    package var refusalReason: String {
        let rejections = inspections.filter { $0.inspection.opinion == .rejected }
        return (rejections.isEmpty ? inspections : rejections)
            .map { "\($0.id): \($0.inspection.reason)" }.joined(separator: "; ")
    }

    /// The judgement as it stands in the record: `request-inspection`, `response-inspection`, `metadata`.
    package func judgement(of request: RequestVerdict) -> [UInt8] {
        var json = Array("{\"request-inspection\":".utf8)
        Inspection.append(request.inspections, to: &json)
        json += ",\"response-inspection\":".utf8
        Inspection.append(inspections, to: &json)
        json += ",\"metadata\":".utf8
        metadata.append(to: &json)
        json.append(UInt8(ascii: "}"))
        return json
    }
}
