internal import Core
internal import Sessions

/// Something in a request for a session that is not what the service knows: accepted with a warning in the log, refused where
/// `strict-api` is set.
struct RequestOddity: Sendable, Equatable {
    var problem: String
    /// What is made of it where it is accepted.
    var consequence: String
    /// What would be right.
    var allowed: String
    /// Whether the reply tells it as well.
    var isTold = true

    var warning: String { "\(problem): \(consequence); \(allowed)" }
    var refusal: String { "refused by strict-api: \(problem); \(allowed)" }

    /// Names that are shown at most.
    private static let mostNames = 16

    /// Keys of the request itself; `nil` when there are none.
    static func unknownKeys(_ names: [String], allowed: String) -> Self? {
        guard !names.isEmpty else { return nil }
        let list = names.prefix(mostNames).map { "'\(escapedForDisplay($0, limit: 64))'" }.joined(separator: ", ")
        return Self(problem: "unknown keys \(list)", consequence: "they are ignored", allowed: allowed)
    }

    /// Keys within the session's own configuration of inspectors, as paths; `nil` when there are none.
    ///
    /// They are not told in the reply: tools send such a configuration, whose model of the reply forbids what they do not know.
    static func unknownKeys(inConfiguration paths: [String]) -> Self? {
        guard !paths.isEmpty else { return nil }
        let list = paths.prefix(mostNames).map {
            "\"inspectors-configuration.\(escapedForDisplay($0, limit: 200))\""
        }
        return Self(
            problem: "unknown key\(paths.count > 1 ? "s" : "") \(list.joined(separator: ", "))",
            consequence: "ignored", allowed: "known are those of inspectors.yaml", isTold: false)
    }

    /// A lifetime in seconds that is longer than the longest; `nil` when it is not.
    static func timeout(_ timeout: UInt64, longest: Int64) -> Self? {
        guard timeout > UInt64(longest) else { return nil }
        return Self(
            problem: "the timeout is too long", consequence: "it is cut",
            allowed: "at most \(longest) seconds are allowed")
    }
}

extension JSONValue {
    /// A lifetime in whole seconds; `nil` for what is negative, or is written with a fraction or an exponent and not so large that
    /// it must be whole all the same.
    var lifetime: UInt64? {
        switch self {
        case .integer(let seconds) where seconds >= 0: UInt64(seconds)
        case .number(let seconds) where seconds >= 0x1p53: UInt64(exactly: seconds) ?? .max
        default: nil
        }
    }
}
