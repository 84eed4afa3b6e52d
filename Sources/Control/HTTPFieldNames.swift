internal import HTTPTypes

extension HTTPField.Name {
    /// `Last-Event-ID` (WHATWG HTML, section 9.2.4).
    static let lastEventID = known("Last-Event-ID")

    /// `Repr-Digest` (RFC 9530, section 3).
    static let reprDigest = known("Repr-Digest")

    private static func known(_ text: String) -> Self {
        guard let name = Self(text) else { preconditionFailure("\(text) is no field name") }
        return name
    }
}
