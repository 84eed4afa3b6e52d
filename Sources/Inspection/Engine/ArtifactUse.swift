package import Core

/// One exchange that delivers an artifact, or would.
package struct ArtifactUse: Sendable {
    package var digest: SHA256Digest
    package var size: Int64
    /// The URL in its recorded form.
    package var url: String
    package var method: String
    package var status: Int
    /// As the server declared it.
    package var contentType: String
    /// What the inspectors said about the request.
    package var request: RequestVerdict
    package var policy: SessionPolicy

    package init(
        digest: SHA256Digest, size: Int64, url: String, method: String = "GET", status: Int = 200,
        contentType: String = "", request: RequestVerdict, policy: SessionPolicy
    ) {
        self.digest = digest
        self.size = size
        self.url = url
        self.method = method
        self.status = status
        self.contentType = contentType
        self.request = request
        self.policy = policy
    }
}
