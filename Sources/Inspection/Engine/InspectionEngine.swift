import Core

/// Runs the inspectors of one session: over its requests, over bodies, over every use of a body.
///
/// The life of an artifact here: **claim** (``inspectRequest(_:)``, before connecting) → **extract**
/// (``extract(_:limits:)``, once for every distinct body ever) → **judge** (``judge(_:facts:)``, at every use).
package final class InspectionEngine: Sendable {
    private let inspectors: [any Inspector]
    private static let defaultID = "default"

    /// Annotations of one inspection take at most this many bytes of JSON.
    static let annotationLimit = 64 << 10

    /// Makes the inspectors in the contract's order.
    package convenience init(configuration: InspectorsConfiguration) {
        self.init(inspectors: [
            WheelInspector(trusted: configuration.pip?.urls ?? []),
            DebInspector(repositories: configuration.apt?.repositories ?? [:]),
        ])
    }

    init(inspectors: [any Inspector]) { self.inspectors = inspectors }

    /// The inspectors in the order in which they run, last `default`.
    package var ids: [String] { inspectors.map(\.id) + [Self.defaultID] }

    // MARK: Requests

    /// Asks every inspector whether it claims the request.
    ///
    /// An inspector that fails rejects the request, and those behind it are not asked.
    package func inspectRequest(_ request: InspectedRequest) -> RequestVerdict {
        var verdict = RequestVerdict()
        if request.isOrdinary, let url = InspectedURL(request.url) {
            for inspector in inspectors {
                do throws(InspectorFailure) {
                    guard let finding = try inspector.examine(request, at: url) else { continue }
                    verdict.add(finding, of: inspector.id, to: request, at: url)
                } catch {
                    verdict.inspections.append((inspector.id, Self.failed(error.description)))
                    break
                }
            }
        }
        if !verdict.isPending, !verdict.isRejected {
            let reason =
                request.isOrdinary
                ? "no inspector claims this request" : "the path can be read in two ways, so nobody may claim it"
            verdict.inspections.append((Self.defaultID, Inspection(.unknown, reason)))
        }
        return verdict
    }

    // MARK: Bodies

    /// Reads what is needed of a body, once: its type, and what each inspector can find in it.
    ///
    /// Never throws: what goes wrong is part of the facts. Blocks for as long as `limits` allow.
    package func extract(_ bytes: any BlobBytes, limits: ExtractionLimits = ExtractionLimits()) -> BlobFacts {
        Extraction(inspectors: inspectors, limits: limits).run(bytes)
    }

    // MARK: Uses

    /// Judges one use of a body.
    ///
    /// Without `facts`, when extraction has not ended, the result is ``Verdict/unknown``.
    package func judge(_ use: ArtifactUse, facts: BlobFacts?) -> ResponseVerdict {
        var base = ArtifactMetadata()
        base.type = facts?.detectedType ?? "application/octet-stream"
        base.sha256 = use.digest.hex
        base.size = use.size
        guard let facts else { return ResponseVerdict(inspections: [], result: .unknown, metadata: base) }

        var inspections: [(id: String, inspection: Inspection)] = []
        var descriptions: [(rank: Int, metadata: ArtifactMetadata)] = []
        var internalError: String?
        for inspector in inspectors {
            if use.policy == .strict, use.request[inspector.id]?.opinion != .pending { continue }
            do throws(InspectorFailure) {
                if let reason = facts.errors[inspector.id] { throw InspectorFailure(reason) }
                let extraction = facts.extractions[inspector.id]
                guard let finding = try inspector.judge(use, extraction: extraction, earlier: inspections) else {
                    continue
                }
                inspections.append((inspector.id, Self.bounded(finding.inspection)))
                if let metadata = finding.metadata {
                    descriptions.append((Self.rank(finding.inspection.opinion), metadata))
                }
            } catch {
                internalError = internalError ?? "\(inspector.id): \(error.description)"
                inspections.append((inspector.id, Self.failed(error.description)))
                if use.policy == .strict { break }
            }
        }
        let isRejected = inspections.contains { $0.inspection.opinion == .rejected }
        let isApproved = !isRejected && inspections.contains { $0.inspection.opinion == .approved }
        if !isRejected, !isApproved {
            inspections.append(
                (Self.defaultID, Inspection(.unknown, "no inspector vouches for this \(facts.detectedType)")))
        }
        // The last of the best: approvals outrank rejections, rejections the rest.
        var metadata = base
        if let best = descriptions.map(\.rank).max(), let chosen = descriptions.last(where: { $0.rank == best }) {
            metadata.replace(with: chosen.metadata)
        }
        return ResponseVerdict(
            inspections: inspections, result: use.request.isPending && isApproved ? .approved : .rejected,
            metadata: metadata, internalError: internalError)
    }

    private static func rank(_ opinion: Opinion) -> Int {
        switch opinion {
        case .approved: 2
        case .rejected: 1
        case .unknown, .pending: 0
        }
    }

    private static func failed(_ message: String) -> Inspection {
        Inspection(
            .rejected, "could not inspect: \(message)",
            annotations: ["error-message": .string(escapedForDisplay(message))])
    }

    private static func bounded(_ inspection: Inspection) -> Inspection {
        let size = JSONValue.object(inspection.annotations).json.count
        guard size > annotationLimit else { return inspection }
        var inspection = inspection
        inspection.annotations = ["omitted-annotation-bytes": .integer(Int64(size))]
        return inspection
    }
}

extension RequestVerdict {
    /// Enters a finding, after holding the request against the claim.
    fileprivate mutating func add(
        _ finding: RequestFinding, of id: String, to request: InspectedRequest, at url: InspectedURL
    ) {
        var inspection = finding.inspection
        if inspection.opinion == .pending {
            guard let claim = finding.claim else { preconditionFailure("\(id) claims without saying what") }
            if let obstacle = claim.obstacle(to: request, at: url) {
                inspection.opinion = .unknown
                inspection.reason = obstacle
            } else {
                let isFirst = !inspections.contains { $0.inspection.opinion == .pending }
                delivery = !isFirst && delivery == .held ? .held : claim.delivery
                bodyLimit = min(bodyLimit, claim.bodyLimit)
            }
        }
        inspections.append((id, inspection))
    }
}

extension Claim {
    /// Why the claim does not cover a request, or `nil`.
    fileprivate func obstacle(to request: InspectedRequest, at url: InspectedURL) -> String? {
        if !methods.contains(request.method) {
            return "only \(methods.sorted().joined(separator: " and ")) are claimed for this URL"
        }
        if url.query != nil, !allowsQuery { return "the URL has a query, which this claim does not cover" }
        if request.hasBody, !allowsRequestBody { return "the request has a body, which this claim does not cover" }
        return nil
    }
}
