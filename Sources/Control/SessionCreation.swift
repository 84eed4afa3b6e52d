internal import Core
internal import Sessions

/// The body of `POST /session`.
struct SessionCreation: Sendable {
    var policy = SessionPolicy.strict
    /// Lifetime in seconds; 0 for the default.
    var timeout: UInt64 = 0
    /// `inspectors-configuration` as it was sent.
    var configuration: [UInt8]?
    /// `nil` without any.
    var secrets: SessionSecrets?
    /// What whoever opens the session calls it; empty without a name.
    var name = ""
    /// What whoever opens the session says about it, as a JSON object; empty without any.
    var labels: [UInt8] = []
    /// Members that we do not know.
    var unknownMembers: [String] = []
    /// What was given as policy and is none.
    var unknownPolicy: String?

    /// The members of the object.
    static let members = ["inspectors-configuration", "labels", "name", "policy", "secrets", "timeout"]
    /// Characters of a name, of a label, and of a label's value.
    static let longestText = 200
    static let mostLabels = 32

    /// Reads a body.
    ///
    /// A policy that is not `permissive` is strict, absent or misspelt. `null` is the same as absent.
    init(_ body: [UInt8]) throws(ControlRefusal) {
        guard !body.isEmpty else { throw .badRequest("the request body is empty (EOF): expected a JSON object") }
        let document: JSONValue
        do {
            document = try JSONValue(firstIn: body)
        } catch {
            throw .badRequest(error.description)
        }
        if document == .null { return }
        guard case .object(let members) = document else {
            throw .badRequest("the request body is \(document.kind): expected a JSON object")
        }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) where value != .null {
            switch name {
            case "policy":
                guard let text = value.text else { throw Self.wrongType(name, value, "a string") }
                policy = text == "permissive" ? .permissive : .strict
                if SessionPolicy(rawValue: text) == nil { unknownPolicy = text }
            case "timeout":
                guard let lifetime = value.lifetime else {
                    throw Self.wrongType(name, value, "a non-negative whole number of seconds")
                }
                timeout = lifetime
            case "name":
                guard let text = value.text else { throw Self.wrongType(name, value, "a string") }
                try Self.check(text, "'name'")
                self.name = text
            case "labels": labels = try Self.labels(name, value)
            case "inspectors-configuration":
                guard case .object = value else { throw Self.wrongType(name, value, "an object") }
                configuration = value.json
            case "secrets":
                // The reply must not show what was sent.
                guard let entries = value.list else { throw .badRequest("'secrets' must be a list, not \(value.kind)") }
                do throws(SecretFault) {
                    if !entries.isEmpty { secrets = try SessionSecrets(declared: entries) }
                } catch {
                    throw .badRequest(error.description)
                }
                unknownMembers += Self.unknownMembers(ofSecrets: entries)
            default: unknownMembers.append(name)
            }
        }
    }

    /// A misspelt `allow-http` must not go unnoticed.
    private static func unknownMembers(ofSecrets entries: [JSONValue]) -> [String] {
        entries.enumerated().flatMap { index, entry -> [String] in
            guard case .object(let members) = entry else { return [] }
            return members.keys.sorted().filter { !SessionSecrets.members.contains($0) }.map {
                "secrets[\(index)].\($0)"
            }
        }
    }

    /// What is accepted unless the API is strict.
    ///
    /// - Parameters:
    ///   - longest: The longest lifetime in seconds.
    ///   - unknownKeys: Paths of the keys within `inspectors-configuration` that nothing reads.
    /// - Returns: In the order in which they are to be told.
    func oddities(longest: Int64, unknownKeys: [String] = []) -> [RequestOddity] {
        let policy = unknownPolicy.map {
            RequestOddity(
                problem: "unknown policy '\(escapedForDisplay($0, limit: 64))'",
                consequence: "the session is strict", allowed: "known are strict and permissive")
        }
        return [
            .unknownKeys(
                unknownMembers,
                allowed: "known are \(Self.members.joined(separator: ", ")), and of a secret "
                    + SessionSecrets.members.joined(separator: ", ")),
            policy, .unknownKeys(inConfiguration: unknownKeys), .timeout(timeout, longest: longest),
        ].compactMap { $0 }
    }

    private static func labels(_ name: String, _ value: JSONValue) throws(ControlRefusal) -> [UInt8] {
        guard case .object(let labels) = value else { throw wrongType(name, value, "an object of strings") }
        guard labels.count <= mostLabels else {
            throw .badRequest("'labels' has \(labels.count) members: \(mostLabels) are allowed")
        }
        for (label, value) in labels.sorted(by: { $0.key < $1.key }) {
            guard let text = value.text else { throw wrongType("labels.\(label.prefix(64))", value, "a string") }
            try check(label, "a key of 'labels'")
            try check(text, "a value of 'labels'")
        }
        return labels.isEmpty ? [] : value.json
    }

    private static func check(_ text: String, _ what: String) throws(ControlRefusal) {
        guard text.unicodeScalars.count <= longestText else {
            throw .badRequest("\(what) is longer than \(longestText) characters")
        }
        guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
            throw .badRequest("\(what) has control characters")
        }
    }

    private static func wrongType(_ name: String, _ value: JSONValue, _ wanted: String) -> ControlRefusal {
        .badRequest("'\(name)' must be \(wanted), not \(String(decoding: value.json.prefix(64), as: UTF8.self))")
    }
}
