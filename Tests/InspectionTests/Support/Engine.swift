import Core
import Cryptography
import Wire

@testable import Inspection

/// What the tests of several files ask of an engine.
enum Sample {
    static func engine(_ json: String = "{}") throws -> InspectionEngine {
        InspectionEngine(configuration: try InspectorsConfiguration(json: Array(json.utf8)))
    }

    static let trusting = """
        {"pip": {"urls": ["https://files.example:443"]},
         "apt": {"repositories": {"default": {"urls": ["http://archive.example/debian", "http://root.example"]}}}}
        """

    static func request(
        _ url: String, method: String = "GET", fields: Fields = Fields(), policy: SessionPolicy = .strict,
        isOrdinary: Bool = true
    ) -> InspectedRequest {
        InspectedRequest(method: method, url: url, isOrdinary: isOrdinary, fields: fields, policy: policy)
    }

    /// Claims, extracts and judges in one go.
    static func verdict(
        _ bytes: [UInt8], url: String = "https://other.example:443/file", policy: SessionPolicy = .permissive,
        engine: InspectionEngine, limits: ExtractionLimits = ExtractionLimits()
    ) -> ResponseVerdict {
        let request = engine.inspectRequest(request(url, policy: policy))
        let use = ArtifactUse(
            digest: SHA256Hasher.digest(bytes), size: Int64(bytes.count), url: url, request: request, policy: policy)
        return engine.judge(use, facts: engine.extract(MemoryBytes(bytes), limits: limits))
    }
}
