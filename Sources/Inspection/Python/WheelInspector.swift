import Core

/// Wheels, Python's built packages (contract `inspectors-language.md`, sections 2 and 3).
///
/// Claims are made for trusted origins only; what a wheel holds is read from any origin.
struct WheelInspector: Inspector {
    static let type = "application/x.python.wheel"

    let id = "pip.wheel"
    /// Origins whose wheels are trusted.
    let trusted: [URLPattern]

    func examine(_ request: InspectedRequest, at url: InspectedURL) -> RequestFinding? {
        guard let segments = url.segments, let name = WheelName(url.fileName) else { return nil }
        let path = FilePath(segments)
        if trusted.contains(where: { $0.covers(url) }) {
            let annotations: [String: JSONValue] = ["name": .string(name.name), "version": .string(name.version)]
            // The path of an index's file host holds a digest that the client took from the index and checks.
            let delivery: Delivery = path == .byDigest ? .streamed : .held
            return RequestFinding(
                Inspection(.pending, "a wheel from a trusted origin", annotations: annotations),
                claim: Claim(delivery: delivery))
        }
        guard path == .byDigest else { return nil }
        return RequestFinding(
            Inspection(.unknown, "a wheel's URL, but its origin is not trusted; trusted ones stand under pip.urls"))
    }

    func extract(
        from bytes: any BlobBytes, type: String, budget: ExtractionBudget
    ) throws(ExtractionError) -> JSONValue? {
        guard type == TypeDetector.zip || type == TypeDetector.jar else { return nil }
        var extraction = WheelExtraction(bytes, budget: budget)
        return try extraction.run()
    }

    func judge(
        _ use: ArtifactUse, extraction: JSONValue?, earlier: [(id: String, inspection: Inspection)]
    ) -> ResponseFinding? {
        guard let facts = extraction else { return nil }
        var annotations: [String: JSONValue] = [:]
        for key in ["metadata-version", "files", "parsed-record-entries"] { annotations[key] = facts[key] }
        var faults = facts["requirement-faults"]?.texts ?? []
        if let fault = facts["integrity-fault"]?.text { faults.append(fault) }
        if let fault = misnaming(of: use, facts) { faults.append(fault) }
        if !faults.isEmpty { annotations["faults"] = .texts(faults) }
        for key in ["missing-files", "missing-files-count", "extra-files", "extra-files-count"] {
            annotations[key] = facts[key]
        }

        let inspection: Inspection
        if let fault = faults.first {
            inspection = Inspection(.rejected, "the wheel is bad: \(fault)", annotations: annotations)
        } else if facts["missing-files"] != nil {
            inspection = Inspection(.rejected, "the wheel lacks files that RECORD lists", annotations: annotations)
        } else if facts["extra-files"] != nil {
            inspection = Inspection(
                .rejected, "the wheel has files that RECORD does not list", annotations: annotations)
        } else {
            inspection = Inspection(.approved, "a wheel whose files fit its RECORD", annotations: annotations)
        }
        return ResponseFinding(inspection, metadata: metadata(facts))
    }

    private func metadata(_ facts: JSONValue) -> ArtifactMetadata {
        var metadata = ArtifactMetadata()
        metadata.type = Self.type
        metadata.name = facts["name"]?.text ?? ""
        metadata.version = facts["version"]?.text ?? ""
        metadata.description = facts["description"]?.text ?? ""
        metadata.author = facts["author"]?.text ?? ""
        metadata.authorEmail = facts["author-email"]?.text ?? ""
        metadata.vendor = facts["vendor"]?.text ?? ""
        metadata.license = facts["license"]?.text ?? ""
        metadata.architecture = facts["architecture"]?.text ?? ""
        return metadata
    }

    /// A wheel under another's name: only where the request named one.
    private func misnaming(of use: ArtifactUse, _ facts: JSONValue) -> String? {
        guard let url = InspectedURL(use.url), let requested = WheelName(url.fileName) else { return nil }
        let name = facts["name"]?.text ?? ""
        let version = facts["version"]?.text ?? ""
        guard !name.isEmpty, !version.isEmpty else { return nil }
        let isSame =
            WheelName.normalised(name) == WheelName.normalised(requested.name)
            && WheelName.release(version) == WheelName.release(requested.version)
        guard !isSame else { return nil }
        return "\(requested.name) \(requested.version) was requested, "
            + "METADATA says \(escapedForDisplay(name, limit: 100)) \(escapedForDisplay(version, limit: 100))"
    }

    /// Where a wheel stands on its host.
    private enum FilePath {
        /// `/packages/<2 hex>/<2 hex>/<60 hex>/<file>`, as the public index's file host has it.
        case byDigest
        case other

        init(_ segments: [String]) {
            let isByDigest =
                segments.count == 5 && segments[0] == "packages"
                && zip(segments[1...3], [2, 2, 60]).allSatisfy { segment, length in
                    segment.utf8.count == length
                        && segment.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
                }
            self = isByDigest ? .byDigest : .other
        }
    }
}
