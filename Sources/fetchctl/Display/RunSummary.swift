/// What a session downloaded, as far as a person wants to read it; everything in it is still raw text from outside.
struct RunSummary: Sendable, Equatable, Encodable {
    /// Where the bytes of a download came from.
    enum Source: String, Sendable, Encodable {
        case network
        case cache
        /// From a download of the same thing by somebody else that was under way.
        case shared
    }

    struct Artifact: Sendable, Equatable, Encodable {
        var name: String
        var version: String
        var type: String
        var size: Int64
        /// 64 hex digits.
        var sha256: String
        /// Without repetition, in the order of the downloads.
        var sources: [Source] = []
        /// `Approved`, `Rejected`, `Unknown`, or `Unvouched`: delivered in a permissive session though no inspector stands
        /// in for it, without any that objects.
        var verdict: String
        /// Why it was rejected: inspector and reason.
        var objections: [String] = []
    }

    /// A request that did not come to its end.
    struct Problem: Sendable, Equatable, Encodable {
        /// `refused`, `failed`, `truncated`.
        var kind: String
        var url: String
        var reason: String
    }

    var artifacts: [Artifact] = []
    var problems: [Problem] = []
    /// Answers that are no artifacts, by status.
    var otherAnswers: [Int: Int] = [:]
    var bytesFromNetwork: Int64 = 0
    /// Including what another client's download provided.
    var bytesFromCache: Int64 = 0
    /// How much longer the downloads from the cache took when they came from the network; `nil` where nobody measured.
    var savedNanoseconds: Int64?
    /// What was not settled when the report was made.
    var unfinished: [String] = []
    /// Why the record has gaps; `nil` when it has none.
    var incompleteness: String?

    private enum CodingKeys: String, CodingKey {
        case artifacts, problems, unfinished, incompleteness
        case otherAnswers = "other-answers"
        case bytesFromNetwork = "bytes-from-network"
        case bytesFromCache = "bytes-from-cache"
        case savedNanoseconds = "saved-ns"
    }
}
