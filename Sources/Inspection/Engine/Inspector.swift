package import Core

/// What one ecosystem knows: which requests it claims, what it reads out of a body, and how it judges a use.
///
/// The three steps are called in this order and none changes the inspector:
/// 1. ``examine(_:at:)`` before anything leaves the machine,
/// 2. ``extract(from:type:budget:)`` once for every distinct body there ever was,
/// 3. ``judge(_:extraction:earlier:)`` at every use of a body.
package protocol Inspector: Sendable {
    /// The key in reports.
    var id: String { get }

    /// Says whether the request is this inspector's; `nil` is silence.
    ///
    /// The engine has seen to it that the URL is ordinary, and turns a claim that the request's method, query or body
    /// does not fit into ``Opinion/unknown``.
    func examine(_ request: InspectedRequest, at url: InspectedURL) throws(InspectorFailure) -> RequestFinding?

    /// Reads what later judgements need out of a body.
    ///
    /// A pure function of the bytes: no configuration, no URL, no session. `nil` when the body is another ecosystem's.
    func extract(
        from bytes: any BlobBytes, type: String, budget: ExtractionBudget
    ) throws(ExtractionError) -> JSONValue?

    /// Judges one use; `nil` is silence.
    ///
    /// `extraction` is what ``extract(from:type:budget:)`` found, `earlier` what the inspectors before this one said.
    func judge(
        _ use: ArtifactUse, extraction: JSONValue?, earlier: [(id: String, inspection: Inspection)]
    ) throws(InspectorFailure) -> ResponseFinding?
}

/// An inspector could not do its work: its own fault, not the artifact's.
package struct InspectorFailure: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// What a claim covers; everything else on the same URL is refused in strict sessions before connecting.
package struct Claim: Sendable, Hashable {
    /// The methods that are claimed.
    package var methods: Set<String> = ["GET", "HEAD"]
    /// Whether the URL may have a query.
    package var allowsQuery = false
    /// Whether the request may have a body.
    package var allowsRequestBody = false
    /// How many bytes the answer may have.
    package var bodyLimit: Int64 = 4 << 30
    /// Whether the body may reach the client before its verdict, but for its end.
    package var delivery: Delivery
}

/// Whether bytes reach the client of a strict session before the verdict.
package enum Delivery: String, Sendable, Hashable {
    /// Yes, all but the end: the ecosystem's client checks the whole against a digest that it already has.
    case streamed
    /// No.
    case held
}

/// An inspector's answer to a request.
package struct RequestFinding: Sendable {
    package var inspection: Inspection
    /// Needed beside ``Opinion/pending``.
    package var claim: Claim?

    package init(_ inspection: Inspection, claim: Claim? = nil) {
        self.inspection = inspection
        self.claim = claim
    }
}

/// An inspector's answer to a response.
package struct ResponseFinding: Sendable {
    package var inspection: Inspection
    /// What the inspector knows of the artifact; `nil` leaves everything to the others.
    package var metadata: ArtifactMetadata?

    package init(_ inspection: Inspection, metadata: ArtifactMetadata? = nil) {
        self.inspection = inspection
        self.metadata = metadata
    }
}
