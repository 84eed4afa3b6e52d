import Core
import FoundationEssentials
import ReportModel

extension RunSummary {
    /// Reads a report.
    ///
    /// - Throws: ``ServiceError`` when it is not a report.
    init(reportJSON bytes: Data) throws(ServiceError) {
        do {
            self.init(try JSONDecoder().decode(SessionReport.self, from: bytes))
        } catch {
            throw ServiceError("the report is not the expected JSON: \(Shown.text("\(error)", limit: 300))")
        }
    }

    /// Picks from a report what a person wants to read.
    init(_ report: SessionReport) {
        artifacts = report.artifacts.map { Artifact($0, policy: report.policy) }
        problems = report.refusedRequests.map { Problem($0, kind: "refused") }
        problems += report.failedTransfers.map { Problem($0, kind: $0.isTruncated ? "truncated" : "failed") }
        for response in report.responses { otherAnswers[response.statusCode, default: 0] += 1 }
        let downloads = report.artifacts.flatMap(\.downloads)
        for download in downloads + report.responses + report.failedTransfers {
            let bytes = download.delivered ?? download.size ?? 0
            switch Source(reported: download.source) {
            case .network: bytesFromNetwork += bytes
            case .cache, .shared: bytesFromCache += bytes
            case nil: break
            }
        }
        savedNanoseconds = Self.saved(report.artifacts)
        unfinished = report.incomplete.filter { $0.number != nil || !$0.url.isEmpty }.map(\.url)
        if !report.recordComplete {
            let reasons = report.incomplete.filter { $0.number == nil && $0.url.isEmpty }.map(\.reason)
            incompleteness = reasons.isEmpty ? "the service does not say why" : reasons.joined(separator: "; ")
        }
    }

    /// What the cache saved: the time that each artifact's download from the network took, less the time of those from
    /// the cache.
    ///
    /// Only where both were measured: a guess from sizes would look like a measurement.
    private static func saved(_ artifacts: [ReportedArtifact]) -> Int64? {
        let differences = artifacts.flatMap { artifact -> [Int64] in
            let here = artifact.downloads.first { Source(reported: $0.source) == .network }?.nanoseconds
            return artifact.downloads.compactMap { download in
                guard Source(reported: download.source) == .cache, let before = download.fillNanoseconds ?? here,
                    let now = download.nanoseconds
                else { return nil }
                return max(0, before - now)
            }
        }
        return differences.isEmpty ? nil : differences.reduce(0, +)
    }

    /// One line of JSON.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

extension RunSummary.Source {
    /// Reads the word that a report has for it; `nil` when no body came from anywhere.
    init?(reported source: String) {
        switch source {
        case "network": self = .network
        case "cache", "revalidated": self = .cache
        case "joined": self = .shared
        default: return nil
        }
    }
}

extension RunSummary.Artifact {
    fileprivate init(_ artifact: ReportedArtifact, policy: String) {
        let metadata = artifact.metadata
        let url = artifact.downloads.first?.url ?? ""
        name = metadata.name.isEmpty ? Self.name(from: url) : metadata.name
        version = metadata.version
        type = metadata.type
        size = metadata.size
        sha256 = metadata.sha256
        for source in artifact.downloads.compactMap({ RunSummary.Source(reported: $0.source) })
        where !sources.contains(source) {
            sources.append(source)
        }
        verdict = artifact.result.isEmpty ? "Unknown" : artifact.result
        let inspections =
            artifact.judgements.map { [$0.requestInspection, $0.responseInspection] }.joined()
            + [artifact.requestInspection, artifact.responseInspection]
        for inspections in inspections {
            for (inspector, inspection) in inspections.sorted(by: { $0.key < $1.key })
            where inspection.opinion == "Rejected" {
                let objection = "\(inspector): \(inspection.reason)"
                if !objections.contains(objection) { objections.append(objection) }
            }
        }
        // The report says "Rejected" of everything that a strict session would refuse; to a person who was given the
        // file, that word would say that something is wrong with it.
        if policy == "permissive", verdict == "Rejected", objections.isEmpty { verdict = "Unvouched" }
    }

    /// The last part of a URL's path, else its host.
    ///
    /// A digest says nothing to a person and stands in the table anyway: then it is the part before it, of apt's
    /// `binary-amd64/by-hash/SHA256/…` the first.
    private static func name(from url: String) -> String {
        let parts = url.prefix { $0 != "?" }.split(separator: "/")
        let telling = parts.dropFirst(2).last { part in
            let isDigest = part.utf8.count >= 32 && part.allSatisfy(\.isHexDigit)
            return !isDigest && part != "by-hash"
                && !["md5sum", "sha1", "sha256", "sha512"].contains(part.lowercased())
        }
        return (telling ?? parts.last).map(String.init) ?? ""
    }
}

extension RunSummary.Problem {
    fileprivate init(_ download: ReportedDownload, kind: String) {
        self.kind = kind
        url = download.url
        reason = download.reason.isEmpty ? download.status : download.reason
    }
}
