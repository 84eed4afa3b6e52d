import Core

/// Debian packages (contract `inspectors-apt.md`, section 5).
///
/// A package is approved when `apt.packages` found it in a verified index; without that it is rejected, described all
/// the same.
struct DebInspector: Inspector {
    let id = "deb"
    let repositories: [String: AptRepository]

    func examine(_ request: InspectedRequest, at url: InspectedURL) -> RequestFinding? {
        guard let pool = PoolURL(url, repositories: repositories) else { return nil }
        let annotations: [String: JSONValue] = [
            "repository": .string(pool.repository), "component": .string(pool.component), "name": .string(pool.name),
            "version": .string(pool.version), "architecture": .string(pool.architecture),
        ]
        // apt compares a package with the digest in its index, which it has before it asks for the package.
        return RequestFinding(
            Inspection(.pending, "a package in the pool of a configured repository", annotations: annotations),
            claim: Claim(delivery: .streamed))
    }

    func extract(
        from bytes: any BlobBytes, type: String, budget: ExtractionBudget
    ) throws(ExtractionError) -> JSONValue? {
        guard type == TypeDetector.deb else { return nil }
        return try DebExtraction.run(bytes, budget: budget)
    }

    func judge(
        _ use: ArtifactUse, extraction: JSONValue?, earlier: [(id: String, inspection: Inspection)]
    ) -> ResponseFinding? {
        guard let facts = extraction else { return nil }
        var metadata = ArtifactMetadata()
        metadata.name = facts["name"]?.text ?? ""
        metadata.version = facts["version"]?.text ?? ""
        metadata.architecture = facts["architecture"]?.text ?? ""
        metadata.description = facts["description"]?.text ?? ""
        metadata.vendor = facts["vendor"]?.text ?? ""
        metadata.sourcePackage = facts["source-package"]?.text ?? ""
        metadata.license = facts["license"]?.text ?? ""
        metadata.copyright = facts["copyright"]?.text ?? ""
        metadata.author = facts["author"]?.text ?? ""
        let isListed = earlier.first { $0.id == "apt.packages" }?.inspection.annotations["packages-is-valid"]?.bool
        let inspection: Inspection =
            if let fault = facts["fault"]?.text {
                Inspection(.rejected, "the package cannot be read: \(fault)")
            } else if metadata.name.isEmpty || metadata.version.isEmpty {
                Inspection(.rejected, "the package's control file lacks its name or version")
            } else if let difference = misnaming(of: use, metadata) {
                Inspection(.rejected, difference)
            } else {
                switch isListed {
                case true: Inspection(.approved, "parsed and vouched for by a verified index")
                case false: Inspection(.rejected, "the package is listed only in an index that was not verified")
                default:
                    // From a repository that nobody configured it is recognised and no more.
                    Inspection(
                        use.request[id]?.opinion == .pending ? .rejected : .unknown,
                        "no verified package index vouches for this package")
                }
            }
        return ResponseFinding(inspection, metadata: metadata)
    }

    /// A package under another's name: only where the request named one.
    private func misnaming(of use: ArtifactUse, _ metadata: ArtifactMetadata) -> String? {
        guard let request = use.request[id], request.opinion == .pending,
            let name = request.annotations["name"]?.text, let version = request.annotations["version"]?.text,
            let architecture = request.annotations["architecture"]?.text
        else { return nil }
        // File names leave the epoch out.
        let isSameVersion = Self.withoutEpoch(version) == Self.withoutEpoch(metadata.version)
        guard name != metadata.name || !isSameVersion || architecture != metadata.architecture else { return nil }
        let found = [metadata.name, metadata.version, metadata.architecture].map { escapedForDisplay($0, limit: 100) }
        return "\(name) \(version) \(architecture) was requested, the package is \(found.joined(separator: " "))"
    }

    private static func withoutEpoch(_ version: String) -> Substring {
        guard let colon = version.firstIndex(of: ":") else { return version[...] }
        return version[version.index(after: colon)...]
    }
}
