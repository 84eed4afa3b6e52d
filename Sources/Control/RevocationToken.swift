internal import Core
internal import Wire

/// What a revocation gives as its session's token.
///
/// Newer builders send `{"token": "…"}`. Older ones send `Authorization: Basic <token>` and no body: the token as it is, or
/// as the password of a pair whose user is the session or empty. A bare token may happen to read as such a pair, so there
/// can be two candidates.
struct RevocationToken: Sendable, Equatable {
    private(set) var candidates: [String] = []

    /// Reads a request's body and its `Authorization`, which only counts without a token in the body.
    init(_ body: [UInt8], _ authorization: String?, of id: SessionID) throws(ControlRefusal) {
        if body.isEmpty, let authorization {
            candidates = Self.candidates(authorization, of: id)
            if !candidates.isEmpty { return }
        }
        let value: JSONValue
        do {
            value = try JSONValue(firstIn: body)
        } catch {
            throw .badRequest(error.description)
        }
        guard case .object(let members) = value else {
            throw .badRequest("the request body is \(value.kind): expected {\"token\": \"…\"}")
        }
        guard let member = members["token"], member != .null else {
            if let authorization { candidates = Self.candidates(authorization, of: id) }
            return
        }
        guard let token = member.text else { throw .badRequest("'token' must be a string, not \(member.kind)") }
        candidates = [token]
    }

    private static func candidates(_ authorization: String, of id: SessionID) -> [String] {
        let words = authorization.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "basic" else { return [] }
        guard let pair = BasicCredentials(fieldValue: authorization), pair.user == id.text || pair.user.isEmpty else {
            return [String(words[1])]
        }
        return [String(words[1]), pair.password]
    }
}
